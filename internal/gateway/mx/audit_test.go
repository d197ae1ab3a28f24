package mx_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"math"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/gateway/mx"
	"hale/internal/haletest"
	"hale/internal/reach/policy"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// An audit counts each patient once for each of their domains, looks at each
// domain once, and says how many are good.
func TestAudits(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, store *db.DB) {
		w := newTown(t)
		w.open(t, "127.0.0.2", &server{config: &tls.Config{Certificates: []tls.Certificate{w.ca.sign(t, time.Now().Add(time.Hour), "mx.good.example")}}})
		w.open(t, "127.0.0.4", &server{})
		w.add(t, "good.example. MX 10 mx.good.example.", "mx.good.example. A 127.0.0.2", "fine.example. MX 10 mx.good.example.",
			"bad.example. MX 10 mx.bad.example.", "mx.bad.example. A 127.0.0.4", "null.example. MX 0 .")
		boxes := [][2]string{
			{"p1", "a@good.example"}, {"p1", "b@good.example"}, {"p2", "c@GOOD.example"}, {"p3", "d@fine.example"},
			{"p4", "e@bad.example"}, {"p4", "f@good.example"}, {"p5", "g@null.example"}, {"p6", "h@gone.example"},
		}
		err := store.Tx(t.Context(), func(tx *db.Tx) error {
			for i, b := range boxes {
				const q = `insert into contact_point (patient, kind, value, rank, status, updated_at) values ($1, 'email', $2, $3, $4, 0)`
				status := "active"
				if b[0] == "p6" {
					status = "bounced"
				}
				if _, err := tx.ExecContext(t.Context(), q, b[0], b[1], i, status); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		now := func() time.Time { return w.now }
		source := ids.NewSource(now, rand.Reader)
		doors := access.NewDoors(audit.NewLog(store, source, now), nil, now)
		pass, err := doors.CheckAll(t.Context(), access.SystemActor("test", access.RunOutreach), access.RunOutreach)
		if err != nil {
			t.Fatal(err)
		}
		audits := mx.NewAudits(store, w.directory(t, func(c *mx.Config) { c.DB = store }), doors, source, now)
		if _, ok, err := audits.Latest(t.Context(), pass); ok || err != nil {
			t.Fatalf("Latest = %t, %v before any", ok, err)
		}
		id, err := audits.Start(t.Context(), pass, "me")
		if err != nil {
			t.Fatal(err)
		}
		if again, err := audits.Start(t.Context(), pass, "you"); err != nil || again != id {
			t.Errorf("Start = %s, %v while one is under way; want %s", again, err, id)
		}
		if err := audits.Run(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		a, ok, err := audits.Latest(t.Context(), pass)
		if err != nil || !ok || a.Domains != 4 || a.Done != 4 || a.Ended.IsZero() {
			t.Fatalf("Latest = %+v, %t, %v", a, ok, err)
		}
		if a.Levels[policy.L2] != (mx.Share{Domains: 2, Patients: 4}) || a.Levels[policy.L0] != (mx.Share{Domains: 1, Patients: 1}) || a.None != (mx.Share{Domains: 1, Patients: 1}) {
			t.Errorf("Levels = %+v, none %+v", a.Levels, a.None)
		}
		if d, p := a.Good(policy.L2); math.Abs(d-50) > 0.01 || math.Abs(p-100*4.0/6) > 0.01 || !strings.HasPrefix(a.Sentence(), "50.0 %") {
			t.Errorf("Good = %v, %v; %s", d, p, a.Sentence())
		}
		rows, err := audits.Rows(t.Context(), pass, id, 2)
		if err != nil || len(rows) != 2 || rows[0].Domain != "good.example" || rows[0].Patients != 3 || rows[0].Level != policy.L2 {
			t.Errorf("Rows = %+v, %v", rows, err)
		}
		if _, _, err := audits.Latest(t.Context(), access.Pass{}); err == nil {
			t.Error("the zero pass opens an audit")
		}
	})
}

// What is to be published is said word by word, and what is there is seen.
func TestStandings(t *testing.T) {
	w := newTown(t)
	w.open(t, "127.0.0.2", &server{config: &tls.Config{Certificates: []tls.Certificate{w.ca.sign(t, time.Now().Add(time.Hour), "mx.clinic.example")}}})
	s := mx.Sender{
		Domain: "clinic.example", Return: "bounce.clinic.example", Hello: "mail.clinic.example", Direct: true,
		Keys: []mx.SigningKey{{Name: "h1._domainkey.clinic.example", Record: "v=DKIM1; k=ed25519; p=abc="}},
	}
	d := w.directory(t, nil)
	find := func(list []mx.Standing, what string) mx.Standing {
		t.Helper()
		for _, st := range list {
			if strings.HasPrefix(st.What, what) {
				return st
			}
		}
		t.Fatalf("nothing is said of %s: %+v", what, list)
		return mx.Standing{}
	}
	bare := d.Standings(t.Context(), s)
	for what, publish := range map[string]string{
		"SPF of clinic.example": "v=spf1 a:mail.clinic.example -all", "SPF of bounce": "v=spf1 a:mail.clinic.example -all", "DKIM": "v=DKIM1; k=ed25519; p=abc=",
		"DMARC": "v=DMARC1; p=none; rua=mailto:dmarc@clinic.example",
	} {
		if st := find(bare, what); st.OK || st.Publish != publish {
			t.Errorf("%s: %+v, want to publish %q", what, st, publish)
		}
	}
	w.add(t,
		"clinic.example. MX 10 mx.clinic.example.", "mx.clinic.example. A 127.0.0.2", "mail.clinic.example. A 192.0.2.7",
		`clinic.example. TXT "v=spf1 include:part.example -all"`, `part.example. TXT "v=spf1 ip4:192.0.2.0/28 ?all"`, `bounce.clinic.example. TXT "v=spf1 ip4:198.51.100.1 -all"`,
		"bounce.clinic.example. MX 10 mx.clinic.example.", "7.2.0.192.in-addr.arpa. PTR mail.clinic.example.",
		`_dmarc.clinic.example. TXT "v=DMARC1; p=reject"`, `h1._domainkey.clinic.example. TXT "v=DKIM1; k=ed25519; p=xyz="`,
	)
	d = w.directory(t, nil)
	list := d.Standings(t.Context(), s)
	for what, want := range map[string]bool{
		"SPF of clinic.example": true, "SPF of bounce": false, "Where mail comes back": true, "DKIM": false, "DMARC": true,
		"Name of the sending address": true, "TLS of your own": true, "MTA-STS": false, "Reports about TLS": false,
	} {
		if st := find(list, what); st.OK != want || st.OK && st.Publish != "" || st.Words == "" {
			t.Errorf("%s: %+v, want in order %t", what, st, want)
		}
	}
	if st := find(list, "DKIM"); !strings.Contains(st.Words, "Another key") {
		t.Errorf("DKIM: %+v, want another key to be seen", st)
	}
}
