package proxy_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/lookup"
	"hale/internal/access/proxy"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// node is one process: a store, its doors and its accounts.
type node struct {
	store    *proxy.Store
	doors    *access.Doors
	accounts *account.Store
	log      *audit.Log
	told     []proxy.Notice
}

// Tell keeps what people are told.
func (n *node) Tell(_ context.Context, _ *db.Tx, list []proxy.Notice) error {
	n.told = append(n.told, list...)
	return nil
}

// world is some nodes over one database at a time that the test moves.
type world struct {
	db  *db.DB
	now time.Time
}

func (w *world) clock() time.Time { return w.now }

func (w *world) node(t *testing.T) *node {
	t.Helper()
	ages, err := proxy.NewAges(time.UTC, "")
	if err != nil {
		t.Fatal(err)
	}
	n := &node{log: audit.NewLog(w.db, haletest.IDs(), w.clock)}
	n.doors = access.NewDoors(n.log, lookup.New(w.db, w.clock), w.clock).WithAgeRules(ages)
	n.accounts = account.NewStore(w.db, haletest.IDs(), w.clock, haletest.Key).WithAges(ages)
	n.store = proxy.NewStore(w.db, haletest.IDs(), w.clock, haletest.Key, n.log, ages).Tell(n, n.doors.Forget)
	return n
}

var (
	maria = access.Actor{Kind: access.Patient, Proof: access.Proof{Zone: access.PortalZone}, ID: "a-maria", Name: "Maria Alvarez", Patient: "maria"}
	nurse = access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: "a-nurse", Name: "N. Okafor", Roles: []access.Role{access.Nurse}}
)

