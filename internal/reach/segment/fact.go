package segment

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/record"
	"hale/internal/store/db"
)

// Option is one value that a fact can be asked for.
type Option struct{ Value, Words string }

// Sort is one kind of fact: what can be asked, in words, and which fields of
// a Fact it has.
type Sort struct {
	Key     string
	Group   string // as the desk lists it
	Words   string // in the list: last value of a test
	Value   string // what Value means, empty where it has none
	Options []Option
	Any     bool // Value may be empty
	Number  bool // has Op and Number
	Days    bool // has Days
	Ever    bool // Days may be 0

	yes, no string // the sentence: %v the value, %d the days
	sql     func(c *compiler, f Fact) (string, error)
}

// The groups of facts.
const (
	groupPerson = "The person"
	groupRecord = "Tests and readings"
	groupReach  = "What was sent"
	groupWish   = "Wishes and addresses"
	groupVisit  = "Visits and forms"
)

var channels = []Option{{"email", "email"}, {"sms", "text"}, {"voice", "phone call"}, {"inbox", "portal"}}

// values are the tests whose last value can be asked for.
func values() []Option {
	var list []Option
	for _, c := range Concepts() {
		if c.Type == "Observation" && c.Key != "blood-pressure" {
			list = append(list, Option{c.Key, strings.TrimSuffix(strings.TrimPrefix(c.Words, "an "), " test")})
		}
	}
	return append(list, Option{"8480-6", "upper blood pressure"}, Option{"8462-4", "lower blood pressure"}, Option{"39156-5", "body mass index"},
		Option{"2089-1", "LDL cholesterol"}, Option{"33914-3", "kidney value (eGFR)"})
}

// Facts returns every kind of fact.
func Facts() []Sort {
	return append(personFacts(), append(reachFacts(), visitFacts()...)...)
}

func personFacts() []Sort {
	return []Sort{
		{Key: "zip", Group: groupPerson, Words: "ZIP code", Value: "ZIP codes or how they begin: 60601, 606", yes: "live in ZIP %v", no: "do not live in ZIP %v", sql: (*compiler).zip},
		{Key: "state", Group: groupPerson, Words: "state", Value: "two letters: IL", yes: "live in %v", no: "do not live in %v", sql: func(c *compiler, f Fact) (string, error) {
			return "upper(p.state) = " + c.arg(strings.ToUpper(f.Value)), nil
		}},
		{Key: "value", Group: groupRecord, Words: "last value of a test", Value: "test", Options: values(), Number: true, Days: true, Ever: true, yes: "have a last %v", no: "do not have a last %v", sql: (*compiler).value},
		{Key: "reachable", Group: groupWish, Words: "can be reached by", Value: "channel", Options: channels, yes: "can be reached by %v", no: "cannot be reached by %v", sql: (*compiler).reachable},
		{Key: "caregiver", Group: groupWish, Words: "has a caregiver", yes: "have a caregiver", no: "have no caregiver", sql: func(c *compiler, _ Fact) (string, error) {
			return "exists (select 1 from proxy x where x.patient = p.id and x.state = 'active' and (x.until_at = 0 or x.until_at > " + c.arg(db.Micro(c.now)) + "))", nil
		}},
		{Key: "refused", Group: groupWish, Words: "wants nothing by", Value: "channel", Options: channels, yes: "want nothing by %v", no: "have not refused %v", sql: (*compiler).refused},
		{Key: "permitted", Group: groupWish, Words: "signed a permission for offers", yes: "signed a permission for offers", no: "signed no permission for offers", sql: func(c *compiler, _ Fact) (string, error) {
			return `exists (select 1 from consent_event g where g.patient = p.id and g.action = 'authorize' and (g.until = 0 or g.until > ` + c.arg(db.Micro(c.now)) + `)
				and not exists (select 1 from consent_event r where r.patient = p.id and r.action = 'revoke' and r.channel = '*' and r.purpose in ('*', g.purpose) and (r.at > g.at or r.at = g.at and r.id > g.id)))`, nil
		}},
	}
}

