package town

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// person is a resident with what the record needs beyond that.
type person struct {
	Resident
	n          int // number in the town
	rng        *rand.Rand
	words      string // the language's English name
	race       string
	hispanic   bool
	born, died time.Time
	landline   string
	street     string
	zip        string
	height     float64
	doctor     int
	smoker     bool
	diet       float64 // how well she looks after herself, 0 to 1
	carer      *person
}

// home is one household.
type home struct {
	n      int
	c      culture
	family string
	street string
	zip    string
	rng    *rand.Rand
}

// settle fills the town with households until it has people residents.
func (g *gen) settle(people int) {
	all := cultures()
	g.people = append(g.people, g.maria()...)
	for i, p := range worst() {
		if len(g.people) >= people {
			break
		}
		g.people = append(g.people, g.odd(i, p))
	}
	for i, p := range magic() {
		if len(g.people) >= people {
			break
		}
		g.people = append(g.people, g.odd(len(worst())+i, p))
	}
	rng := rand.New(rand.NewPCG(g.seed, 1))
	for n := 100; len(g.people) < people; n++ {
		c := pickCulture(rng, all)
		h := home{n: n, c: c, family: pick(rng, c.families), rng: rng,
			street: fmt.Sprintf("%d %s", 100+rng.IntN(2900), pick(rng, streets())), zip: pick(rng, zips())}
		for _, p := range g.household(h) {
			if len(g.people) < people {
				g.people = append(g.people, p)
			}
		}
	}
}

// household returns who lives in h: most often one or two adults, children
// with some, an old parent with a few. Families share phones and addresses
// now and then.
func (g *gen) household(h home) []*person {
	age := adultAge(h.rng)
	first := g.person(h, age, sex(h.rng))
	list := []*person{first}
	if h.rng.Float64() < 0.48 {
		partner := g.person(h, max(19, age-4+h.rng.IntN(9)), other(first.Sex))
		g.share(partner, first, 0.14)
		list = append(list, partner)
	}
	if age >= 22 && age < 50 && h.rng.Float64() < 0.42 {
		for range 1 + h.rng.IntN(3) {
			child := g.person(h, h.rng.IntN(min(18, age-19)), sex(h.rng))
			child.Phone, child.Email, child.landline = "", "", ""
			g.share(child, first, 1)
			child.carer = first
			list = append(list, child)
		}
	}
	if age >= 38 && age < 64 && h.rng.Float64() < 0.12 {
		parent := g.person(h, age+22+h.rng.IntN(10), sex(h.rng))
		if h.rng.Float64() < 0.6 {
			parent.carer = first
			g.share(parent, first, 0.4)
		}
		list = append(list, parent)
	}
	return list
}

// share gives p the phone and e-mail address of q with some chance.
func (g *gen) share(p, q *person, chance float64) {
	if q.Phone != "" && p.rng.Float64() < chance {
		p.Phone, p.Traits, q.Traits = q.Phone, p.Traits|SharedPhone, q.Traits|SharedPhone
	}
	if q.Email != "" && p.rng.Float64() < chance*0.7 {
		p.Email, p.Traits, q.Traits = q.Email, p.Traits|SharedEmail, q.Traits|SharedEmail
	}
}

// person makes somebody of household h.
func (g *gen) person(h home, age int, sex string) *person {
	p := &person{n: g.next(), words: h.c.words, race: h.c.race, hispanic: h.c.hispanic, street: h.street, zip: h.zip}
	p.rng = rand.New(rand.NewPCG(g.seed, uint64(p.n)+1000))
	names := h.c.men
	if sex == "female" {
		names = h.c.women
	}
	p.Resident = Resident{Given: pick(p.rng, names), Family: h.family, Sex: sex, Lang: h.c.lang, House: h.n, Age: age}
	if h.c.lang == "pl" && sex == "female" {
		p.Family = strings.NewReplacer("ński", "ńska", "yński", "yńska", "eński", "eńska", "ski", "ska").Replace(p.Family)
	}
	if p.race == "" {
		p.race = pickRace(p.rng)
	}
	if h.c.lang != "en" && age < 45 && p.rng.Float64() < 0.35 { // the second generation prefers English
		p.Lang, p.words = "en", "English"
	}
	g.finish(p)
	g.contacts(p)
	return p
}

