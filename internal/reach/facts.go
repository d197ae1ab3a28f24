package reach

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

// subject is a person as an outreach sees one.
type subject struct {
	policy.Facts
	full, given, family string
	lang, born, sex     string
}

// language is the one the person asked for, or the record's.
func (s *subject) language() string {
	if l := s.Facts.Lang(); l != "" {
		return l
	}
	return s.lang
}

// crowd is everything known about some people, read in a handful of
// statements.
type crowd struct {
	by   map[string]*subject
	used map[string][]policy.Use // cap key → promised so far, this batch's own included
}

// eyes returns a pass for one of the engine's own parts to look at everyone.
// It is audited, in a transaction of its own: never ask inside one.
func (e *Engine) eyes(ctx context.Context, part string) (access.Pass, error) {
	return e.Doors.CheckAll(ctx, access.SystemActor("reach "+part, access.RunOutreach), access.RunOutreach)
}

// abilities asks the gateways what the addresses of patients can take. It
// may go over the network, so never inside a transaction.
func (e *Engine) abilities(ctx context.Context, pass access.Pass, patients []string, known map[string]policy.Ability) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	points, err := contact.List(ctx, e.DB, patients)
	if err != nil {
		return err
	}
	for _, list := range points {
		for _, p := range list {
			gate := e.gates[Channel(p.Kind)]
			if gate == nil {
				continue
			}
			key := p.Value
			if _, domain, ok := strings.Cut(p.Value, "@"); ok {
				key = "@" + domain // a server takes the same for all its boxes
			}
			able, ok := known[key]
			if !ok {
				c, err := gate.Capability(ctx, p.Value)
				if err != nil { // not known is not able: a notice, never content
					e.Log.Warn("reach: capability", "channel", string(p.Kind), "error", err)
					c = Capability{OK: true}
				}
				able = policy.Ability{OK: c.OK, TLS: c.TLS, Detail: c.Detail}
				known[key] = able
			}
			known[p.Value] = able
		}
	}
	return nil
}

// load reads the facts about patients for purpose as c sees them.
func (e *Engine) load(ctx context.Context, c db.Conn, pass access.Pass, patients []string, purpose string, able map[string]policy.Ability) (*crowd, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return nil, err
	}
	k := &crowd{by: make(map[string]*subject, len(patients)), used: map[string][]policy.Use{}}
	for _, id := range patients {
		k.by[id] = &subject{Facts: policy.Facts{Patient: id, Missing: true, Able: able}}
	}
	if len(patients) == 0 {
		return k, nil
	}
	if err := k.people(ctx, c, patients); err != nil {
		return nil, err
	}
	points, err := contact.List(ctx, c, patients)
	if err != nil {
		return nil, err
	}
	preferences, err := contact.ListPreferences(ctx, c, patients)
	if err != nil {
		return nil, err
	}
	said, err := consent.List(ctx, c, patients)
	if err != nil {
		return nil, err
	}
	for id, s := range k.by {
		s.Points, s.Preferences, s.Consent = points[id], preferences[id], consent.Fold(said[id])
	}
	if err := k.protect(ctx, c, patients); err != nil {
		return nil, err
	}
	return k, e.addresses(ctx, c, k, patients, purpose)
}

// people reads the rows of the persons themselves.
func (k *crowd) people(ctx context.Context, c db.Conn, patients []string) error {
	q := `select p.id, p.full_name, p.given, p.family, p.born, p.sex, p.lang, p.zone, p.deceased, p.active,
			(select count(*) from account a where a.patient = p.id and a.patient <> '')
		from person p where p.id in (` + db.In(1, len(patients)) + `)`
	rows, err := db.All(ctx, c, func(scan db.Scan) (s subject, err error) {
		var deceased, active, accounts int
		err = scan(&s.Patient, &s.full, &s.given, &s.family, &s.born, &s.sex, &s.lang, &s.Zone, &deceased, &active, &accounts)
		s.Deceased, s.Inactive, s.Account = deceased == 1, active == 0, accounts > 0
		return s, err
	}, q, db.Args(patients)...)
	if err != nil {
		return fmt.Errorf("reach: people: %w", err)
	}
	for _, r := range rows {
		r.Able = k.by[r.Patient].Able
		k.by[r.Patient] = &r
	}
	return nil
}

