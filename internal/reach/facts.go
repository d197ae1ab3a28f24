package reach

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

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
	line, city          string
	phrase              string // by which the person knows our messages
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
	by      map[string]*subject
	address map[string]string       // by its hash
	used    map[string][]policy.Use // cap key → promised so far, this batch's own included
	keys    []string                // of the caps' ledger, if it was asked
	uses    []policy.Use            // what it said
}

// eyes returns a pass for one of the engine's own parts to look at everyone.
// It is audited, in a transaction of its own: never ask inside one.
func (e *Engine) eyes(ctx context.Context, part string) (access.Pass, error) {
	return e.Doors.CheckAll(ctx, access.SystemActor("reach "+part, access.RunOutreach), access.RunOutreach)
}

// abilities asks the gateways what the addresses of patients can take. It
// may go over the network, so never inside a transaction. From call to call
// known keeps what mail domains can take, and no single address.
func (e *Engine) abilities(ctx context.Context, pass access.Pass, patients []string, known map[string]policy.Ability) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	if err := e.refresh(ctx); err != nil { // what holds for the batch to come
		return err
	}
	points, err := contact.List(ctx, e.DB, patients)
	if err != nil {
		return err
	}
	maps.DeleteFunc(known, func(key string, _ policy.Ability) bool { return !strings.HasPrefix(key, "@") })
	e.domains(ctx, points, known)
	for _, list := range points {
		for _, p := range list {
			gate := e.gates[Channel(p.Kind)]
			if gate == nil {
				continue
			}
			key := domainOf(p.Value)
			able, ok := known[key]
			if !ok {
				able = e.ability(ctx, gate, p)
				known[key] = able
			}
			known[p.Value] = able
		}
	}
	return nil
}

// domainOf is what an address has in common with others that are as able: a
// mail server takes the same for all its boxes.
func domainOf(address string) string {
	if _, domain, ok := strings.Cut(address, "@"); ok {
		return "@" + domain
	}
	return address
}

// ability asks a gateway what an address can take. Not known is not able: a
// notice, never content.
func (e *Engine) ability(ctx context.Context, gate Gateway, p contact.Point) policy.Ability {
	c, err := gate.Capability(ctx, p.Value)
	if err != nil {
		e.Log.Warn("reach: capability", "channel", string(p.Kind), "error", err)
		c = Capability{OK: true}
	}
	return policy.Ability(c)
}

// domainsAtOnce is how many mail domains are asked about at a time.
const domainsAtOnce = 16

// domains asks about the mail domains that are not known yet, several at a
// time: each may be a look at servers far away.
func (e *Engine) domains(ctx context.Context, points map[string][]contact.Point, known map[string]policy.Ability) {
	gate := e.gates[Email]
	ask := map[string]contact.Point{}
	for _, list := range points {
		for _, p := range list {
			key := domainOf(p.Value)
			if _, ok := known[key]; !ok && Channel(p.Kind) == Email {
				ask[key] = p
			}
		}
	}
	if gate == nil || len(ask) < 2 {
		return
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	slots := make(chan struct{}, domainsAtOnce)
	for key, p := range ask {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			able := e.ability(ctx, gate, p)
			mu.Lock()
			known[key] = able
			mu.Unlock()
		})
	}
	all.Wait()
}

// load reads the facts about patients for purpose as c sees them.
func (e *Engine) load(ctx context.Context, c db.Conn, pass access.Pass, patients []string, purpose string, able map[string]policy.Ability) (*crowd, error) {
	k, err := e.current(ctx, c, pass, patients, purpose, able)
	if err != nil || len(patients) == 0 {
		return k, err
	}
	if err := e.phrases(ctx, c, k, patients); err != nil {
		return nil, err
	}
	keys := append([]string(nil), patients...)
	for h := range k.address {
		keys = append(keys, h)
	}
	if k.uses, err = promised(ctx, c, keys, e.Now()); err != nil {
		return nil, err
	}
	k.keys = keys
	for _, u := range k.uses {
		if a, ok := k.address[u.Key]; ok {
			u.Key = a
		}
		k.used[u.Key] = append(k.used[u.Key], u)
	}
	return k, nil
}

// keyChunk is how many addresses one statement asks about.
const keyChunk = 900

