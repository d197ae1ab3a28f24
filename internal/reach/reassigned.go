package reach

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/contact"
	"hale/internal/store/db"
)

// Reassigned is what a file of answers came to.
//
// Spec: 47 CFR 64.1200(m) (the Reassigned Numbers Database answers yes, no or
// no data to a number and a date)
type Reassigned struct {
	Gone    int // numbers taken from their patients: given up since the date
	Proven  int // numbers that are still their patients'
	NoData  int
	Older   int   // answers about a date before the number was last proven: they say nothing
	Unknown int   // numbers that no patient has
	Bad     []int // lines that could not be read
}

// AskedAbout is a number, and the last day on which it was known to be its
// patient's: what the database is asked.
type AskedAbout struct {
	Number string
	Day    time.Time
}

// answer is one line of a file.
type answer struct {
	number string
	day    time.Time
	word   string // yes, no, no data
}

// answersMost is how many lines one file may have.
const answersMost = 500_000

var errAnswers = errs.New(errs.Invalid, "This is no list of answers that we can read, or it is too long. Each line has a number, a date and yes, no or no data.")

// readAnswers reads a file of answers: number, date, answer. A first line
// that is no answer is taken for the heading.
func readAnswers(r io.Reader) (list []answer, bad []int, err error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord, c.TrimLeadingSpace, c.LazyQuotes, c.ReuseRecord = -1, true, true, true
	for line := 1; ; line++ {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return list, bad, nil
		}
		if err != nil || len(list) > answersMost || len(bad) > 1000 {
			return nil, nil, errAnswers.Because(err)
		}
		if a, ok := readAnswer(row); ok {
			list = append(list, a)
		} else if line > 1 && strings.TrimSpace(strings.Join(row, "")) != "" {
			bad = append(bad, line)
		}
	}
}

func readAnswer(row []string) (a answer, ok bool) {
	if len(row) < 3 {
		return a, false
	}
	a.number = contact.Normal(contact.SMS, strings.TrimPrefix(row[0], "\ufeff"))
	for _, form := range []string{time.DateOnly, "20060102", "01/02/2006", "1/2/2006"} {
		if day, err := time.Parse(form, strings.TrimSpace(row[1])); err == nil {
			a.day = day
			break
		}
	}
	a.word = strings.Join(strings.FieldsFunc(strings.ToLower(row[2]), func(r rune) bool { return r == ' ' || r == '_' || r == '-' }), " ")
	return a, a.number != "" && !a.day.IsZero() && slices.Contains([]string{"yes", "no", "no data"}, a.word)
}

// Numbers returns the numbers that texts may go to, each with the last day on
// which it was known to be its patient's.
func (e *Engine) Numbers(ctx context.Context, pass access.Pass) ([]AskedAbout, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, err
	}
	const q = `select value, max(case when confirmed_at > since_at then confirmed_at else since_at end)
		from contact_point where kind in ('sms', 'voice') and status in ('active', 'opted_out') group by value order by value`
	list, err := db.All(ctx, e.DB, func(scan db.Scan) (a AskedAbout, err error) {
		var at int64
		err = scan(&a.Number, &at)
		a.Day = db.Time(at)
		return a, err
	}, q)
	if err != nil {
		return nil, fmt.Errorf("reach: numbers: %w", err)
	}
	row := pass.Actor().Row("numbers.list", "", true)
	row.Reason = fmt.Sprintf("%d numbers", len(list))
	if err := e.log.Add(ctx, row); err != nil {
		return nil, fmt.Errorf("reach: numbers: %w", err)
	}
	return list, nil
}

// Reassign takes in a file of answers of the Reassigned Numbers Database: a
// number that was given up since the day asked about is used no more for its
// patient, and what waits to go there is cancelled.
func (e *Engine) Reassign(ctx context.Context, pass access.Pass, r io.Reader) (Reassigned, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return Reassigned{}, err
	}
	list, bad, err := readAnswers(r)
	if err != nil {
		return Reassigned{}, err
	}
	out := Reassigned{Bad: bad}
	for chunk := range slices.Chunk(list, freeChunk) {
		if err := e.DB.Tx(ctx, func(tx *db.Tx) error { return e.reassign(ctx, tx, chunk, &out) }); err != nil {
			return out, fmt.Errorf("reach: reassign: %w", err)
		}
	}
	row := pass.Actor().Row("numbers.reassigned", "", true)
	row.Reason = fmt.Sprintf("%d answers: %d given up, %d proven", len(list), out.Gone, out.Proven)
	if err := e.log.Add(ctx, row); err != nil {
		return out, fmt.Errorf("reach: reassign: %w", err)
	}
	return out, nil
}

// owner is a patient with a number.
type owner struct {
	patient, value string
	proven         int64
}

func (e *Engine) reassign(ctx context.Context, tx *db.Tx, chunk []answer, out *Reassigned) error {
	numbers := make([]string, len(chunk))
	for i, a := range chunk {
		numbers[i] = a.number
	}
	q := `select patient, value, max(case when confirmed_at > since_at then confirmed_at else since_at end) from contact_point
		where kind in ('sms', 'voice') and status in ('active', 'opted_out', 'bounced') and value in (` + db.In(1, len(numbers)) + `) group by patient, value`
	rows, err := db.All(ctx, tx, func(scan db.Scan) (o owner, err error) { return o, scan(&o.patient, &o.value, &o.proven) }, q, db.Args(numbers)...)
	if err != nil {
		return err
	}
	by := map[string][]owner{}
	for _, o := range rows {
		by[o.value] = append(by[o.value], o)
	}
	counted := Reassigned{}
	for _, a := range chunk {
		if err := e.answered(ctx, tx, a, by[a.number], &counted); err != nil {
			return err
		}
	}
	tx.After(func() {
		out.Gone, out.Proven, out.NoData = out.Gone+counted.Gone, out.Proven+counted.Proven, out.NoData+counted.NoData
		out.Older, out.Unknown = out.Older+counted.Older, out.Unknown+counted.Unknown
	})
	return nil
}

// answered does what one answer asks for. A yes says that the number was given
// up at some time after the day: if it was proven later than that day, nobody
// knows which came first, and the proof stands. A no says that it was not, so
// what was proven by that day still is.
func (e *Engine) answered(ctx context.Context, tx *db.Tx, a answer, owners []owner, n *Reassigned) error {
	switch {
	case a.word == "no data":
		n.NoData++
		return nil
	case len(owners) == 0:
		n.Unknown++
		return nil
	}
	gone, proven := false, false
	for _, o := range owners {
		later := db.Time(o.proven).After(a.day.Add(24 * time.Hour))
		switch {
		case a.word == "yes" && !later:
			gone = true
			if err := e.wrongNumber(ctx, tx, known{patient: o.patient}, a.number); err != nil {
				return err
			}
		case a.word == "no" && (o.proven == 0 || !a.day.After(db.Time(o.proven))):
			proven = true
			if err := e.contacts.Confirm(ctx, tx, o.patient, a.number, e.Now()); err != nil {
				return err
			}
		}
	}
	switch {
	case gone:
		n.Gone++
	case proven:
		n.Proven++
	default:
		n.Older++
	}
	return nil
}
