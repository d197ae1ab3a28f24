package journey_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/care/contact"
	"hale/internal/care/medication"
	"hale/internal/care/patient"
	"hale/internal/care/visit"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/journey"
	"hale/internal/reach/link"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/keys"
)

// clinic is a record, an engine and the journeys over them, with a clock that
// a test turns.
type clinic struct {
	t      testing.TB
	d      *db.DB
	mu     sync.Mutex
	now    time.Time
	record *record.Store
	reach  *reach.Engine
	s      *journey.Store
	sms    *box
}

// box is a gateway that remembers.
type box struct {
	mu   sync.Mutex
	sent []reach.Handoff
}

func (b *box) Channel() reach.Channel { return reach.SMS }
func (b *box) Capability(context.Context, string) (reach.Capability, error) {
	return reach.Capability{OK: true, Level: policy.L3}, nil
}
func (b *box) Validate(reach.Handoff) []reach.Problem { return nil }
func (b *box) Reconcile(context.Context, reach.Handoff) (reach.Result, bool) {
	return reach.Result{}, false
}
func (b *box) Send(_ context.Context, h reach.Handoff) reach.Result {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = append(b.sent, h)
	return reach.Result{Outcome: reach.Accepted, Ref: h.Key}
}

type nobody struct{}

func (nobody) BornOn(context.Context, string, string) (bool, error) { return false, nil }

// midday is a Monday on which every American may be written to.
var midday = time.Date(2026, 3, 2, 18, 30, 0, 0, time.UTC)

func (c *clinic) clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clinic) pass(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
}

func open(t testing.TB, d *db.DB) *clinic { return openWith(t, d, haletest.Key) }

func openWith(t testing.TB, d *db.DB, key seal.Key) *clinic {
	c := &clinic{t: t, d: d, now: midday, sms: &box{}}
	source := ids.NewSource(c.clock, rand.Reader)
	ring, err := keys.Open(context.Background(), keys.Config{DB: d, Roots: keys.Plain(key), Now: c.clock})
	if err != nil {
		t.Fatal(err)
	}
	events := event.NewLog(source, c.clock)
	c.record = record.New(d, source, c.clock, events, patient.View(), contact.View(), medication.View(), visit.View())
	c.reach = reach.New(reach.Config{
		DB: d, Doors: haletest.Doors(d), IDs: source, Now: c.clock, Key: key, Keys: ring, Events: events,
		Links: link.NewStore(d, source, c.clock, rand.Reader, nobody{}), Gateways: []reach.Gateway{c.sms},
		Clinic: reach.Clinic{Name: "Riverside Family Medicine", Phone: "(312) 555-0100"}, BaseURL: "https://rfm.example", Node: "test", Poll: 5 * time.Millisecond,
	})
	c.s = journey.NewStore(journey.Config{DB: d, IDs: source, Now: c.clock, Reach: c.reach, Record: c.record, Doors: haletest.Doors(d), Node: "test"})
	return c
}