// current is load without what is needed to decide and to write alone: what
// was promised, and words that a person chose.
func (e *Engine) current(ctx context.Context, c db.Conn, pass access.Pass, patients []string, purpose string, able map[string]policy.Ability) (*crowd, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return nil, err
	}
	k := &crowd{by: make(map[string]*subject, len(patients)), address: map[string]string{}, used: map[string][]policy.Use{}}
	for _, id := range patients {
		k.by[id] = &subject{Facts: policy.Facts{Patient: id, Missing: true, Able: able}}
	}
	if len(patients) == 0 {
		return k, nil
	}
	if err := k.people(ctx, c, patients); err != nil {
		return nil, err
	}
	for _, s := range k.by {
		s.Minor = minor(s.born, e.Now())
	}
	points, err := contact.List(ctx, c, patients)
	if err != nil {
		return nil, err
	}
	if e.gates[Post] != nil {
		if err := k.onPaper(ctx, c, patients); err != nil {
			return nil, err
		}
	}
	preferences, err := contact.ListPreferences(ctx, c, patients)
	if err != nil {
		return nil, err
	}
	said, err := consent.List(ctx, c, patients)
	if err != nil {
		return nil, err
	}
	old := time.Time{}
	if days := e.rules().Confirm; days > 0 {
		old = e.Now().AddDate(0, 0, -days)
	}
	for id, s := range k.by {
		s.Unproven = unproven(points[id], old)
		s.Points, s.Preferences, s.Consent = points[id], preferences[id], consent.Fold(said[id])
	}
	if err := k.protect(ctx, c, patients); err != nil {
		return nil, err
	}
	if err := e.helpers(ctx, c, k, patients); err != nil {
		return nil, err
	}
	return k, e.addresses(ctx, c, k, purpose)
}

// unproven are the numbers that were last shown to be their patient's before
// old.
func unproven(points []contact.Point, old time.Time) (by map[string]bool) {
	for _, p := range points {
		if at := p.Proven(); p.Kind == contact.SMS && !at.IsZero() && at.Before(old) {
			if by == nil {
				by = map[string]bool{}
			}
			by[p.Value] = true
		}
	}
	return by
}

// people reads the rows of the persons themselves.
func (k *crowd) people(ctx context.Context, c db.Conn, patients []string) error {
	q := `select p.id, p.full_name, p.given, p.family, p.born, p.sex, p.lang, p.zone, p.line, p.city, p.state, p.zip, p.deceased, p.active,
			(select count(*) from account a where a.patient = p.id and a.patient <> '')
		from person p where p.id in (` + db.In(1, len(patients)) + `)`
	rows, err := db.All(ctx, c, func(scan db.Scan) (s subject, err error) {
		var deceased, active, accounts int
		err = scan(&s.Patient, &s.full, &s.given, &s.family, &s.born, &s.sex, &s.lang, &s.Zone, &s.line, &s.city, &s.State, &s.Zip, &deceased, &active, &accounts)
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

// addresses reads which addresses are blocked, and which rest.
func (e *Engine) addresses(ctx context.Context, c db.Conn, k *crowd, purpose string) error {
	for _, s := range k.by {
		for p := range s.Everywhere() {
			k.address[e.hash(Channel(p.Kind), p.Value)] = p.Value
		}
	}
	rests := map[string]time.Time{}
	for part := range slices.Chunk(k.hashes(), keyChunk) {
		if err := k.resting(ctx, c, part, rests, db.Micro(e.Now())); err != nil {
			return err
		}
	}
	for _, s := range k.by {
		s.Resting = rests
	}
	return e.bar(ctx, c, k, purpose)
}

// hashes are those of all addresses of k.
func (k *crowd) hashes() []string { return slices.Collect(maps.Keys(k.address)) }

// bar reads which addresses of k are blocked for purpose. It is all of the
// facts that hangs on the purpose.
func (e *Engine) bar(ctx context.Context, c db.Conn, k *crowd, purpose string) error {
	blocked := map[string]string{}
	for part := range slices.Chunk(k.hashes(), keyChunk) {
		if err := k.suppressed(ctx, c, part, blocked, purpose, db.Micro(e.Now())); err != nil {
			return err
		}
	}
	for _, s := range k.by {
		s.Suppressed = blocked
	}
	return nil
}

func (k *crowd) suppressed(ctx context.Context, c db.Conn, keys []string, blocked map[string]string, purpose string, now int64) error {
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
		blocked[k.address[r[0]]] = r[1]
	}
	return nil
}

// promised reads the caps' ledger of the last eight days and all to come.
func promised(ctx context.Context, c db.Conn, keys []string, now time.Time) (uses []policy.Use, err error) {
	for part := range slices.Chunk(keys, keyChunk) {
		n := len(part)
		q := fmt.Sprintf(`select address_hash, channel, class, day, n from cap_ledger
			where address_hash in (%s) and day > $%d and n > 0
			order by address_hash, channel, class, day`, db.In(1, n), n+1)
		rows, err := db.All(ctx, c, func(scan db.Scan) (u policy.Use, err error) {
			err = scan(&u.Key, &u.Channel, &u.Class, &u.Day, &u.N)
			return u, err
		}, q, append(db.Args(part), db.Micro(now)/86_400_000_000-9)...)
		if err != nil {
			return nil, fmt.Errorf("reach: promised: %w", err)
		}
		uses = append(uses, rows...)
	}
	return uses, nil
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
	for _, h := range f.Helpers {
		for _, p := range h.Points {
			if !slices.ContainsFunc(f.Points, func(o contact.Point) bool { return o.Value == p.Value }) {
				f.Used = append(f.Used, k.used[p.Value]...)
			}
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
