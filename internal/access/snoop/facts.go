package snoop

import (
	"context"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// fold makes two spellings of a name or an address the same.
func fold(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r) || r == '.' || r == ',' || r == '#':
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(s))
	return strings.Join(strings.Fields(s), " ")
}

// pair is one member of the staff and one patient.
type pair struct{ account, patient string }

// day is everything that is known about the looks of one day.
type day struct {
	looks   []Look
	staff   map[string]Person
	people  map[string]Person
	shares  map[string]float64 // by folded family name
	vip     map[string]bool
	works   map[string]string // patient → account of the staff
	team    map[pair]bool
	former  map[pair]bool
	visits  map[string]bool
	related map[string]bool
}

// ofDay picks the looks of one day: what staff read of one patient.
const ofDay = ` from audit a
	where a.at >= $1 and a.at < $2 and a.actor_kind = 'staff' and a.outcome = 'granted' and a.patient <> ''
		and a.action in ('record.read', 'visits.read', 'messages.read', 'message.read', 'contacts.read', 'decisions.read', 'looks.read', 'record.export')`

const looksQuery = `select a.actor, a.patient, count(*), min(a.at), max(a.at)` + ofDay + ` group by a.actor, a.patient order by 1, 2`

func readLook(scan db.Scan) (l Look, err error) {
	var first, last int64
	err = scan(&l.Account, &l.Patient, &l.Rows, &first, &last)
	l.First, l.Last = time.UnixMicro(first).UTC(), time.UnixMicro(last).UTC()
	return l, err
}

// The windows in which a visit or a message explains a look.
const (
	near = 3 * 24 * time.Hour
	far  = 30 * 24 * time.Hour
)

// gather reads what there is to know about the looks from one time to
// another.
func (s *Store) gather(ctx context.Context, from, to time.Time) (day, error) {
	d := day{}
	err := audit.Settle(ctx, s.DB)
	if err != nil {
		return d, err
	}
	if d.looks, err = db.All(ctx, s.DB, readLook, looksQuery, from.UnixMicro(), to.UnixMicro()); err != nil || len(d.looks) == 0 {
		return d, err
	}
	for _, step := range []func(context.Context, *day, time.Time, time.Time) error{s.gatherStaff, s.gatherPeople, s.gatherTeams, s.gatherVisits} {
		if err := step(ctx, &d, from, to); err != nil {
			return d, err
		}
	}
	return d, nil
}

// gatherStaff reads who the staff are, and which records are watched.
func (s *Store) gatherStaff(ctx context.Context, d *day, _, _ time.Time) error {
	own, err := db.All(ctx, s.DB, readOwn, `select `+ownColumns+` from staff_self order by account`)
	if err != nil {
		return err
	}
	d.staff, d.works = map[string]Person{}, map[string]string{}
	for _, o := range own {
		d.staff[o.Account] = o.person()
		if o.Patient != "" {
			d.works[o.Patient] = o.Account
		}
	}
	d.vip, err = s.set(ctx, `select patient from patient_flag where vip = 1`)
	return err
}

func (s *Store) set(ctx context.Context, q string, args ...any) (map[string]bool, error) {
	list, err := db.All(ctx, s.DB, db.Value[string], q, args...)
	m := make(map[string]bool, len(list))
	for _, v := range list {
		m[v] = true
	}
	return m, err
}

// gatherPeople reads the names, addresses and phones of those who were
// looked at.
func (s *Store) gatherPeople(ctx context.Context, d *day, from, to time.Time) error {
	const people = `select id, family, line, zip from person where id in (select a.patient` + ofDay + `)`
	list, err := db.All(ctx, s.DB, func(scan db.Scan) (p Person, err error) {
		err = scan(&p.Patient, &p.Family, &p.Line, &p.Zip)
		p.Family, p.Line = fold(p.Family), fold(p.Line)
		return p, err
	}, people, from.UnixMicro(), to.UnixMicro())
	if err != nil {
		return err
	}
	d.people = make(map[string]Person, len(list))
	for _, p := range list {
		d.people[p.Patient] = p
	}
	const phones = `select patient, value from contact_point where kind in ('sms', 'voice') and patient in (select a.patient` + ofDay + `)`
	type phone struct{ patient, value string }
	numbers, err := db.All(ctx, s.DB, func(scan db.Scan) (p phone, err error) { return p, scan(&p.patient, &p.value) }, phones, from.UnixMicro(), to.UnixMicro())
	if err != nil {
		return err
	}
	for _, n := range numbers {
		p := d.people[n.patient]
		p.Phones = append(p.Phones, n.value)
		d.people[n.patient] = p
	}
	d.shares, err = s.surnames(ctx)
	return err
}