// protect marks those of whom a letter from us tells something by itself:
// whom a programme for substance use treats (42 CFR 2.13).
func (k *crowd) protect(ctx context.Context, c db.Conn, patients []string) error {
	q := `select distinct patient from shield where (labels & $1) <> 0 and patient in (` + db.In(2, len(patients)) + `)`
	list, err := db.All(ctx, c, db.Value[string], q, append([]any{int64(access.Part2)}, db.Args(patients)...)...)
	if err != nil {
		return fmt.Errorf("reach: protect: %w", err)
	}
	for _, id := range list {
		k.by[id].Protected = true
	}
	return nil
}

// addresses reads what is blocked and what was promised to each address.
func (e *Engine) addresses(ctx context.Context, c db.Conn, k *crowd, patients []string, purpose string) error {
	keys := append([]string(nil), patients...)
	address := map[string]string{} // hash → address
	for _, s := range k.by {
		for _, p := range s.Points {
			h := e.hash(Channel(p.Kind), p.Value)
			if _, ok := address[h]; !ok {
				keys = append(keys, h)
			}
			address[h] = p.Value
		}
	}
	blocked := map[string]string{}
	now := db.Micro(e.Now())
	for i := 0; i < len(keys); i += 900 {
		part := keys[i:min(i+900, len(keys))]
		if err := k.suppressed(ctx, c, part, address, blocked, purpose, now); err != nil {
			return err
		}
		if err := k.promised(ctx, c, part, address, now); err != nil {
			return err
		}
	}
	for _, s := range k.by {
		s.Suppressed = blocked
	}
	return nil
}

func (k *crowd) suppressed(ctx context.Context, c db.Conn, keys []string, address, blocked map[string]string, purpose string, now int64) error {
	n := len(keys)
	q := fmt.Sprintf(`select address_hash, reason from suppression
		where address_hash in (%s) and scope in ('*', $%d) and (until = 0 or until > $%d)`, db.In(1, n), n+1, n+2)
	rows, err := db.All(ctx, c, func(scan db.Scan) (r [2]string, err error) {
		err = scan(&r[0], &r[1])
		return r, err
	}, q, append(db.Args(keys), purpose, now)...)
	if err != nil {
		return fmt.Errorf("reach: suppressed: %w", err)
	}
	for _, r := range rows {
		blocked[address[r[0]]] = r[1]
	}
	return nil
}

// promised reads the caps' ledger of the last eight days and all to come.
func (k *crowd) promised(ctx context.Context, c db.Conn, keys []string, address map[string]string, now int64) error {
	n := len(keys)
	q := fmt.Sprintf(`select address_hash, channel, class, day, n from cap_ledger where address_hash in (%s) and day > $%d and n > 0`, db.In(1, n), n+1)
	rows, err := db.All(ctx, c, func(scan db.Scan) (u policy.Use, err error) {
		err = scan(&u.Key, &u.Channel, &u.Class, &u.Day, &u.N)
		return u, err
	}, q, append(db.Args(keys), now/86_400_000_000-9)...)
	if err != nil {
		return fmt.Errorf("reach: promised: %w", err)
	}
	for _, u := range rows {
		if a, ok := address[u.Key]; ok {
			u.Key = a
		}
		k.used[u.Key] = append(k.used[u.Key], u)
	}
	return nil
}

// facts returns what is known of one person, with what was promised up to
// now.
func (k *crowd) facts(patient string) *policy.Facts {
	f := &k.by[patient].Facts
	f.Used = append(f.Used[:0], k.used[patient]...)
	for i, p := range f.Points {
		if i == 0 || !slices.ContainsFunc(f.Points[:i], func(o contact.Point) bool { return o.Value == p.Value }) {
			f.Used = append(f.Used, k.used[p.Value]...)
		}
	}
	return f
}

// promise counts one more message.
func (k *crowd) promise(patient string, c policy.Candidate, class string) {
	for _, key := range []string{patient, c.Address} {
		k.used[key] = append(k.used[key], policy.Use{Key: key, Channel: c.Channel, Class: class, Day: c.Day, N: 1})
	}
}
