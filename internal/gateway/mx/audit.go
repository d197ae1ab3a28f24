package mx

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/care/contact"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// Audits look at the mail servers of all patients' domains, one look at a
// time, in the background.
type Audits struct {
	db    *db.DB
	dir   *Directory
	doors *access.Doors
	ids   *ids.Source
	now   func() time.Time
	queue jobs.Queue
}

// NewAudits returns audits by dir.
func NewAudits(d *db.DB, dir *Directory, doors *access.Doors, source *ids.Source, now func() time.Time) *Audits {
	return &Audits{db: d, dir: dir, doors: doors, ids: source, now: now}
}

// Use sets the queue that the work waits in.
func (a *Audits) Use(q jobs.Queue) { a.queue = q }

const auditJob = "mail-audit"

// Handlers are the background work of audits.
func (a *Audits) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{auditJob: func(ctx context.Context, args json.RawMessage) error {
		var id string
		if err := json.Unmarshal(args, &id); err != nil {
			return err
		}
		return a.Run(ctx, id)
	}}
}

// Periodic is empty: somebody asks for an audit.
func (a *Audits) Periodic() []jobs.Periodic { return nil }

// Audit is how far a look at all domains has come.
type Audit struct {
	ID      string
	Started time.Time
	Ended   time.Time
	Domains int
	Done    int
	Levels  [policy.L3 + 1]Share // what of them has which level
	None    Share                // takes no mail at all
}

// Share is a number of domains, and of the patients with an address there.
type Share struct{ Domains, Patients int }

// Good is what has a level of at least least, in percent of the domains that
// were looked at, and of their patients.
func (a Audit) Good(least policy.Level) (domains, patients float64) {
	all, good := a.None, Share{}
	for l, s := range a.Levels {
		all.Domains, all.Patients = all.Domains+s.Domains, all.Patients+s.Patients
		if policy.Level(l) >= least {
			good.Domains, good.Patients = good.Domains+s.Domains, good.Patients+s.Patients
		}
	}
	if all.Domains == 0 || all.Patients == 0 {
		return 0, 0
	}
	return 100 * float64(good.Domains) / float64(all.Domains), 100 * float64(good.Patients) / float64(all.Patients)
}

// Sentence says how an audit came out: "93.1 % of your patients' domains are
// L2 or better".
func (a Audit) Sentence() string {
	if a.Done == 0 {
		return "No domain has been looked at yet."
	}
	domains, patients := a.Good(policy.L2)
	return fmt.Sprintf("%.1f %% of your patients' domains are L2 or better; %.1f %% of the patients with an e-mail address have it there.", domains, patients)
}

// Row is one domain of an audit.
type Row struct {
	Domain   string       `json:"domain"`
	Patients int          `json:"patients"`
	Level    policy.Level `json:"level"`
	Takes    bool         `json:"takes_mail"`
	Done     bool         `json:"done"`
}

// Start begins an audit, unless one is under way, and returns its id.
func (a *Audits) Start(ctx context.Context, pass access.Pass, by string) (id string, err error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return "", err
	}
	id = a.ids.New()
	err = a.db.Tx(ctx, func(tx *db.Tx) error {
		const open = `select id from mail_audit where ended_at = 0 and started_at > $1 order by started_at desc limit 1`
		running, err := db.All(ctx, tx, db.Value[string], open, db.Micro(a.now().Add(-6*time.Hour)))
		if err != nil {
			return err
		}
		if len(running) > 0 {
			id = running[0]
			return nil
		}
		const q = `insert into mail_audit (id, started_by, started_at) values ($1, $2, $3)`
		if _, err := tx.ExecContext(ctx, q, id, by, db.Micro(a.now())); err != nil {
			return err
		}
		if a.queue == nil {
			return nil
		}
		return a.queue.Add(ctx, tx, jobs.Job{Kind: auditJob, Args: id, Unique: auditJob, MaxAttempts: 3})
	})
	if err != nil {
		return "", fmt.Errorf("mx: start audit: %w", err)
	}
	return id, nil
}

// Run does an audit, from where it was left off.
func (a *Audits) Run(ctx context.Context, id string) error {
	return a.RunTelling(ctx, id, func(int, int) {})
}

// RunTelling does an audit as Run does, and tells how far it is.
func (a *Audits) RunTelling(ctx context.Context, id string, tell func(done, all int)) error {
	pass, err := a.doors.CheckAll(ctx, access.SystemActor("mail audit", access.RunOutreach), access.RunOutreach)
	if err != nil {
		return err
	}
	if err := a.count(ctx, pass, id); err != nil {
		return fmt.Errorf("mx: audit %s: %w", id, err)
	}
	for {
		const next = `select domain from mail_audit_domain where audit = $1 and level = -1 order by patients desc, domain limit 64`
		list, err := db.All(ctx, a.db, db.Value[string], next, id)
		if err != nil {
			return fmt.Errorf("mx: audit %s: %w", id, err)
		}
		if len(list) == 0 {
			break
		}
		if err := a.looks(ctx, id, list); err != nil {
			return fmt.Errorf("mx: audit %s: %w", id, err)
		}
		const far = `select done, domains from mail_audit where id = $1`
		at, err := db.One(ctx, a.db, func(scan db.Scan) (n [2]int, err error) {
			err = scan(&n[0], &n[1])
			return n, err
		}, far, id)
		if err != nil {
			return fmt.Errorf("mx: audit %s: %w", id, err)
		}
		tell(at[0], at[1])
	}
	return a.db.Tx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `update mail_audit set ended_at = $2 where id = $1`, id, db.Micro(a.now()))
		return err
	})
}