func newWorld(t *testing.T, d *db.DB) *world {
	t.Helper()
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		for id, born := range map[string]string{"maria": "1960-05-14", "kim": "2014-06-20", "bob": "1980-01-01"} {
			if _, err := tx.ExecContext(t.Context(), `insert into person (id, full_name, given, family, search_name, born, sex, lang, mrn, line, city, state, zip, zone, deceased, active, updated_at)
				values ($1, $2, '', '', '', $3, '', '', '', '', '', '', '', '', 0, 1, 1)`, id, strings.ToUpper(id[:1])+id[1:]+" Alvarez", born); err != nil {
				return err
			}
		}
		for _, a := range [][]string{{"a-maria", "patient", "Maria Alvarez", "maria"}, {"a-bob", "patient", "Bob Alvarez", "bob"}, {"a-rosa", "proxy", "Rosa Alvarez", ""}, {"a-nurse", "staff", "N. Okafor", ""}} {
			if _, err := tx.ExecContext(t.Context(), `insert into account (id, kind, name, patient, email, created_at) values ($1, $2, $3, $4, $5, 1)`, a[0], a[1], a[2], a[3], a[0]+"@x.example"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return &world{db: d, now: haletest.Noon}
}

func (n *node) pass(t *testing.T, a access.Actor, right access.Right, who string) access.Pass {
	t.Helper()
	a.Proof = access.Proof{} // as a ready sign-in
	p, err := n.doors.Check(t.Context(), a, right, who)
	if err != nil {
		a.Proof = access.Proof{Zone: access.AccountZone, At: haletest.Noon}
		if p, err = n.doors.Check(t.Context(), a, right, who); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// actor is the account as a request of this moment has it.
func (w *world) actor(t *testing.T, n *node, id string) access.Actor {
	t.Helper()
	a, err := n.accounts.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	grants, err := n.accounts.Grants(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return access.Actor{Kind: a.Kind, Proof: access.Proof{Zone: access.PortalZone}, ID: a.ID, Name: a.Name, Patient: a.Patient, Grants: grants}
}

func rides(w *world) proxy.Invite {
	t, _ := proxy.TemplateOf("rides")
	return proxy.Invite{Helper: "Rosa  Alvarez", Address: "A-Rosa@x.example", Limits: proxy.Limits{Actions: t.Actions, Categories: t.Categories, Until: w.now.AddDate(1, 0, 0)}}
}

// join takes an invitation all the way, as account.
func (w *world) join(t *testing.T, n *node, sent proxy.Sent, account string) proxy.Proxy {
	t.Helper()
	device, err := n.store.Prove(t.Context(), sent.Token, sent.Code[:3]+" "+sent.Code[3:])
	if err != nil {
		t.Fatal(err)
	}
	p, err := n.store.Join(t.Context(), sent.Token, device, w.actor(t, n, account))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A helper sees and does what was shared, until it is taken away: on another
// node within a second.
func TestStoreInvite(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		here, there := w.node(t), w.node(t)
		sent, err := here.store.Invite(t.Context(), here.pass(t, maria, access.ManageProxies, "maria"), rides(w))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := here.store.Invite(t.Context(), here.pass(t, maria, access.ManageProxies, "maria"), rides(w)); errs.KindOf(err) != errs.Conflict {
			t.Errorf("inviting twice = %v, want a conflict", err)
		}
		if _, err := here.store.Offered(t.Context(), sent.Token, "guess", access.Actor{}); err == nil {
			t.Error("the link alone shows whom it is about")
		}
		p := w.join(t, here, sent, "a-rosa")
		if p.State != proxy.Active {
			t.Fatalf("joined as %s, want active", p.State)
		}
		rosa := w.actor(t, there, "a-rosa")
		if _, err := there.doors.Check(t.Context(), rosa, access.BookVisits, "maria"); err != nil {
			t.Errorf("booking, which was shared: %v", err)
		}
		for _, right := range []access.Right{access.ReadRecord, access.ReadMessages, access.SendMessages, access.EditContacts, access.AskPrivacy, access.ManageProxies, access.ExportRecord} {
			if _, err := there.doors.Check(t.Context(), rosa, right, "maria"); err == nil {
				t.Errorf("%s is open, and was not shared", right)
			}
		}
		if _, err := here.store.Offered(t.Context(), sent.Token, "", access.Actor{}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("the link after joining = %v, want nothing there", err)
		}
		if err := here.store.End(t.Context(), here.pass(t, maria, access.EndProxies, "maria"), p.ID, ""); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(time.Second)
		if got := w.actor(t, there, "a-rosa"); len(got.Grants) != 0 {
			t.Errorf("on the other node the grants are still %v", got.Grants)
		}
		if _, err := there.doors.Check(t.Context(), w.actor(t, there, "a-rosa"), access.ReadVisits, "maria"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("on the other node a second later: %v, want nothing there", err)
		}
		var told []string
		for _, n := range here.told {
			told = append(told, string(n.What)+" "+n.Account)
		}
		if got := strings.Join(told, ", "); got != "granted a-maria, granted a-rosa, ended a-maria, ended a-rosa" {
			t.Errorf("told: %s", got)
		}
		rows, err := here.log.Of(t.Context(), "maria", 99)
		if err != nil {
			t.Fatal(err)
		}
		for _, action := range []string{"proxy.invite", "proxy.join", "proxy.end"} {
			if !slices.ContainsFunc(rows, func(r audit.Row) bool { return r.Action == action && r.About == "proxy/"+p.ID }) {
				t.Errorf("no audit row says %s", action)
			}
		}
	})
}

// An order shuts somebody out on every node within a second, though the
// session still carries the grant.
func TestStoreBlock(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		here, there := w.node(t), w.node(t)
		sent, err := here.store.Invite(t.Context(), here.pass(t, maria, access.ManageProxies, "maria"), rides(w))
		if err != nil {
			t.Fatal(err)
		}
		w.join(t, here, sent, "a-rosa")
		old := w.actor(t, there, "a-rosa") // as a request under way has it
		if _, err := there.doors.Check(t.Context(), old, access.ReadVisits, "maria"); err != nil {
			t.Fatal(err)
		}
		if err := here.store.Block(t.Context(), here.pass(t, nurse, access.EndProxies, "maria"), "a-rosa", "Order 12 CV 88, in the paper file"); err != nil {
			t.Fatal(err)
		}
		if _, err := here.doors.Check(t.Context(), old, access.ReadVisits, "maria"); err == nil {
			t.Error("on this node she is let in after the order")
		}
		w.now = w.now.Add(access.Fresh)
		if _, err := there.doors.Check(t.Context(), old, access.ReadVisits, "maria"); err == nil {
			t.Error("on the other node she is let in a second after the order")
		}
		again, err := here.store.Invite(t.Context(), here.pass(t, maria, access.ManageProxies, "maria"), rides(w))
		if err != nil {
			t.Fatal(err)
		}
		device, err := here.store.Prove(t.Context(), again.Token, again.Code)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := here.store.Join(t.Context(), again.Token, device, old); errs.KindOf(err) != errs.Forbidden {
			t.Errorf("joining against an order = %v, want forbidden", err)
		}
		if list, err := here.store.Blocks(t.Context(), here.pass(t, maria, access.SeeProxies, "maria")); err != nil || len(list) != 0 {
			t.Errorf("the patient sees orders: %v, %v", list, err)
		}
	})
}

// Five wrong codes close the link; a code of another link, an old link and a
// link that ran out do not work either.
func TestStoreProve(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		n := w.node(t)
		manage := n.pass(t, maria, access.ManageProxies, "maria")
		first, err := n.store.Invite(t.Context(), manage, rides(w))
		if err != nil {
			t.Fatal(err)
		}
		second, err := n.store.Again(t.Context(), manage, first.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.store.Prove(t.Context(), first.Token, first.Code); errs.KindOf(err) != errs.NotFound {
			t.Errorf("the link before = %v", err)
		}
		n.told = nil
		for range proxy.Tries {
			if _, err := n.store.Prove(t.Context(), second.Token, "not it"); errs.KindOf(err) != errs.Invalid {
				t.Errorf("a wrong code = %v", err)
			}
		}
		if len(n.told) != 1 || n.told[0].What != proxy.ToldWrong || n.told[0].Account != maria.ID || n.told[0].Helper {
			t.Errorf("after wrong codes, told %+v, want whoever invited once", n.told)
		}
		if _, err := n.store.Prove(t.Context(), second.Token, second.Code); errs.KindOf(err) != errs.NotFound {
			t.Errorf("the right code after five wrong ones = %v", err)
		}
		third, err := n.store.Again(t.Context(), manage, first.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(proxy.InviteLife)
		if err := n.store.Asked(t.Context(), third.Token); errs.KindOf(err) != errs.NotFound {
			t.Errorf("a link that ran out = %v", err)
		}
	})
}

// What the office sets up waits for the patient's yes.
func TestStoreConfirm(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		n := w.node(t)
		staff := n.pass(t, nurse, access.ManageProxies, "maria")
		in := rides(w)
		in.Basis = access.AsGuardian
		if _, err := n.store.Invite(t.Context(), staff, in); errs.KindOf(err) != errs.Invalid {
			t.Errorf("a guardian without a document = %v", err)
		}
		in.Basis = access.ByPatient
		sent, err := n.store.Invite(t.Context(), staff, in)
		if err != nil {
			t.Fatal(err)
		}
		p := w.join(t, n, sent, "a-bob")
		if p.State != proxy.Joined || len(w.actor(t, n, "a-bob").Grants) != 0 {
			t.Fatalf("before the patient's yes: %s, %v", p.State, w.actor(t, n, "a-bob").Grants)
		}
		if err := n.store.Confirm(t.Context(), staff, p.ID); err == nil {
			t.Error("the office says yes for the patient")
		}
		if err := n.store.Confirm(t.Context(), n.pass(t, maria, access.ManageProxies, "maria"), p.ID); err != nil {
			t.Fatal(err)
		}
		bob := w.actor(t, n, "a-bob")
		if bob.Kind != access.Proxy || bob.Patient != "bob" || len(bob.Grants) != 1 {
			t.Errorf("bob is %+v, want a helper with his own record", bob)
		}
		if err := n.store.Leave(t.Context(), bob, "maria"); err != nil {
			t.Fatal(err)
		}
		if len(w.actor(t, n, "a-bob").Grants) != 0 {
			t.Error("bob still helps after he left")
		}
	})
}

