package mx

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"hale/internal/store/db"
)

// remembered is the policy that was kept of a domain.
func (d *Directory) remembered(ctx context.Context, domain string) Policy {
	d.mu.Lock()
	p, ok := d.policies[domain]
	d.mu.Unlock()
	if ok || d.c.DB == nil {
		return p
	}
	const q = `select policy_id, mode, hosts, max_age, fetched_at, tried_at, tried_id from mx_policy where domain = $1`
	list, err := db.All(ctx, d.c.DB, func(scan db.Scan) (p Policy, err error) {
		var hosts string
		var age, fetched, tried int64
		err = scan(&p.ID, &p.Mode, &hosts, &age, &fetched, &tried, &p.TriedID)
		p.MX, p.MaxAge, p.Fetched, p.Tried = strings.Fields(hosts), time.Duration(age)*time.Second, db.Time(fetched), db.Time(tried)
		return p, err
	}, q, domain)
	if err != nil || len(list) == 0 {
		return Policy{}
	}
	d.holdPolicy(domain, list[0])
	return list[0]
}

func (d *Directory) holdPolicy(domain string, p Policy) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.policies) > 20_000 {
		clear(d.policies)
	}
	d.policies[domain] = p
}

// remember keeps a policy. That it could not be written down costs a fetch
// and no more.
func (d *Directory) remember(ctx context.Context, domain string, p Policy) {
	d.holdPolicy(domain, p)
	if d.c.DB == nil {
		return
	}
	const q = `insert into mx_policy (domain, policy_id, mode, hosts, max_age, fetched_at, tried_at, tried_id) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (domain) do update set policy_id = excluded.policy_id, mode = excluded.mode, hosts = excluded.hosts, max_age = excluded.max_age,
			fetched_at = excluded.fetched_at, tried_at = excluded.tried_at, tried_id = excluded.tried_id`
	_ = d.c.DB.Tx(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, q, domain, p.ID, p.Mode, strings.Join(p.MX, " "), int64(p.MaxAge/time.Second), db.Micro(p.Fetched), db.Micro(p.Tried), p.TriedID)
		return err
	})
}

// load is the report that was kept of a domain.
func (d *Directory) load(ctx context.Context, domain string) (Report, bool) {
	if d.c.DB == nil {
		return Report{}, false
	}
	list, err := Reports(ctx, d.c.DB, []string{domain})
	if err != nil || len(list) == 0 {
		return Report{}, false
	}
	return list[0], true
}

// keep writes a report down. That it could not be costs a look and no more.
func (d *Directory) keep(ctx context.Context, r Report) {
	if d.c.DB == nil {
		return
	}
	text, err := json.Marshal(r)
	if err != nil {
		return
	}
	takes := 0
	if r.Takes {
		takes = 1
	}
	const q = `insert into mx_report (domain, level, takes, report, checked_at, until) values ($1, $2, $3, $4, $5, $6)
		on conflict (domain) do update set level = excluded.level, takes = excluded.takes, report = excluded.report,
			checked_at = excluded.checked_at, until = excluded.until`
	_ = d.c.DB.Tx(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, q, r.Domain, int(r.Level), takes, string(text), db.Micro(r.Checked), db.Micro(r.Until))
		return err
	})
}

// Reports returns what was kept of domains, at most 900 of them at a time.
func Reports(ctx context.Context, c db.Conn, domains []string) ([]Report, error) {
	if len(domains) == 0 {
		return nil, nil
	}
	q := `select report from mx_report where domain in (` + db.In(1, len(domains)) + `) order by domain`
	texts, err := db.All(ctx, c, db.Value[string], q, db.Args(domains)...)
	if err != nil {
		return nil, fmt.Errorf("mx: reports: %w", err)
	}
	list := make([]Report, 0, len(texts))
	for _, text := range texts {
		var r Report
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			return nil, fmt.Errorf("mx: reports: %w", err)
		}
		list = append(list, r)
	}
	return list, nil
}