func reachFacts() []Sort {
	one := func(key, words, yes, no, cond string) Sort {
		return Sort{Key: key, Group: groupReach, Words: words, Value: "outreach", Any: true, Days: true, yes: yes, no: no, sql: func(c *compiler, f Fact) (string, error) { return c.message(f, cond), nil }}
	}
	return []Sort{
		one("sent", "was sent a message", "were sent %v in the last %d days", "were not sent %v in the last %d days", "m.accepted_at > 0"),
		one("saw", "saw a message", "saw %v in the last %d days", "did not see %v in the last %d days", "m.first_seen_at > 0"),
		one("acted", "did what a message asked", "did what %v asked in the last %d days", "did not do what %v asked in the last %d days", "m.acted_at > 0"),
		one("unopened", "was sent a message and did not see it", "were sent %v in the last %d days and did not see it", "were not sent %v in the last %d days, or saw it",
			"m.accepted_at > 0 and not exists (select 1 from message s where s.intent = m.intent and s.first_seen_at > 0)"),
	}
}

func visitFacts() []Sort {
	return []Sort{
		{Key: "visit-ahead", Group: groupVisit, Words: "has a visit ahead", Value: "service", Any: true, Days: true, yes: "have a visit%v in the next %d days", no: "have no visit%v in the next %d days", sql: func(c *compiler, f Fact) (string, error) {
			return c.visit(f, "v.status in ('booked', 'pending', 'arrived', 'checked-in')", db.Micro(c.now), db.Micro(c.now.AddDate(0, 0, f.Days))), nil
		}},
		{Key: "visit-past", Group: groupVisit, Words: "had a visit", Value: "service", Any: true, Days: true, yes: "had a visit%v in the last %d days", no: "had no visit%v in the last %d days", sql: func(c *compiler, f Fact) (string, error) {
			return c.visit(f, "v.status in ('fulfilled', 'arrived', 'checked-in', 'booked')", db.Micro(c.now.AddDate(0, 0, -f.Days)), db.Micro(c.now)), nil
		}},
		{Key: "visit-missed", Group: groupVisit, Words: "missed a visit", Value: "service", Any: true, Days: true, yes: "missed a visit%v in the last %d days", no: "missed no visit%v in the last %d days", sql: func(c *compiler, f Fact) (string, error) {
			return c.visit(f, "v.status = 'noshow'", db.Micro(c.now.AddDate(0, 0, -f.Days)), db.Micro(c.now)), nil
		}},
		{Key: "form-open", Group: groupVisit, Words: "has a form that is not answered", yes: "have a form that is not answered", no: "have no open form", sql: func(c *compiler, _ Fact) (string, error) {
			sql, args, err := record.Matching(c.pass, "Task", url.Values{"status": {"requested,received,accepted,ready,in-progress"}, "intent": {"order"}}, len(c.args)+1)
			if err != nil {
				return "", err
			}
			c.args = append(c.args, args...)
			return "p.id in (" + sql + ")", nil
		}},
	}
}

// SortOf returns the kind of fact named key.
func SortOf(key string) (Sort, bool) {
	for _, s := range Facts() {
		if s.Key == key {
			return s, true
		}
	}
	return Sort{}, false
}

var (
	errFact   = errs.New(errs.Invalid, "The segment asks for a fact that is not in the list, or leaves out what it needs.")
	errNumber = errs.New(errs.Invalid, `A value is "at least" or "below" a number.`)
)

// fact compiles one fact.
func (c *compiler) fact(f Fact) (string, error) {
	s, ok := SortOf(f.Key)
	if !ok || s.Value == "" && f.Value != "" || s.Value != "" && f.Value == "" && !s.Any || len(f.Value) > 200 {
		return "", errFact
	}
	if s.Options != nil && !slices.ContainsFunc(s.Options, func(o Option) bool { return o.Value == f.Value }) {
		return "", errFact
	}
	if s.Days && (f.Days < 0 || f.Days > 3650 || f.Days == 0 && !s.Ever) || !s.Days && f.Days != 0 {
		return "", errFact
	}
	if s.Number && f.Op != "at least" && f.Op != "below" || !s.Number && (f.Op != "" || f.Number != 0) {
		return "", errNumber
	}
	return s.sql(c, f)
}

// zip asks for the beginnings of ZIP codes, as ranges: what both engines have
// the same order for.
func (c *compiler) zip(f Fact) (string, error) {
	var parts []string
	for one := range strings.FieldsFuncSeq(f.Value, func(r rune) bool { return r == ',' || r == ' ' }) {
		if len(one) > 10 || strings.Trim(one, "0123456789-") != "" || len(parts) == 40 {
			return "", errFact
		}
		parts = append(parts, "substr(p.zip, 1, "+fmt.Sprint(len(one))+") = "+c.arg(one))
	}
	if len(parts) == 0 {
		return "", errFact
	}
	return "(" + strings.Join(parts, " or ") + ")", nil
}