func (c *clinic) put(bodies ...string) {
	c.t.Helper()
	var drafts []record.Draft
	for _, b := range bodies {
		var typ, id string
		if _, err := fmt.Sscanf(b, `{"resourceType":%q,"id":%q`, &typ, &id); err != nil {
			c.t.Fatal(err)
		}
		drafts = append(drafts, record.Draft{Type: typ, ID: id, Body: []byte(b)})
	}
	err := c.d.Tx(context.Background(), func(tx *db.Tx) error {
		_, err := c.record.PutAll(context.Background(), tx, record.Source{Actor: access.SystemActor("test"), Feed: "test"}, drafts)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

func person(id string, n int) string {
	return fmt.Sprintf(`{"resourceType":"Patient","id":%q,"active":true,"name":[{"family":"Doe","given":["Maria"]}],"birthDate":"1950-03-03","gender":"female","telecom":[{"system":"phone","use":"mobile","value":"+1312555%04d"}],"address":[{"state":"IL","postalCode":"60601"}]}`, id, n)
}

func visitAt(id, patient, status string, start time.Time) string {
	return fmt.Sprintf(`{"resourceType":"Appointment","id":%q,"status":%q,"start":%q,"end":%q,"participant":[{"actor":{"reference":"Patient/%s"},"status":"accepted"}]}`,
		id, status, start.Format(time.RFC3339), start.Add(time.Hour).Format(time.RFC3339), patient)
}

// turn lets everything that is due happen.
func (c *clinic) turn() {
	c.t.Helper()
	ctx := context.Background()
	for {
		seq, err := c.record.FollowOnce(ctx, c.s.Follower())
		if err != nil {
			c.t.Fatal(err)
		}
		if seq == 0 {
			break
		}
	}
	for range 2 {
		if err := c.s.Sweep(ctx); err != nil {
			c.t.Fatal(err)
		}
		if err := c.reach.Sweep(ctx); err != nil {
			c.t.Fatal(err)
		}
	}
}

// send runs the sender until nothing that is due is left.
func (c *clinic) send() int {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.reach.RunSender(ctx) }()
	for range 2000 {
		if c.count(`select count(*) from message where state = 'handing_off' or state = 'scheduled' and not_before <= $1`, c.clock().UnixMicro()) == 0 {
			break
		}
		time.Sleep(3 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		c.t.Fatal(err)
	}
	c.sms.mu.Lock()
	defer c.sms.mu.Unlock()
	return len(c.sms.sent)
}

func (c *clinic) count(q string, args ...any) int {
	c.t.Helper()
	n, err := db.One(context.Background(), c.d, db.Value[int], q, args...)
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

func (c *clinic) text(q string, args ...any) string {
	c.t.Helper()
	s, err := db.One(context.Background(), c.d, db.Value[string], q, args...)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

// run publishes and starts d, and reads the record up to now.
func (c *clinic) run(d journey.Definition) string {
	c.t.Helper()
	ctx, pass := context.Background(), haletest.Everyone(c.t, c.d, access.RunOutreach)
	id, err := c.s.Save(ctx, pass, "", d)
	if err == nil {
		err = c.s.Publish(ctx, pass, id)
	}
	if err == nil {
		err = c.s.Start(ctx, pass, id)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.turn()
	return id
}

func message() *journey.Message {
	return &journey.Message{Purpose: "appointment", Goal: reach.Acted, Deadline: "30d", Before: "1h", Template: template.Template{Sensitivity: 1, Parts: []template.Part{
		{Channel: template.Page, Lang: "en", Subject: "Your visit", Body: "Hello {{ first_name | default: \"there\" }},\n\nyou have a visit soon."},
		{Channel: template.Page, Lang: "es", Subject: "Su cita", Body: "Hola, usted tiene una cita pronto."},
	}}}
}

func reminder() journey.Definition {
	return journey.Definition{Name: "Visit reminder", Trigger: journey.Trigger{On: journey.VisitBooked}, Goal: "acted", Nodes: []journey.Node{
		{ID: "early", Kind: journey.Wait, Before: "2d"},
		{ID: "remind", Kind: journey.Reach, Reach: message()},
		{ID: "call", Kind: journey.Task, Task: "Call about the visit"},
	}}
}

// A visit that moves takes back what waits for its old time, and is reminded
// of its new one only.
func TestSupersede(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		c.put(person("maria", 1))
		id := c.run(reminder())
		c.put(visitAt("v1", "maria", "booked", midday.Add(72*time.Hour)))
		c.turn()
		if n := c.send(); n != 0 {
			t.Fatalf("%d texts three days before, want none", n)
		}
		c.pass(24*time.Hour + time.Minute)
		c.turn()
		if n := c.count(`select count(*) from message where state = 'scheduled'`); n != 1 {
			t.Fatalf("%d messages wait two days before, want 1", n)
		}
		c.put(visitAt("v1", "maria", "booked", midday.Add(240*time.Hour)))
		c.turn()
		if n := c.send(); n != 0 {
			t.Errorf("%d texts went out for a time that no longer holds", n)
		}
		if got := c.text(`select outcome from enrolment where journey = $1 and state = 'superseded'`, id); got != "the visit was moved" {
			t.Errorf("the old way ended with %q", got)
		}
		c.pass(168 * time.Hour)
		c.turn()
		if n := c.send(); n != 1 {
			t.Errorf("%d texts two days before the new time, want 1", n)
		}
		c.put(visitAt("v1", "maria", "cancelled", midday.Add(240*time.Hour)))
		c.turn()
		if n := c.count(`select count(*) from enrolment where state in ('moving', 'waiting')`); n != 0 {
			t.Errorf("%d people are still under way for a visit that is off", n)
		}
	})
}

// Acting on one message ends the journey at once, by whatever channel.
func TestGoal(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		c.put(person("maria", 1))
		c.run(reminder())
		c.put(visitAt("v1", "maria", "booked", midday.Add(47*time.Hour)))
		c.turn()
		if n := c.send(); n != 1 {
			t.Fatalf("%d texts, want 1", n)
		}
		m := c.text(`select id from message`)
		if err := c.reach.Receipt(context.Background(), reach.Receipt{Message: m, Kind: "acted", Actor: reach.Human}); err != nil {
			t.Fatal(err)
		}
		c.turn()
		if got := c.text(`select state || ' ' || outcome from enrolment`); got != "done goal" {
			t.Errorf("the way ended %q, want done goal", got)
		}
		c.pass(72 * time.Hour)
		c.turn()
		if n := c.count(`select count(*) from journey_task`); n != 0 {
			t.Error("the staff is to call somebody who has confirmed")
		}
	})
}

// Nobody acts: the staff is asked, after the deadline and not before.
func TestTask(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		c.put(person("maria", 1))
		c.run(reminder())
		c.put(visitAt("v1", "maria", "booked", midday.Add(47*time.Hour)))
		c.turn()
		c.send()
		c.pass(45 * time.Hour)
		c.turn()
		if n := c.count(`select count(*) from journey_task`); n != 0 {
			t.Errorf("%d tasks before the deadline", n)
		}
		c.pass(time.Hour + time.Minute)
		c.turn()
		c.turn()
		if n := c.count(`select count(*) from journey_task`); n != 1 {
			t.Errorf("%d tasks after the deadline, want 1", n)
		}
	})
}