// A parent's share narrows at 12 and ends at 18 by the clock alone; both
// sides hear of it a month before.
func TestStoreAges(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		n := w.node(t)
		all, _ := proxy.TemplateOf("everything")
		in := proxy.Invite{Helper: "Rosa", Address: "a-rosa@x.example", Basis: access.AsParent, Paper: "birth certificate",
			Limits: proxy.Limits{Actions: all.Actions, Categories: all.Categories, Labels: access.HIV, Until: w.now.AddDate(5, 0, 0)}}
		sent, err := n.store.Invite(t.Context(), n.pass(t, nurse, access.ManageProxies, "kim"), in)
		if err != nil {
			t.Fatal(err)
		}
		w.join(t, n, sent, "a-rosa")
		stale := w.actor(t, n, "a-rosa") // what a request of the day before holds
		for _, tt := range []struct {
			name           string
			day            time.Time
			record, letter bool
			hiv            bool
		}{
			{"the day before 12", time.Date(2026, 6, 19, 23, 59, 0, 0, time.UTC), true, true, true},
			{"the day of 12", time.Date(2026, 6, 20, 0, 0, 0, 0, time.UTC), true, false, false},
		} {
			w.now = tt.day
			for who, rosa := range map[string]access.Actor{"now": w.actor(t, n, "a-rosa"), "stale": stale} {
				n.doors.Forget()
				pass, err := n.doors.Check(t.Context(), rosa, access.ReadRecord, "kim")
				if (err == nil) != tt.record {
					t.Errorf("%s, %s: the record = %v", tt.name, who, err)
				}
				if shows := pass.Shows(access.HIV, time.Time{}); shows != tt.hiv {
					t.Errorf("%s, %s: shows HIV = %t", tt.name, who, shows)
				}
				if pass.Shows(access.MinorConfidential, time.Time{}) {
					t.Errorf("%s, %s: shows what the minor keeps", tt.name, who)
				}
				if _, err := n.doors.Check(t.Context(), rosa, access.ReadMessages, "kim"); (err == nil) != tt.letter {
					t.Errorf("%s, %s: messages = %v", tt.name, who, err)
				}
			}
		}
		w.now = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
		n.told = nil
		for range 2 {
			if err := n.store.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if len(n.told) != 0 {
			t.Errorf("fifty days before, told %v", n.told)
		}
		w.now = time.Date(2026, 5, 22, 0, 0, 0, 0, time.UTC)
		for range 2 {
			if err := n.store.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if len(n.told) != 1 || n.told[0].What != proxy.ToldNarrowing || n.told[0].Account != "a-rosa" {
			t.Errorf("a month before, told %+v, want the parent once", n.told)
		}
		every, err := n.doors.CheckAll(t.Context(), nurse, access.FindPatients)
		if err != nil {
			t.Fatal(err)
		}
		tasks, err := n.store.Due(t.Context(), every, 60*24*time.Hour)
		if err != nil || len(tasks) != 1 || tasks[0].What != "age" || tasks[0].Age.Age != 12 || !slices.Contains(tasks[0].Age.Lost, access.Messages) {
			t.Errorf("Due = %+v, %v", tasks, err)
		}
	})
}