// value asks for the last value of a test that the pass shows.
func (c *compiler) value(f Fact) (string, error) {
	codes := []string{f.Value}
	if known, ok := ConceptOf(f.Value); ok {
		codes = nil
		for _, code := range known.Codes {
			_, plain, _ := strings.Cut(code, "|")
			codes = append(codes, plain)
		}
	}
	hidden, until := c.pass.Veil()
	first := len(c.args) + 1
	c.args = append(c.args, db.Args(codes)...)
	since := int64(0)
	if f.Days > 0 {
		since = db.Micro(c.now.AddDate(0, 0, -f.Days))
	}
	op := ">="
	if f.Op == "below" {
		op = "<"
	}
	return `p.id in (
		select x.patient from (
			select r.patient, r.value, row_number() over (partition by r.patient order by r.at desc, r.id desc) k
			from result r
			where r.code in (` + db.In(first, len(codes)) + `) and r.at >= ` + c.arg(since) + ` and r.at <= ` + c.arg(db.Micro(c.now.Add(24*time.Hour))) + ` and r.value is not null
				and r.status in ('final', 'amended', 'corrected')
				and not exists (select 1 from shield z where z.patient = r.patient and z.id = r.id and z.typ = 'Observation'
					and ((z.labels & ` + c.arg(hidden) + `) <> 0 or z.held_until > ` + c.arg(until) + `))) x
		where x.k = 1 and x.value ` + op + ` ` + c.arg(f.Number) + `)`, nil
}

func (c *compiler) reachable(f Fact) (string, error) {
	if f.Value == "inbox" {
		return "exists (select 1 from account a where a.patient = p.id)", nil
	}
	return "exists (select 1 from contact_point t where t.patient = p.id and t.kind = " + c.arg(f.Value) + " and t.status = 'active')", nil
}

// refused asks whose newest word on a channel, about everything, is no.
func (c *compiler) refused(f Fact) (string, error) {
	ch := c.arg(f.Value)
	return `exists (select 1 from consent_event r where r.patient = p.id and r.action = 'revoke' and r.channel in (` + ch + `, '*') and r.purpose = '*'
		and not exists (select 1 from consent_event g where g.patient = p.id and g.action in ('grant', 'revoke') and g.channel in (` + ch + `, '*') and g.purpose = '*'
			and (g.at > r.at or g.at = r.at and g.id > r.id)))`, nil
}

// message asks for messages of an outreach, its runs and its steps included,
// or of any.
func (c *compiler) message(f Fact, cond string) string {
	since := c.arg(db.Micro(c.now.AddDate(0, 0, -f.Days)))
	if f.Value == "" {
		return `exists (select 1 from message m where m.patient = p.id and m.purpose <> 'security' and m.created_at >= ` + since + ` and ` + cond + `)`
	}
	id := c.arg(f.Value)
	return `p.id in (select m.patient from message m where m.outreach in (select o.id from outreach o where o.id = ` + id + ` or o.parent = ` + id + `) and m.created_at >= ` + since + ` and ` + cond + `)`
}

// visit asks for visits that the pass shows.
func (c *compiler) visit(f Fact, cond string, from, to int64) string {
	hidden, until := c.pass.Veil()
	q := `p.id in (select v.patient from visit v where v.start_at >= ` + c.arg(from) + ` and v.start_at < ` + c.arg(to) + ` and ` + cond
	if f.Value != "" {
		q += ` and v.service = ` + c.arg(f.Value)
	}
	return q + ` and not exists (select 1 from shield z where z.patient = v.patient and z.id = v.id and z.typ in ('Appointment', 'Encounter')
		and ((z.labels & ` + c.arg(hidden) + `) <> 0 or z.held_until > ` + c.arg(until) + `)))`
}

// sayFact reads a fact back.
func sayFact(f Fact, not bool) string {
	s, ok := SortOf(f.Key)
	if !ok {
		return verb("are", not) + " something unknown"
	}
	text := s.yes
	if not {
		text = s.no
	}
	value := f.Value
	for _, o := range s.Options {
		if o.Value == value {
			value = o.Words
		}
	}
	switch {
	case s.Number:
		value += fmt.Sprintf(" of %s %g", f.Op, f.Number)
		if f.Days > 0 {
			value += fmt.Sprintf(" in the last %d days", f.Days)
		}
	case s.Group == groupReach && value == "":
		value = "any message"
	case s.Group == groupReach:
		value = "this outreach"
	case s.Group == groupVisit && value != "":
		value = " (" + strings.ReplaceAll(value, "-", " ") + ")"
	}
	return strings.NewReplacer("%v", value, "%d", fmt.Sprint(f.Days)).Replace(text)
}