// What was booked while nothing ran is taken in late, or, if the visit is
// over, not at all.
func TestLateness(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		c.put(person("maria", 1), person("rosa", 2))
		c.run(reminder())
		c.put(visitAt("soon", "maria", "booked", midday.Add(10*time.Hour)), visitAt("later", "rosa", "booked", midday.Add(96*time.Hour)))
		c.pass(20 * time.Hour) // nothing ran
		c.turn()
		if n := c.count(`select count(*) from enrolment where patient = 'maria'`); n != 0 {
			t.Error("somebody was taken in for a visit that is over")
		}
		if n := c.count(`select count(*) from enrolment where patient = 'rosa' and state = 'waiting'`); n != 1 {
			t.Error("a visit that lies ahead took nobody in")
		}
	})
}

// A published version never changes; who is under way stays on it until
// moved.
func TestVersions(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		ctx, pass := context.Background(), haletest.Everyone(t, d, access.RunOutreach)
		c.put(person("maria", 1), person("rosa", 2))
		id := c.run(reminder())
		c.put(visitAt("v1", "maria", "booked", midday.Add(96*time.Hour)))
		c.turn()
		next := reminder()
		next.Nodes[2].Task = "Write a letter"
		if _, err := c.s.Save(ctx, pass, id, next); err != nil {
			t.Fatal(err)
		}
		if err := c.s.Publish(ctx, pass, id); err != nil {
			t.Fatal(err)
		}
		c.put(visitAt("v2", "rosa", "booked", midday.Add(96*time.Hour)))
		c.turn()
		if got := c.text(`select cast(version as text) from enrolment where patient = 'maria'`); got != "1" {
			t.Errorf("who was under way is on version %s, want 1", got)
		}
		if got := c.text(`select cast(version as text) from enrolment where patient = 'rosa'`); got != "2" {
			t.Errorf("who came later is on version %s, want 2", got)
		}
		if n, err := c.s.Migrate(ctx, pass, id); n != 1 || err != nil {
			t.Errorf("Migrate = %d, %v, want 1", n, err)
		}
		if err := c.s.Stop(ctx, pass, id); err != nil {
			t.Fatal(err)
		}
		if n := c.count(`select count(*) from enrolment where state = 'stopped'`); n != 2 {
			t.Errorf("%d ways were stopped, want 2", n)
		}
	})
}

