package reach_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/consent"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/segment"
	"hale/internal/store/db"
)

// ids returns the patients of members, in order.
func idsOf(list []reach.Member) string {
	var ids []string
	for _, m := range list {
		ids = append(ids, m.Patient)
	}
	return strings.Join(ids, " ")
}

func TestEngineMembers(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", given: "Ada", sms: "+13125550142"}, who{id: "bob", email: "bob@mail.example"}, who{id: "carl"}, who{id: "dora", sms: "+13125550143", deceased: true})
		id := w.start(care())
		other := w.start(reach.Outreach{Name: "Other", Purpose: "care", Segment: segment.Expr{Patients: []string{"carl"}}, Template: care().Template})
		w.send()
		if err := w.e.Mark(t.Context(), haletest.Pass(t, d, "ada", access.ReadMessage), w.gate[reach.SMS].got()[0].Message, "revealed", nil); err != nil {
			t.Fatal(err)
		}
		_, err := d.ExecContext(t.Context(), `update message set in_doubt = 1 where patient = 'bob'`)
		must(w, err)
		find := w.run(access.FindPatients)
		tests := []struct {
			outreach, state, after string
			n                      int
			want                   string
			kind                   errs.Kind
		}{
			{outreach: id, n: 9, want: "ada bob carl dora"},
			{outreach: id, n: 2, want: "ada bob"},
			{outreach: id, after: "bob", n: 9, want: "carl dora"},
			{outreach: id, after: "dora", n: 9},
			{outreach: id, state: "sent", n: 9, want: "ada bob"},
			{outreach: id, state: "seen", n: 9, want: "ada"},
			{outreach: id, state: "acted", n: 9},
			{outreach: id, state: "in_doubt", n: 9, want: "bob"},
			{outreach: id, state: "satisfied", n: 9, want: "ada"},
			{outreach: id, state: "blocked", n: 9, want: "carl dora"},
			{outreach: id, state: "holdout", n: 9},
			{outreach: id, state: "1=1; --", n: 9, kind: errs.Invalid},
			{outreach: other, n: 9, want: "carl"},
			{outreach: "none", n: 9},
		}
		for _, tt := range tests {
			got, err := w.e.Members(t.Context(), find, tt.outreach, tt.state, tt.after, tt.n)
			if errs.KindOf(err) != tt.kind || idsOf(got) != tt.want {
				t.Errorf("Members(%q after %q) = %q, %v, want %q", tt.state, tt.after, idsOf(got), err, tt.want)
			}
		}
		if _, err := w.e.Members(t.Context(), w.run(access.RunOutreach), id, "", "", 9); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Members with a marketer's right = %v, want not found", err)
		}

		met, err := w.e.Met(t.Context(), w.pass("carl", access.ReadDecisions))
		if err != nil || len(met) != 2 || met[0].Patient != "carl" || met[0].State != "blocked" || met[1].Patient != "carl" {
			t.Errorf("Met = %+v, %v, want Carl's two", met, err)
		}
		met, err = w.e.Met(t.Context(), w.pass("ada", access.ReadDecisions))
		if err != nil || len(met) != 1 || met[0].Name != "Eye exam recall" || !met[0].Seen.Equal(w.clock()) || !met[0].Acted.IsZero() {
			t.Errorf("Met = %+v, %v, want Ada's one, seen", met, err)
		}
		if _, err := w.e.Met(t.Context(), w.pass("ada", access.ReadRecord)); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Met with another right = %v, want not found", err)
		}
	})
}

func TestEngineCountAndSent(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", lang: "es"}, who{id: "bob", lang: "en"}, who{id: "carl", lang: "en"})
		run := w.run(access.RunOutreach)
		for want, e := range map[int]segment.Expr{3: {}, 2: {Lang: "en"}, 1: {Lang: "es"}, 0: {Age: &segment.Range{Min: 100}}} {
			if n, err := w.e.Count(t.Context(), run, e); err != nil || n != want {
				t.Errorf("Count(%+v) = %d, %v, want %d", e, n, err, want)
			}
		}
		if _, err := w.e.Count(t.Context(), run, segment.Expr{Lang: "en", Sex: "female"}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Count of two things at once = %v, want invalid", err)
		}
		if _, err := w.e.Count(t.Context(), w.run(access.ReadMeasure), segment.Expr{}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Count with another right = %v, want not found", err)
		}
		if _, err := w.e.Save(t.Context(), run, care()); err != nil {
			t.Fatal(err)
		}
		id := w.start(care())
		sent, err := w.e.Sent(t.Context(), w.run(access.ReadMeasure))
		if err != nil || len(sent) != 1 || sent[0].ID != id {
			t.Errorf("Sent = %d outreaches, %v, want the one that is no draft", len(sent), err)
		}
		if _, err := w.e.Sent(t.Context(), run); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Sent with another right = %v, want not found", err)
		}
	})
}