// count writes down the domains with their patients, each patient once for
// each of theirs.
func (a *Audits) count(ctx context.Context, pass access.Pass, id string) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	n, err := db.One(ctx, a.db, db.Value[int], `select domains from mail_audit where id = $1`, id)
	if err != nil || n > 0 {
		return err
	}
	people, seen := map[string]int{}, map[string]bool{}
	for after := (contact.Mailbox{}); ; {
		list, err := contact.Mailboxes(ctx, a.db, after, 2000)
		if err != nil {
			return err
		}
		for _, m := range list {
			if m.Patient != after.Patient {
				clear(seen)
			}
			after = m
			domain, err := Domain(m.Value[strings.LastIndexByte(m.Value, '@')+1:])
			if err == nil && !seen[domain] {
				seen[domain] = true
				people[domain]++
			}
		}
		if len(list) == 0 {
			break
		}
	}
	return a.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `delete from mail_audit_domain where audit = $1`, id); err != nil {
			return err
		}
		var args []any
		for domain, n := range people {
			args = append(args, id, domain, n)
		}
		if err := db.InsertMany(ctx, tx, `insert into mail_audit_domain (audit, domain, patients)`, "", 3, args); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `update mail_audit set domains = $2 where id = $1`, id, len(people))
		return err
	})
}

// lookTime bounds one domain's look.
const lookTime = 45 * time.Second

// looks looks at some domains at once.
func (a *Audits) looks(ctx context.Context, id string, domains []string) error {
	levels := make([]int, len(domains))
	var all sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i, domain := range domains {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, lookTime)
			defer cancel()
			r, err := a.dir.Level(ctx, domain)
			switch {
			case err == nil && !r.Takes:
				levels[i] = -2
			case err == nil:
				levels[i] = int(r.Level)
			} // one that cannot be looked at has shown no level: 0
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return a.db.Tx(ctx, func(tx *db.Tx) error {
		for i, domain := range domains {
			const q = `update mail_audit_domain set level = $3 where audit = $1 and domain = $2`
			if _, err := tx.ExecContext(ctx, q, id, domain, levels[i]); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `update mail_audit set done = done + $2 where id = $1`, id, len(domains))
		return err
	})
}

// Latest returns the last audit; false: there was none.
func (a *Audits) Latest(ctx context.Context, pass access.Pass) (Audit, bool, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return Audit{}, false, err
	}
	const q = `select id, started_at, ended_at, domains, done from mail_audit order by started_at desc, id desc limit 1`
	list, err := db.All(ctx, a.db, func(scan db.Scan) (r Audit, err error) {
		var started, ended int64
		err = scan(&r.ID, &started, &ended, &r.Domains, &r.Done)
		r.Started, r.Ended = db.Time(started), db.Time(ended)
		return r, err
	}, q)
	if err != nil || len(list) == 0 {
		return Audit{}, false, err
	}
	r := list[0]
	const shares = `select level, count(*), sum(patients) from mail_audit_domain where audit = $1 and level <> -1 group by level`
	type share struct{ level, domains, patients int }
	by, err := db.All(ctx, a.db, func(scan db.Scan) (s share, err error) {
		err = scan(&s.level, &s.domains, &s.patients)
		return s, err
	}, shares, r.ID)
	if err != nil {
		return Audit{}, false, fmt.Errorf("mx: latest audit: %w", err)
	}
	for _, s := range by {
		if s.level < 0 {
			r.None = Share{s.domains, s.patients}
			continue
		}
		r.Levels[s.level] = Share{s.domains, s.patients}
	}
	return r, true, nil
}

// Rows returns the domains of an audit, those of most patients first.
func (a *Audits) Rows(ctx context.Context, pass access.Pass, audit string, n int) ([]Row, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return nil, err
	}
	const q = `select domain, patients, level from mail_audit_domain where audit = $1 order by patients desc, domain limit $2`
	list, err := db.All(ctx, a.db, func(scan db.Scan) (r Row, err error) {
		var level int
		err = scan(&r.Domain, &r.Patients, &level)
		r.Done, r.Takes, r.Level = level != -1, level != -2, policy.Level(max(level, 0))
		return r, err
	}, q, audit, n)
	if err != nil {
		return nil, fmt.Errorf("mx: rows: %w", err)
	}
	return list, nil
}