// Draws, conditions and segments that people come into.
func TestBranches(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		for i := range 40 {
			c.put(person(fmt.Sprintf("p%02d", i), i))
		}
		id := c.run(journey.Definition{Name: "Split", Trigger: journey.Trigger{On: journey.Entered, Segment: &segment.Expr{Sex: "female"}}, Nodes: []journey.Node{
			{ID: "who", Kind: journey.Branch, Segment: &segment.Expr{Patients: []string{"new00", "new01", "new02", "new03", "new04", "new05", "new06", "new07", "new08", "new09"}}, Else: "out"},
			{ID: "draw", Kind: journey.Split, Parts: []journey.Part{{Share: 0.5, Next: "a"}, {Share: 0.5, Next: "b"}}},
			{ID: "a", Kind: journey.Exit, Name: "A"},
			{ID: "b", Kind: journey.Exit, Name: "B"},
			{ID: "out", Kind: journey.Exit, Name: "Out"},
		}})
		ctx := context.Background()
		look := func() {
			if err := c.s.Look(ctx); err != nil {
				t.Fatal(err)
			}
			c.turn()
		}
		look()
		if n := c.count(`select count(*) from enrolment`); n != 0 {
			t.Errorf("%d people who were there before came in", n)
		}
		for i := range 20 {
			c.put(person(fmt.Sprintf("new%02d", i), 100+i))
		}
		c.pass(time.Minute)
		look()
		look()
		numbers, err := c.s.Numbers(ctx, haletest.Everyone(t, d, access.RunOutreach), id)
		if err != nil {
			t.Fatal(err)
		}
		if who, draw := numbers["who"].Passed, numbers["draw"].Passed; who["yes"] != 10 || who["no"] != 10 || draw["50 %"] != 10 {
			t.Errorf("numbers = %v, want 10 yes, 10 no, 10 drawn", numbers)
		}
		a, b := c.count(`select count(*) from enrolment where outcome = 'A'`), c.count(`select count(*) from enrolment where outcome = 'B'`)
		if a+b != 10 || c.count(`select count(*) from enrolment where outcome = 'Out'`) != 10 {
			t.Errorf("ended: %d in A, %d in B, want 10 together and 10 out", a, b)
		}
	})
}

// What carries a label sets nothing off: that we write would tell of it.
func TestProtected(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		c.put(person("maria", 1))
		c.run(journey.Definition{Name: "Home", Trigger: journey.Trigger{On: journey.Discharged}, Nodes: []journey.Node{{ID: "out", Kind: journey.Exit}}})
		stay := `{"resourceType":"Encounter","id":%q,"status":"finished",%s"class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"IMP"},"subject":{"reference":"Patient/maria"},"period":{"start":"2026-02-25","end":"2026-03-01"}}`
		c.put(fmt.Sprintf(stay, "e1", `"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"PSY"}]},`))
		c.turn()
		if n := c.count(`select count(*) from enrolment`); n != 0 {
			t.Error("a protected stay took somebody in")
		}
		c.put(fmt.Sprintf(stay, "e2", ""))
		c.turn()
		if got := c.text(`select trigger_key from enrolment`); got != "Encounter/e2" {
			t.Errorf("taken in by %q, want Encounter/e2", got)
		}
	})
}

// The other causes, each once.
func TestLook(t *testing.T) {
	supply := func(id, who string, days int) string {
		return fmt.Sprintf(`{"resourceType":"MedicationRequest","id":%q,"status":"active","intent":"order","subject":{"reference":"Patient/%s"},"authoredOn":"2026-02-01","medicationCodeableConcept":{"text":"Metformin"},"dispenseRequest":{"expectedSupplyDuration":{"value":%d,"unit":"d","system":"http://unitsofmeasure.org","code":"d"}}}`, id, who, days)
	}
	tests := []struct {
		name string
		on   journey.Trigger
		have func(c *clinic)
		want string
	}{
		{name: "a birthday", on: journey.Trigger{On: journey.Birthday}, want: "maria rosa", have: func(c *clinic) { c.pass(24 * time.Hour) }},
		{name: "no birthday", on: journey.Trigger{On: journey.Birthday}},
		{name: "a refill", on: journey.Trigger{On: journey.RefillDue, Days: 5}, want: "maria", have: func(c *clinic) {
			c.put(supply("m1", "maria", 30), supply("m2", "rosa", 90))
		}},
		{name: "a refill that was handed out again", on: journey.Trigger{On: journey.RefillDue, Days: 5}, have: func(c *clinic) {
			c.put(supply("m1", "maria", 30), `{"resourceType":"MedicationDispense","id":"d1","status":"completed","subject":{"reference":"Patient/maria"},"authorizingPrescription":[{"reference":"MedicationRequest/m1"}],"whenHandedOver":"2026-02-28","medicationCodeableConcept":{"text":"Metformin"}}`)
		}},
		{name: "no sign-in", on: journey.Trigger{On: journey.NoSignIn, Days: 30}, want: "maria", have: func(c *clinic) {
			for who, days := range map[string]int{"maria": 40, "rosa": 20} {
				seen := midday.AddDate(0, 0, -days).UnixMicro()
				_, _ = c.d.ExecContext(context.Background(), `insert into account (id, kind, name, patient, created_at) values ($1, 'patient', 'A', $1, 0)`, who)
				_, _ = c.d.ExecContext(context.Background(), `insert into account_session (id, token_hash, account, created_at, seen_at, expires_at) values ($1, $1, $1, $2, $2, $2)`, who, seen)
			}
		}},
		{name: "a form", on: journey.Trigger{On: journey.FormOpen, Days: 7}, want: "rosa", have: func(c *clinic) {
			c.put(`{"resourceType":"Task","id":"t1","status":"requested","intent":"order","for":{"reference":"Patient/rosa"},"authoredOn":"2026-02-20T10:00:00Z"}`,
				`{"resourceType":"Task","id":"t2","status":"requested","intent":"order","for":{"reference":"Patient/maria"},"authoredOn":"2026-03-01T10:00:00Z"}`)
		}},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				c := open(t, d)
				for _, table := range []string{"account_session", "account", "enrolment"} {
					_, _ = d.ExecContext(context.Background(), "delete from "+table)
				}
				if i == 0 {
					c.put(person("maria", 1), person("rosa", 2))
				}
				for _, old := range []string{"m1", "m2"} {
					_, _ = d.ExecContext(context.Background(), `delete from medication where id = $1`, old)
				}
				id := c.run(journey.Definition{Name: tt.name, Trigger: tt.on, Nodes: []journey.Node{{ID: "out", Kind: journey.Exit}}})
				if tt.have != nil {
					tt.have(c)
				}
				for range 2 {
					if err := c.s.Look(context.Background()); err != nil {
						t.Fatal(err)
					}
				}
				list, err := db.All(context.Background(), d, db.Value[string], `select patient from enrolment where journey = $1 order by patient`, id)
				if got := strings.Join(list, " "); err != nil || got != tt.want {
					t.Errorf("taken in: %q, %v, want %q", got, err, tt.want)
				}
			})
		}
	})
}