func TestEngineAgainst(t *testing.T) {
	before, after := midday.Add(-time.Hour), midday.Add(time.Hour)
	tests := []struct {
		name string
		said []consent.Event
		want int
	}{
		{name: "nothing said"},
		{name: "refused before", said: []consent.Event{{Channel: "sms", Purpose: "*", Action: consent.Revoke, At: before}}, want: 1},
		{name: "refused everything before", said: []consent.Event{{Channel: "*", Purpose: "*", Action: consent.Revoke, At: before}}, want: 1},
		{name: "refused twice before counts once", said: []consent.Event{{Channel: "*", Purpose: "*", Action: consent.Revoke, At: before}, {Channel: "sms", Purpose: "care", Action: consent.Revoke, At: before.Add(time.Minute)}}, want: 1},
		{name: "refused after", said: []consent.Event{{Channel: "sms", Purpose: "*", Action: consent.Revoke, At: after}}},
		{name: "refused another channel", said: []consent.Event{{Channel: "email", Purpose: "*", Action: consent.Revoke, At: before}}},
		{name: "refused another purpose", said: []consent.Event{{Channel: "sms", Purpose: "marketing", Action: consent.Revoke, At: before}}},
		{name: "agreed again", said: []consent.Event{{Channel: "sms", Purpose: "*", Action: consent.Revoke, At: before}, {Channel: "sms", Purpose: "*", Action: consent.Grant, At: before.Add(time.Minute)}}},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		for i, tt := range tests { // each about two people of its own
			ada, bob := fmt.Sprint("ada", i), fmt.Sprint("bob", i)
			w.add(who{id: ada, sms: fmt.Sprintf("+1312555%04d", 100+2*i)}, who{id: bob, sms: fmt.Sprintf("+1312555%04d", 101+2*i)})
			o := care()
			o.Segment = segment.Expr{Patients: []string{ada, bob}}
			id := w.start(o)
			w.send()
			store := consent.NewStore(d, haletest.IDs(), w.clock)
			if err := store.Add(t.Context(), w.pass(ada, access.EditContacts), tt.said...); err != nil {
				t.Fatal(err)
			}
			n, err := w.e.Against(t.Context(), w.run(access.RunOutreach), id)
			if err != nil || n != tt.want {
				t.Errorf("%s: Against = %d, %v, want %d", tt.name, n, err, tt.want)
			}
		}
	})
}

// Whoever may not open records sees nobody's name in a dry run.
func TestEngineDryRunNamesNobodyToMarketers(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "zelda", given: "Zelda", family: "Quux", email: "zelda@mail.example"})
		run := w.run(access.RunOutreach)
		o, err := w.e.Save(t.Context(), run, care())
		if err != nil {
			t.Fatal(err)
		}
		marketer := access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: "m", Roles: []access.Role{access.Marketer}}
		nurse := access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: "n", Roles: []access.Role{access.Nurse}}
		for who, named := range map[string]bool{"m": false, "n": true} {
			actor := marketer
			if who == "n" {
				actor = nurse
			}
			pass, err := haletest.Doors(d).CheckAll(t.Context(), actor, access.RunOutreach)
			if err != nil {
				t.Fatal(err)
			}
			f, err := w.e.DryRun(t.Context(), pass, o.ID)
			if err != nil || f.Treated != 1 || len(f.Samples) == 0 {
				t.Fatalf("DryRun = %+v, %v", f, err)
			}
			all := ""
			for _, s := range f.Samples {
				all += s.Patient + s.Name + s.Subject + s.Text + s.HTML + s.Page + s.Why
			}
			if strings.Contains(all, "Zelda") != named || strings.Contains(all, "zelda") != named || strings.Contains(all, "Quux") != named {
				t.Errorf("samples for %s: named %v, want %v: %s", who, !named, named, all)
			}
		}
	})
}