// finish gives p an id, a birthday and a body.
func (g *gen) finish(p *person) {
	if p.Patient == "" {
		p.Patient = fmt.Sprintf("rv%05d", p.n)
	}
	p.Name = strings.TrimSpace(p.Given + " " + p.Family)
	if p.born.IsZero() {
		p.born = g.today.AddDate(-p.Age, 0, -1-p.rng.IntN(364))
	}
	p.Born = p.born.Format(time.DateOnly)
	p.doctor = p.rng.IntN(len(doctors()))
	p.diet = p.rng.Float64()
	p.smoker = p.Age >= 18 && p.rng.Float64() < 0.14
	p.height = 163 + p.rng.NormFloat64()*6.5
	if p.Sex == "male" {
		p.height += 13
	}
	if p.Age < 18 {
		p.height = 52 + float64(p.Age)*6.6 + p.rng.NormFloat64()*3
	}
	if p.Age > 60 && p.rng.Float64() < float64(p.Age-55)/420 {
		p.died = g.today.AddDate(0, 0, -40-p.rng.IntN(600))
		p.Traits |= Deceased
	}
}

// contacts gives p phones and an e-mail address, or leaves her without.
func (g *gen) contacts(p *person) {
	old := float64(max(0, p.Age-60)) / 100
	noMobile, noEmail := p.rng.Float64() < 0.05+old, p.rng.Float64() < 0.12+1.5*old
	if p.Age < 14 {
		noMobile, noEmail = true, true
	}
	if !noMobile {
		p.Phone = g.number()
	}
	if noMobile && p.rng.Float64() < 0.55 || p.Age > 55 && p.rng.Float64() < 0.3 {
		p.landline = g.number()
	}
	if !noEmail {
		p.Email = g.address(p)
	}
	if p.Phone != "" && p.rng.Float64() < 0.045 {
		p.Traits |= NoTexts
	}
	if p.rng.Float64() < 0.09+0.8*old {
		p.Traits |= NeverLooks
	}
	if p.Phone != "" && p.rng.Float64() < 0.02 {
		p.Traits |= RepliesStop
	}
	if p.rng.Float64() < 0.012 {
		p.Traits |= NotThem
	}
}

// odd settles the i-th person of worst and magic.
func (g *gen) odd(i int, p person) *person {
	p.n, p.Patient, p.House = g.next(), fmt.Sprintf("odd-%02d", i+1), 10+i
	p.rng = rand.New(rand.NewPCG(g.seed, uint64(p.n)+1000))
	p.street, p.zip, p.race = fmt.Sprintf("%d Corner Lane", 10+i), "60546", "2131-1"
	p.words = map[string]string{"en": "English", "ar": "Arabic", "he": "Hebrew", "zh": "Chinese", "vi": "Vietnamese", "th": "Thai"}[p.Lang]
	p.Traits |= Diabetic | EyeDue
	g.finish(&p)
	p.died, p.Traits = time.Time{}, p.Traits&^Deceased
	if p.Phone != "" || p.Email != "" { // one of magic
		return &p
	}
	p.Traits |= WorstCase
	p.Phone = g.number()
	p.Email = fmt.Sprintf("worst.%02d@riverside.example.net", i+1)
	return &p
}

// number returns the next telephone number of those that belong to nobody:
// 555-0100 to 555-0199 in every area code. The clinic has the first.
func (g *gen) number() string {
	codes := areaCodes()
	g.numbers++
	for g.numbers == 42 || g.numbers == 43 || g.numbers == 98 { // Maria's, Lucía's, the laboratory's
		g.numbers++
	}
	code := codes[g.numbers/100%len(codes)]
	return fmt.Sprintf("+1%d55501%02d", code, g.numbers%100)
}

