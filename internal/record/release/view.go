package release

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hale/internal/record"
	"hale/internal/store/db"
)

// View returns the projector that keeps the wishes beside their Consents.
func (s *Store) View() record.Projector { return projector{s} }

type projector struct{ s *Store }

// Types says where wishes are kept.
func (projector) Types() []string { return []string{"Consent"} }

// Project keeps the wishes of a batch.
func (p projector) Project(ctx context.Context, tx *db.Tx, batch []record.Change) error {
	return keepWishes(ctx, tx, batch)
}

// recent is how long ago a result may have become final and still be news;
// older ones came with the history.
const recent = 45 * 24 * time.Hour

// Hold keeps the holds on what arrives in batch, in the transaction that
// brings it, and returns everything in batch that waits. The observations of
// a report wait with it, also those that are still to come.
func (s *Store) Hold(ctx context.Context, tx *db.Tx, batch []record.Change) ([]record.Held, error) {
	var list []arrival
	var patients []string
	for _, c := range batch {
		if c.Patient == "" || c.Deleted || !s.types[c.Type] {
			continue
		}
		if !slices.Contains(patients, c.Patient) {
			patients = append(patients, c.Patient)
		}
		if a, ok := s.arrives(c); ok {
			list = append(list, a)
		}
	}
	if len(patients) == 0 {
		return nil, nil
	}
	if len(list) > 0 {
		if err := s.holdAll(ctx, tx, list); err != nil {
			return nil, fmt.Errorf("release: hold: %w", err)
		}
	}
	held, err := s.heldIn(ctx, tx, patients, batch)
	if err != nil {
		return nil, fmt.Errorf("release: held: %w", err)
	}
	return held, nil
}

func (s *Store) holdAll(ctx context.Context, tx *db.Tx, list []arrival) error {
	patients := make([]string, len(list))
	for i, a := range list {
		patients[i] = a.Patient
	}
	slices.Sort(patients)
	wishes, err := wishesOf(ctx, tx, slices.Compact(patients))
	if err != nil {
		return err
	}
	for _, a := range list {
		for _, h := range s.decide(a, wishes[a.Patient]) {
			if err := s.place(ctx, tx, h, a.at); err != nil {
				return err
			}
		}
	}
	return nil
}

// heldIn returns what waits in batch, by the hold that lasts longest.
func (s *Store) heldIn(ctx context.Context, tx *db.Tx, patients []string, batch []record.Change) ([]record.Held, error) {
	open := map[[3]string]Hold{}
	for len(patients) > 0 {
		part := patients[:min(64, len(patients))]
		patients = patients[len(part):]
		q := `select ` + holdColumns + ` from release_hold where released_at = 0 and patient in (` + db.In(1, len(part)) + `)`
		list, err := db.All(ctx, tx, readHold, q, db.Args(part)...)
		if err != nil {
			return nil, err
		}
		for _, h := range list {
			key := [3]string{h.Patient, h.Type, h.Resource}
			if h.Until.After(open[key].Until) {
				open[key] = h
			}
		}
	}
	var held []record.Held
	for _, c := range batch {
		if h, ok := open[[3]string{c.Patient, c.Type, c.ID}]; ok && h.Until.After(c.At) {
			held = append(held, record.Held{Type: c.Type, ID: c.ID, Until: h.Until, Hold: h.Rule})
		}
	}
	return held, nil
}

// arrival is a result that some rule may be about.
type arrival struct {
	Patient, Type, ID string
	kinds             []string
	sort              string
	final             time.Time // zero: not final yet
	at                time.Time
	parts             []string // ids of the observations that a report is made of
}

// arrives says whether c is a result that some rule may be about.
func (s *Store) arrives(c record.Change) (arrival, bool) {
	when, isFinal := final(c.Node, c.At)
	if isFinal && c.At.Sub(when) > recent {
		return arrival{}, false
	}
	kinds := s.Book.kindsOf(c.Type, c.Node)
	if len(kinds) == 0 {
		return arrival{}, false
	}
	a := arrival{Patient: c.Patient, Type: c.Type, ID: c.ID, kinds: kinds, sort: s.Book.sortOf(kinds), at: c.At}
	if isFinal {
		a.final = when
	}
	if c.Type == "DiagnosticReport" {
		for ref := range c.Node.Get("result").Each() {
			if typ, id := ref.Reference(); typ == "Observation" {
				a.parts = append(a.parts, id)
			}
		}
	}
	return a, true
}

// decide returns the holds on a: pure. One that is not final yet waits for
// the day it becomes so; until then its time is counted from now, anew.
func (s *Store) decide(a arrival, wishes map[string]int) []Hold {
	from := a.final
	if from.IsZero() {
		from = a.at
	}
	var list []Hold
	add := func(h Hold) {
		if !h.Until.After(a.at) {
			return
		}
		h.Patient, h.Sort, h.SetAt, h.Final = a.Patient, a.sort, a.at, a.final
		h.Type, h.Resource = a.Type, a.ID
		list = append(list, h)
		for _, id := range a.parts {
			h.Type, h.Resource = "Observation", id
			list = append(list, h)
		}
	}
	for _, p := range s.Book.Packs {
		if meet(p.Kinds, a.kinds) {
			until := p.opens(from, s.Zone)
			if a.final.IsZero() {
				until = p.opens(from.Add(openEnd), s.Zone)
			}
			add(Hold{Rule: p.ID, Basis: p.Basis, Until: until, Most: until, Early: p.Early, Tell: p.Tell})
		}
	}
	if days := wishes[a.sort]; days > 0 && a.sort != "" {
		until := from.AddDate(0, 0, days)
		add(Hold{Rule: ByWish, Basis: wishBasis, Until: until, Most: until, Early: true, Tell: true})
	}
	return list
}

// wishBasis is why a patient's own wish is no blocking of information.
const wishBasis = "The patient asked for it: 45 CFR 164.522(a)(1) and 171.202(e)"

// place keeps h. A result that was released by the same rule stays so, unless
// it has become final only now.
func (s *Store) place(ctx context.Context, tx *db.Tx, h Hold, now time.Time) error {
	const q = `select ` + holdColumns + ` from release_hold where patient = $1 and typ = $2 and resource = $3 and rule = $4 order by set_at desc, id desc limit 1`
	list, err := db.All(ctx, tx, readHold, q, h.Patient, h.Type, h.Resource, h.Rule)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return s.insert(ctx, tx, h)
	}
	was := list[0]
	becameFinal := was.Final.IsZero() && !h.Final.IsZero()
	switch {
	case was.ReleasedAt.IsZero() && becameFinal:
		const move = `update release_hold set final_at = $1, until_at = $2, most_at = $3 where id = $4`
		if _, err := tx.ExecContext(ctx, move, h.Final.UnixMicro(), h.Until.UnixMicro(), h.Most.UnixMicro(), was.ID); err != nil {
			return err
		}
		return s.settle(ctx, tx, h.Patient, h.Type, h.Resource, now)
	case !was.ReleasedAt.IsZero() && becameFinal:
		return s.insert(ctx, tx, h)
	}
	return nil
}