func TestCheck(t *testing.T) {
	d := haletest.SQLite(t)
	c := open(t, d)
	pass := haletest.Everyone(t, d, access.RunOutreach)
	tests := []struct {
		name string
		edit func(*journey.Definition)
	}{
		{"no name", func(d *journey.Definition) { d.Name = " " }},
		{"no trigger", func(d *journey.Definition) { d.Trigger.On = "moon" }},
		{"a step back", func(d *journey.Definition) { d.Nodes[1].Next = "early" }},
		{"to itself", func(d *journey.Definition) { d.Nodes[1].Else = "remind" }},
		{"nowhere", func(d *journey.Definition) { d.Nodes[1].Else = "mars" }},
		{"twice the same", func(d *journey.Definition) { d.Nodes[2].ID = "early" }},
		{"no steps", func(d *journey.Definition) { d.Nodes = nil }},
		{"odd length", func(d *journey.Definition) { d.Nodes[0].Before = "3 moons" }},
		{"no days", func(d *journey.Definition) { d.Trigger = journey.Trigger{On: journey.NoSignIn} }},
		{"shares", func(d *journey.Definition) {
			d.Nodes[0] = journey.Node{ID: "early", Kind: journey.Split, Parts: []journey.Part{{Share: 0.4, Next: "remind"}, {Share: 0.4, Next: "call"}}}
		}},
		{"protected", func(d *journey.Definition) {
			d.Trigger.Segment = &segment.Expr{Has: &segment.Has{Type: "Condition", Query: map[string][]string{"code": {"http://hl7.org/fhir/sid/icd-10-cm|F11.20"}}}}
		}},
	}
	for _, tt := range tests {
		def := reminder()
		tt.edit(&def)
		if err := c.s.Problem(pass, def); err == nil {
			t.Errorf("%s: no problem was found", tt.name)
		}
	}
	if err := c.s.Problem(pass, reminder()); err != nil {
		t.Errorf("a good journey: %v", err)
	}
}

// A rehearsal changes nothing.
func TestRehearse(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		c.put(person("maria", 1))
		lines, err := c.s.Rehearse(context.Background(), haletest.Everyone(t, d, access.RunOutreach), reminder(), "maria", midday, midday.Add(96*time.Hour), journey.Ignores)
		if err != nil || len(lines) != 4 {
			t.Fatalf("Rehearse = %v, %v, want 4 lines", lines, err)
		}
		if want := midday.Add(48 * time.Hour); !lines[1].At.Equal(want) || lines[1].Node.Kind != journey.Reach {
			t.Errorf("the message is at %s, want %s", lines[1].At, want)
		}
		if want := midday.Add(95 * time.Hour); !lines[2].At.Equal(want) || lines[2].Node.Kind != journey.Task {
			t.Errorf("the staff is asked at %s, want %s", lines[2].At, want)
		}
		if n := c.count(`select (select count(*) from enrolment) + (select count(*) from intent)`); n != 0 {
			t.Error("a rehearsal left something behind")
		}
	})
}
