package reach

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"hale/internal/base/errs"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

// Exception is why an offer needs no signed permission. Its author has to
// choose it; whoever is paid for the offer can choose none.
//
// Spec: 45 CFR 164.501 (marketing), 45 CFR 164.508(a)(3)
type Exception string

// The exceptions.
const (
	ForTreatment Exception = "treatment" // about treatment of this patient, and nobody pays the clinic for it
	ForRefill    Exception = "refill"    // about a medicine that is prescribed, or lapsed within 90 days, at cost at most
)

// lapsed is how long after its end a prescription counts as current.
const lapsed = 90 * 24 * time.Hour

var (
	errException = errs.New(errs.Invalid, "Please choose an exception that there is, and for offers only.")
	errPaid      = errs.New(errs.Invalid, "Somebody pays the clinic for this: only patients who signed for that may get it.")
)

// permitted says whether the exception that o names may be chosen.
func (o *Outreach) permitted(p policy.Purpose) error {
	switch {
	case o.Exception == "":
		return nil
	case !p.Authorization || o.Exception != ForTreatment && o.Exception != ForRefill:
		return errException
	case o.Paid:
		return errPaid
	}
	return nil
}

// words says by what an offer is allowed.
func (x Exception) words() string {
	switch x {
	case ForTreatment:
		return "an exception the author chose: treatment, unpaid (45 CFR 164.501)"
	case ForRefill:
		return "an exception the author chose: a medicine that is prescribed (45 CFR 164.501)"
	}
	return ""
}

// permit says of whom the exception of an outreach holds, and takes from
// those whose signature says nothing of payment what it cannot give.
func (e *Engine) permit(ctx context.Context, c db.Conn, k *crowd, o Outreach) error {
	if o.Paid {
		for _, s := range k.by {
			if ev, ok := s.Consent.Signed(o.Purpose, e.Now()); ok && ev.Scope == "unpaid" {
				s.Unpaid = true
			}
		}
	}
	if o.Exception == ForTreatment {
		for _, s := range k.by {
			s.Permit = true
		}
	}
	if o.Exception != ForRefill || len(k.by) == 0 {
		return nil
	}
	patients := slices.Sorted(maps.Keys(k.by))
	q := `select distinct m.patient from medication m
		where m.reported = 0 and (m.status = 'active' or m.status in ('completed', 'stopped') and m.updated_at > $1) and m.patient in (` + db.In(2, len(patients)) + `)
			and not exists (select 1 from shield z where z.patient = m.patient and z.id = m.id and z.labels <> 0)`
	list, err := db.All(ctx, c, db.Value[string], q, append([]any{db.Micro(e.Now().Add(-lapsed))}, db.Args(patients)...)...)
	if err != nil {
		return fmt.Errorf("reach: permit: %w", err)
	}
	for _, id := range list {
		k.by[id].Permit = true
	}
	return nil
}

// excepted marks the offers among messages that an exception allows: no
// signature is looked for when they go, either.
func (e *Engine) excepted(ctx context.Context, c db.Conn, messages []*sending) error {
	by := map[string][]*sending{}
	var ids []string
	for _, m := range messages {
		if p, _ := policy.PurposeOf(m.purpose); p.Authorization {
			if by[m.outreach] == nil {
				ids = append(ids, m.outreach)
			}
			by[m.outreach] = append(by[m.outreach], m)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	q := `select ` + outreachColumns + ` from outreach where id in (` + db.In(1, len(ids)) + `)`
	list, err := db.All(ctx, c, readOutreach, q, db.Args(ids)...)
	if err != nil {
		return fmt.Errorf("reach: excepted: %w", err)
	}
	for _, o := range list {
		for _, m := range by[o.ID] {
			m.excepted = o.Exception != ""
		}
	}
	return nil
}
