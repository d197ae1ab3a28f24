package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/app"
	"hale/internal/base/seal"
	"hale/internal/prooftest/rig"
	"hale/internal/reach"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// zone is where everybody lives, so that it is never night while this runs.
func zone(now time.Time) string {
	for _, name := range [...]string{"America/Chicago", "America/Los_Angeles", "Pacific/Auckland", "Asia/Tokyo", "Asia/Kolkata", "Europe/Berlin"} {
		if loc, err := time.LoadLocation(name); err == nil && now.In(loc).Hour() >= 11 && now.In(loc).Hour() <= 16 {
			return name
		}
	}
	return "UTC"
}

// newHale makes an installation with people in it that mails to the sink.
func newHale(ctx context.Context, o options, engine, relay string) (*rig.House, error) {
	h, err := rig.NewHouse(ctx, o.binary, engine,
		"HALE_MAIL_SERVER="+relay, "HALE_MAIL_FROM=Springfield Clinic <care@clinic.example>", "HALE_MAIL_TLS=opportunistic")
	if err != nil {
		return nil, err
	}
	if err := settings(h); err != nil {
		return h, err
	}
	folder := filepath.Join(h.Folder, "ndjson")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return h, err
	}
	if err := fill(folder, o.people); err != nil {
		return h, err
	}
	if _, err := h.Hale(ctx, "import", "--quiet", folder); err != nil {
		return h, err
	}
	return h, os.RemoveAll(folder)
}

// settings writes where the clinic is and that its relay is trusted, into the
// file that init made.
func settings(h *rig.House) error {
	path := filepath.Join(h.Data(), "hale.toml")
	text := fmt.Sprintf("[clinic]\nname = \"Springfield Clinic\"\nphone = \"555-0100\"\nzone = %q\n\n[mail]\nonward_tls = true\n", zone(time.Now()))
	return os.WriteFile(path, []byte(text), 0o600)
}

// inside opens an installation that does not serve, to write an outreach into
// it or to read its ledger. It sends nothing, and by mail it would by relay.
func inside(ctx context.Context, h *rig.House, relay string, fn func(*app.App, *db.DB) error) error {
	text, err := os.ReadFile(filepath.Join(h.Data(), "hale.key"))
	if err != nil {
		return err
	}
	key, err := seal.ParseKey(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	url := h.Database
	if url == "" {
		url = "sqlite:" + filepath.Join(h.Data(), "hale.db")
	}
	c := app.Config{
		Addr: h.Addr, URL: "http://" + h.Addr, Database: url, Key: key, Roots: keys.Plain(key), Node: "load",
		Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
	}
	c.Clinic.Name, c.Clinic.Zone = "Springfield Clinic", time.UTC
	if relay != "" {
		c.Mail = app.Mail{Server: relay, From: "Springfield Clinic <care@clinic.example>", TLS: "opportunistic", Onward: true}
	}
	a, err := app.New(ctx, c)
	if err != nil {
		return err
	}
	defer a.Close()
	d, err := db.Open(ctx, url, key)
	if err != nil {
		return err
	}
	return errors.Join(fn(a, d), d.Close())
}

// launch writes the outreach and starts it; whoever serves next plans it.
func launch(ctx context.Context, h *rig.House) (id string, err error) {
	err = inside(ctx, h, "", func(a *app.App, _ *db.DB) error {
		pass, err := a.Doors.CheckAll(ctx, access.SystemActor("load", access.RunOutreach), access.RunOutreach)
		if err != nil {
			return err
		}
		o, err := a.Reach.Save(ctx, pass, letter())
		if err != nil {
			return err
		}
		id = o.ID
		return a.Reach.Start(ctx, pass, id)
	})
	return id, err
}

// books is what the ledger says after a run.
type books struct {
	line                        string
	intents, messages, accepted int
	other                       int // messages in any other state
	planFrom, planTo, sendTo    time.Time
	waits                       []time.Duration // from being due to being taken
	progress                    reach.Progress
}

// audit reads the ledger.
func audit(ctx context.Context, h *rig.House, id string) (b books, err error) {
	err = inside(ctx, h, "", func(a *app.App, d *db.DB) error {
		pass, err := a.Doors.CheckAll(ctx, access.SystemActor("load", access.RunOutreach), access.RunOutreach)
		if err != nil {
			return err
		}
		if b.progress, err = a.Reach.Progress(ctx, pass, id); err != nil {
			return err
		}
		b.line = b.progress.Line
		if err := b.intentsOf(ctx, d, id); err != nil {
			return err
		}
		return b.messagesOf(ctx, d, id)
	})
	return b, err
}

func (b *books) intentsOf(ctx context.Context, d *db.DB, id string) error {
	type span struct{ n, from, to int64 }
	s, err := db.One(ctx, d, func(scan db.Scan) (s span, err error) { return s, scan(&s.n, &s.from, &s.to) },
		`select count(*), coalesce(min(decided_at), 0), coalesce(max(decided_at), 0) from intent where outreach = $1`, id)
	b.intents, b.planFrom, b.planTo = int(s.n), db.Time(s.from), db.Time(s.to)
	return err
}

func (b *books) messagesOf(ctx context.Context, d *db.DB, id string) error {
	type row struct{ due, taken int64 }
	rows, err := db.All(ctx, d, func(scan db.Scan) (r row, err error) { return r, scan(&r.due, &r.taken) },
		`select created_at, accepted_at from message where outreach = $1`, id)
	if err != nil {
		return err
	}
	for _, r := range rows {
		b.messages++
		if r.taken == 0 {
			b.other++
			continue
		}
		b.accepted++
		b.waits = append(b.waits, time.Duration(r.taken-r.due)*time.Microsecond)
		if at := db.Time(r.taken); at.After(b.sendTo) {
			b.sendTo = at
		}
	}
	return nil
}