// Nothing can be shared without a category, for ever, or of what nobody may.
func TestStoreLimits(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		n := w.node(t)
		manage := n.pass(t, maria, access.ManageProxies, "maria")
		for name, change := range map[string]func(*proxy.Invite){
			"nothing":       func(in *proxy.Invite) { in.Categories = nil },
			"unknown":       func(in *proxy.Invite) { in.Categories = []access.Category{"secrets"} },
			"until then":    func(in *proxy.Invite) { in.Until = w.now },
			"for ever":      func(in *proxy.Invite) { in.Until = w.now.AddDate(9, 0, 0) },
			"no name":       func(in *proxy.Invite) { in.Helper = " " },
			"no address":    func(in *proxy.Invite) { in.Address = "ask her" },
			"header":        func(in *proxy.Invite) { in.Address = "a@x.example\r\nBcc: b@x.example" },
			"two addresses": func(in *proxy.Invite) { in.Address = "a@x.example,b@x.example" },
		} {
			in := rides(w)
			change(&in)
			if _, err := n.store.Invite(t.Context(), manage, in); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%s: %v, want invalid", name, err)
			}
		}
		in := rides(w)
		in.Labels = access.PsychNotes | access.HIV
		sent, err := n.store.Invite(t.Context(), manage, in)
		if err != nil || sent.Labels != access.HIV {
			t.Errorf("labels = %b, %v, want HIV alone", sent.Labels, err)
		}
	})
}