// surnames returns how large a share of all patients has each family name.
// They change slowly; one run reads them once.
func (s *Store) surnames(ctx context.Context) (map[string]float64, error) {
	type named struct {
		family string
		n      int
	}
	list, err := db.All(ctx, s.DB, func(scan db.Scan) (v named, err error) { return v, scan(&v.family, &v.n) },
		`select family, count(*) from person group by family`)
	if err != nil {
		return nil, err
	}
	total, shares := 0, map[string]float64{}
	for _, v := range list {
		total += v.n
		shares[fold(v.family)] += float64(v.n)
	}
	for f := range shares {
		shares[f] /= float64(total)
	}
	return shares, nil
}

// gatherTeams reads who treats whom, and did.
func (s *Store) gatherTeams(ctx context.Context, d *day, from, to time.Time) error {
	type member struct {
		pair
		set, until int64
	}
	const teams = `select account, patient, set_at, until_at from care_team where patient in (select a.patient` + ofDay + `)`
	list, err := db.All(ctx, s.DB, func(scan db.Scan) (m member, err error) {
		return m, scan(&m.account, &m.patient, &m.set, &m.until)
	}, teams, from.UnixMicro(), to.UnixMicro())
	if err != nil {
		return err
	}
	d.team, d.former = map[pair]bool{}, map[pair]bool{}
	for _, m := range list {
		switch {
		case m.set > to.UnixMicro():
		case m.until >= from.UnixMicro():
			d.team[m.pair] = true
		default:
			d.former[m.pair] = true
		}
	}
	const opened = `select account, patient from emergency where opened_at < $2 and until_at >= $1`
	pairs, err := db.All(ctx, s.DB, func(scan db.Scan) (p pair, err error) { return p, scan(&p.account, &p.patient) }, opened, from.UnixMicro(), to.UnixMicro())
	for _, p := range pairs {
		d.team[p] = true // it has a review of its own
	}
	return err
}

// gatherVisits reads who came, comes, or was written to.
func (s *Store) gatherVisits(ctx context.Context, d *day, from, to time.Time) error {
	const visits = `select distinct patient from visit where start_at >= $1 and start_at < $2 and status not in ('entered-in-error')`
	var err error
	if d.visits, err = s.set(ctx, visits, from.Add(-near).UnixMicro(), to.Add(near).UnixMicro()); err != nil {
		return err
	}
	if d.related, err = s.set(ctx, visits, from.Add(-far).UnixMicro(), to.Add(far).UnixMicro()); err != nil {
		return err
	}
	const messages = `select distinct patient from message where created_at >= $3 and created_at < $2 and patient in (select a.patient` + ofDay + `)`
	written, err := s.set(ctx, messages, from.UnixMicro(), to.UnixMicro(), from.Add(-far).UnixMicro())
	for p := range written {
		d.related[p] = true
	}
	return err
}

// facts returns what is known about one look.
func (d *day) facts(l Look) Facts {
	p := pair{l.Account, l.Patient}
	works := d.works[l.Patient]
	f := Facts{
		Staff: d.staff[l.Account], Patient: d.people[l.Patient], VIP: d.vip[l.Patient], WorksHere: works != "" && works != l.Account,
		Team: d.team[p], Former: d.former[p], Visit: d.visits[l.Patient], Related: d.related[l.Patient],
	}
	f.Patient.Patient = l.Patient
	f.Share = d.shares[f.Patient.Family]
	return f
}
