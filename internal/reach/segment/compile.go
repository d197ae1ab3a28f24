package segment

import (
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/record"
	"hale/internal/store/db"
)

// Bounds of a tree that people can still read.
const (
	maxDepth = 8
	maxNodes = 60
)

var (
	errShape   = errs.New(errs.Invalid, "A condition of the segment says nothing, or says two things at once.")
	errBig     = errs.New(errs.Invalid, "The segment is too deep or has too many conditions.")
	errConcept = errs.New(errs.Invalid, "The segment asks for something that is not in the list.")
	errRange   = errs.New(errs.Invalid, "An age range runs from the lower to the higher age.")
	errSigned  = errs.New(errs.Invalid, `Signing in is "ever", "never" or a number of days such as "30d".`)
	errSex     = errs.New(errs.Invalid, `Sex is "female", "male", "other" or "unknown", as the record says it.`)
)

// Compile returns one statement that selects the ids of e's patients, in
// order, with its arguments. People who have died are in it: that they are
// not written to is shown, not hidden. What pass does not show of the record
// does not count.
func Compile(pass access.Pass, e Expr, now time.Time) (sql string, args []any, err error) {
	from, args, err := compile(pass, e, now)
	return `select p.id ` + from + ` order by p.id`, args, err
}

// CompileCount turns e into SQL that says how many Compile would return.
func CompileCount(pass access.Pass, e Expr, now time.Time) (sql string, args []any, err error) {
	from, args, err := compile(pass, e, now)
	return `select count(*) ` + from, args, err
}

func compile(pass access.Pass, e Expr, now time.Time) (from string, args []any, err error) {
	c := compiler{pass: pass, now: now}
	cond, err := c.expr(e, 0)
	if err != nil {
		return "", nil, err
	}
	return `from person p where p.active = 1 and ` + cond, c.args, nil
}

type compiler struct {
	pass  access.Pass
	now   time.Time
	args  []any
	nodes int
}

// arg adds an argument and returns its placeholder.
func (c *compiler) arg(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args))
}

// set counts what e says.
func (e Expr) set() int {
	n := 0
	for _, said := range []bool{e.All != nil, e.Any != nil, e.Not != nil, e.Has != nil, e.Age != nil,
		e.Sex != "", e.Lang != "", e.City != "", e.SignedIn != "", e.Patients != nil, e.Fact != nil} {
		if said {
			n++
		}
	}
	return n
}

func (c *compiler) expr(e Expr, depth int) (string, error) {
	if c.nodes++; depth > maxDepth || c.nodes > maxNodes {
		return "", errBig
	}
	if n := e.set(); n > 1 || n == 0 && depth > 0 {
		return "", errShape
	}
	switch {
	case e.All != nil:
		return c.list(e.All, " and ", depth)
	case e.Any != nil:
		return c.list(e.Any, " or ", depth)
	case e.Not != nil:
		inner, err := c.expr(*e.Not, depth+1)
		return "not (" + inner + ")", err
	case e.Has != nil:
		return c.has(*e.Has)
	case e.Age != nil:
		return c.age(*e.Age)
	case e.SignedIn != "":
		return c.signedIn(e.SignedIn)
	case e.Fact != nil:
		return c.fact(*e.Fact)
	case e.Patients != nil:
		return c.patients(e.Patients), nil
	}
	return c.person(e)
}

// person compiles what is asked of the person's own row.
func (c *compiler) person(e Expr) (string, error) {
	switch {
	case e.Sex != "":
		switch e.Sex {
		case "female", "male", "other", "unknown":
			return "p.sex = " + c.arg(e.Sex), nil
		}
		return "", errSex
	case e.Lang != "":
		tag := strings.ToLower(e.Lang)
		if tag == "en" { // English is what is assumed where nothing is said
			return "(p.lang = '' or lower(substr(p.lang, 1, 2)) = " + c.arg(tag) + ")", nil
		}
		return "lower(substr(p.lang, 1, " + strconv.Itoa(len(tag)) + ")) = " + c.arg(tag), nil
	case e.City != "":
		return "lower(p.city) = " + c.arg(strings.ToLower(e.City)), nil
	}
	return "1 = 1", nil
}

func (c *compiler) list(list []Expr, word string, depth int) (string, error) {
	if len(list) == 0 {
		return "", errShape
	}
	parts := make([]string, len(list))
	for i, e := range list {
		var err error
		if parts[i], err = c.expr(e, depth+1); err != nil {
			return "", err
		}
	}
	return "(" + strings.Join(parts, word) + ")", nil
}

func (c *compiler) has(h Has) (string, error) {
	typ, q := h.Type, url.Values(maps.Clone(h.Query))
	date := "date"
	if h.Concept != "" {
		known, ok := ConceptOf(h.Concept)
		if !ok || h.Type != "" || h.Query != nil {
			return "", errConcept
		}
		typ, date = known.Type, known.Date
		q = url.Values{"code": {strings.Join(known.Codes, ",")}}
		if typ == "Immunization" {
			q = url.Values{"vaccine-code": {strings.Join(known.Codes, ",")}}
		}
	}
	if typ == "" {
		return "", errShape
	}
	if q == nil {
		q = url.Values{}
	}
	if h.Months < 0 || h.Months > 1200 {
		return "", errShape
	}
	if h.Months > 0 {
		q.Set(date, "ge"+c.now.AddDate(0, -h.Months, 0).Format(time.DateOnly))
	}
	sql, args, err := record.Matching(c.pass, typ, q, len(c.args)+1)
	if err != nil {
		return "", fmt.Errorf("segment: compile: %w", err)
	}
	c.args = append(c.args, args...)
	return "p.id in (" + sql + ")", nil
}

// age compares dates of birth as text, which sorts as the dates do.
func (c *compiler) age(r Range) (string, error) {
	if r.Min < 0 || r.Max < 0 || r.Max > 0 && r.Max < r.Min || r.Min > 150 || r.Max > 150 {
		return "", errRange
	}
	cond := "p.born <> ''"
	if r.Min > 0 {
		cond += " and p.born <= " + c.arg(c.now.AddDate(-r.Min, 0, 0).Format(time.DateOnly))
	}
	if r.Max > 0 {
		cond += " and p.born > " + c.arg(c.now.AddDate(-r.Max-1, 0, 0).Format(time.DateOnly))
	}
	return "(" + cond + ")", nil
}

func (c *compiler) signedIn(text string) (string, error) {
	const ever = "exists (select 1 from account a where a.patient = p.id)"
	switch text {
	case "ever":
		return ever, nil
	case "never":
		return "not " + ever, nil
	}
	digits, ok := strings.CutSuffix(text, "d")
	days, err := strconv.Atoi(digits)
	if !ok || err != nil || days < 1 || days > 3650 {
		return "", errSigned
	}
	since := c.now.Add(-time.Duration(days) * 24 * time.Hour).UnixMicro()
	return "exists (select 1 from account a join account_session s on s.account = a.id where a.patient = p.id and s.seen_at >= " + c.arg(since) + ")", nil
}

func (c *compiler) patients(list []string) string {
	if len(list) == 0 {
		return "1 = 0"
	}
	first := len(c.args) + 1
	c.args = append(c.args, db.Args(list)...)
	return "p.id in (" + db.In(first, len(list)) + ")"
}