// address makes up an e-mail address for p at one of the mail hosts.
func (g *gen) address(p *person) string {
	local := fmt.Sprintf("%s.%d", plain(p.Given), p.n)
	switch r := p.rng.Float64(); {
	case r < 0.015:
		p.Traits |= BouncingEmail
		return "bounce." + local + "@riverside.example.net"
	case r < 0.022:
		p.Traits |= SlowEmail
		return "slow." + local + "@riverside.example.net"
	case r < 0.55:
		return local + "@riverside.example.net"
	case r < 0.85:
		return local + "@mail.example.org"
	default:
		return local + "@post.example.net"
	}
}

// areaCodes are those of the Central time zone around Illinois.
func areaCodes() []int {
	return []int{708, 312, 773, 630, 847, 224, 331, 464, 815, 779, 217, 309, 618, 872, 414, 608, 715, 920, 262, 534,
		515, 319, 563, 641, 712, 612, 651, 763, 952, 218, 320, 507, 314, 573, 417, 816, 636, 660, 447, 730, 353}
}

func streets() []string {
	return []string{"Alder Street", "Birch Avenue", "Cedar Lane", "Dogwood Court", "Elm Street", "Fern Road", "Grove Avenue", "Hazel Street", "Ivy Lane", "Juniper Way",
		"Kingfisher Road", "Linden Avenue", "Mill Street", "North River Road", "Orchard Street", "Park Place", "Quarry Road", "Rosewood Drive", "South River Road", "Tulip Street"}
}

func zips() []string { return []string{"60546", "60546", "60546", "60513", "60534", "60402"} }

// plain writes a name in the letters a–z.
func plain(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		if i := strings.IndexRune("áàăâãäạảầấậắằẩđéèêëęếềệểễẹíìîïịĩóòôöơộốồổớờợøúùûüưựứừűủýỳłńñçśżźćţ", r); i >= 0 {
			r = foldTo(r)
		}
		if r >= 'a' && r <= 'z' {
			b.WriteRune(r)
		}
	}
	if b.Len() == 0 {
		return "someone"
	}
	return b.String()
}

// foldTo returns the letter under the accents of r.
func foldTo(r rune) rune {
	for _, group := range []string{"aáàăâãäạảầấậắằẩ", "dđ", "eéèêëęếềệểễẹ", "iíìîïịĩ", "oóòôöơộốồổớờợø", "uúùûüưựứừűủ", "yýỳ", "lł", "nńñ", "cçć", "sś", "zżź", "tţ"} {
		if strings.ContainsRune(group, r) {
			return rune(group[0])
		}
	}
	return r
}

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

func pickCulture(rng *rand.Rand, all []culture) culture {
	at := rng.IntN(1000)
	for _, c := range all {
		if at -= c.share; at < 0 {
			return c
		}
	}
	return all[0]
}

// pickRace draws an OMB race of those who speak English.
func pickRace(rng *rand.Rand) string {
	switch r := rng.Float64(); {
	case r < 0.70:
		return "2106-3"
	case r < 0.92:
		return "2054-5"
	case r < 0.97:
		return "2028-9"
	case r < 0.99:
		return "2131-1"
	default:
		return "1002-5"
	}
}

// adultAge draws the age of a household's first adult: the people of a
// family practice are older than the town.
func adultAge(rng *rand.Rand) int {
	switch r := rng.Float64(); {
	case r < 0.27:
		return 20 + rng.IntN(20)
	case r < 0.66:
		return 40 + rng.IntN(25)
	case r < 0.94:
		return 65 + rng.IntN(18)
	default:
		return 83 + rng.IntN(14)
	}
}

func sex(rng *rand.Rand) string {
	if rng.Float64() < 0.52 {
		return "female"
	}
	return "male"
}

func other(sex string) string {
	if sex == "female" {
		return "male"
	}
	return "female"
}
