package prooftest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/app"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/link"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

// host is where the world's Hale is found.
const host = "hale.example"

// subject is the patient whose data every actor asks for; bystander is
// another patient, whose own account is among the actors.
const (
	subject   = "ada"
	bystander = "cleo"
)

// Canaries: words that stand nowhere but in one place of the subject's data.
// Where one turns up, that data has come out.
var canaries = map[string][]string{
	"name":      {"Zwielicht"},
	"contact":   {"5550147", "zwielicht.ada@post.example", "Quittengasse"},
	"born":      {"1957-03-09", "March 9, 1957", "03/09/1957"},
	"mrn":       {"MRN-CANARY-7719"},
	"result":    {"CanaryResultNote"},
	"medicine":  {"Canaryzolamide"},
	"condition": {"CanaryConditionWord"},
	"document":  {"CanaryDocumentText"},
	"visit":     {"CanaryVisitReason"},
	"message":   {"CanaryMessageBody"},
	"sensitive": {"CanarySubstanceWord"},

	"device":     {"CanaryDeviceWord", "CanaryAddressWord"},
	"helper":     {"CanaryHelperWord"},
	"request":    {"CanaryRequestWord"},
	"disclosure": {"CanaryDisclosureWord"},
	"emergency":  {"CanaryEmergencyWord"},
	"hold":       {"CanaryHoldWord"},
	"held":       {"CanaryHeldWord"},
	"letter":     {"CanaryLetterWord"},
	"assist":     {"CanaryAssistWord"},
}

// everything is all that a record shows but what is sensitive or waits.
var everything = []string{"name", "contact", "born", "mrn", "result", "medicine", "condition", "document", "letter", "visit", "message"}

// own is what patients see of their own: the record and what was asked,
// given and set up about it; not what waits, nor why.
var own = append([]string{"sensitive", "device", "helper", "request", "disclosure"}, everything...)

// resources are what the clinic's system sends about both patients.
const resources = `
{"resourceType":"Practitioner","id":"drlee","name":[{"family":"Lee","given":["Kim"]}]}
{"resourceType":"Patient","id":"ada","name":[{"family":"Zwielicht","given":["Ada"]}],"birthDate":"1957-03-09","gender":"female","identifier":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"system":"https://hale.example/mrn","value":"MRN-CANARY-7719"}],"telecom":[{"system":"phone","use":"mobile","value":"+13125550147"},{"system":"email","value":"zwielicht.ada@post.example"}],"address":[{"line":["7 Quittengasse"],"city":"Riverside","state":"IL","postalCode":"60546"}]}
{"resourceType":"Patient","id":"cleo","name":[{"family":"Bystander","given":["Cleo"]}],"birthDate":"1970-01-02","gender":"female","telecom":[{"system":"phone","use":"mobile","value":"+13125550148"}]}
{"resourceType":"Observation","id":"ada-a1c","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"4548-4","display":"Hemoglobin A1c"}],"text":"Hemoglobin A1c"},"subject":{"reference":"Patient/ada"},"effectiveDateTime":"2026-01-02","issued":"2026-01-03T10:00:00Z","valueQuantity":{"value":7.4,"unit":"%"},"note":[{"text":"CanaryResultNote"}]}
{"resourceType":"Observation","id":"ada-held","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"2345-7"}],"text":"CanaryHeldWord glucose"},"subject":{"reference":"Patient/ada"},"effectiveDateTime":"2026-01-02","issued":"2026-01-03T10:00:00Z","valueQuantity":{"value":7.4,"unit":"mmol/L"},"note":[{"text":"CanaryHeldWord"}]}
{"resourceType":"DocumentReference","id":"ada-letter","status":"current","type":{"text":"CanaryLetterWord"},"subject":{"reference":"Patient/ada"},"date":"2026-01-02T10:00:00Z","content":[{"attachment":{"contentType":"text/plain","data":"Q2FuYXJ5TGV0dGVyV29yZA==","title":"CanaryLetterWord"}}]}
{"resourceType":"MedicationRequest","id":"ada-med","status":"active","intent":"order","medicationCodeableConcept":{"text":"Canaryzolamide 5 mg tablet"},"subject":{"reference":"Patient/ada"},"authoredOn":"2026-01-02"}
{"resourceType":"Condition","id":"ada-con","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"problem-list-item"}]}],"code":{"text":"CanaryConditionWord"},"subject":{"reference":"Patient/ada"},"onsetDateTime":"2020-05-01"}
{"resourceType":"Condition","id":"ada-sud","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"}]},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"problem-list-item"}]}],"code":{"text":"CanarySubstanceWord"},"subject":{"reference":"Patient/ada"},"onsetDateTime":"2021-05-01"}
{"resourceType":"DocumentReference","id":"ada-doc","status":"current","type":{"text":"Progress note"},"category":[{"coding":[{"system":"http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category","code":"clinical-note"}]}],"subject":{"reference":"Patient/ada"},"date":"2026-01-02T10:00:00Z","content":[{"attachment":{"contentType":"text/plain","data":"Q2FuYXJ5RG9jdW1lbnRUZXh0","title":"Note"}}]}
{"resourceType":"DiagnosticReport","id":"ada-report","status":"final","code":{"text":"Review of results"},"subject":{"reference":"Patient/ada"},"effectiveDateTime":"2026-01-02","issued":"2026-01-04T10:00:00Z","conclusion":"Nothing to worry about."}
{"resourceType":"Appointment","id":"ada-visit","status":"booked","description":"CanaryVisitReason","reasonCode":[{"text":"CanaryVisitReason"}],"start":"2026-03-20T15:00:00Z","end":"2026-03-20T15:30:00Z","participant":[{"actor":{"reference":"Patient/ada"},"status":"accepted"},{"actor":{"reference":"Practitioner/drlee"},"status":"accepted"}]}
`

// world is a served Hale with two patients, and everyone who might ask.
type world struct {
	t    testing.TB
	app  *app.App
	db   *db.DB // beside Hale's own connections
	now  func() time.Time
	ids  *ids.Source
	log  *strings.Builder
	link string // the token of a link to a message of the subject
	msg  string // that message

	outreach string // a draft

	seeds seeds

	sums map[string]string // what the tables held at the last look
	mark int64             // the last line of touched that it saw

	end func() // closes it before the test ends

	secrets []string // tokens that were handed out

	dial int // numbers the addresses that requests come from
}

// hookSecret signs what the gateway of texts posts.
const hookSecret = "the world's gateway of texts"

// worldConfig is the configuration of the world's Hale.
func worldConfig(path string, now func() time.Time, log io.Writer) app.Config {
	c := app.Config{
		Addr: "127.0.0.1:0", URL: "https://" + host, Database: "sqlite:" + path, Key: haletest.Key,
		Now: now, Rand: rand.Reader, Log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	c.Text.URL, c.Text.From, c.Text.Secret = "https://texts.example/", "+13125550100", hookSecret
	c.Clinic.Name, c.Clinic.Zone, c.Clinic.Phone = "Alder Clinic", time.UTC, "(312) 555-0100"
	return c
}

// theWorld is the database file of a world, made once.
var theWorld = sync.OnceValues(func() (made, error) {
	dir, err := os.MkdirTemp(memory(), "hale-world")
	if err != nil {
		return made{}, err
	}
	defer os.RemoveAll(dir)
	return settleWorld(filepath.Join(dir, "hale.db"))
})

// made is a world's file, and what was handed out in it.
type made struct {
	file                []byte
	link, msg, outreach string
	seeds               seeds
	sums                map[string]string
}

// settleWorld makes a world at path.
func settleWorld(path string) (made, error) {
	ctx, now := context.Background(), haletest.Clock(haletest.Noon)
	a, err := app.New(ctx, worldConfig(path, now, io.Discard))
	if err != nil {
		return made{}, err
	}
	report, err := a.Importer("clinic").ImportStream(ctx, "world.ndjson", strings.NewReader(strings.TrimSpace(resources)), nil)
	if err == nil && len(report.Bad) > 0 {
		err = fmt.Errorf("the world's line %d is bad: %s", report.Bad[0].Entry, report.Bad[0].Reason)
	}
	if err == nil {
		err = a.Reach.SendNow(ctx, reach.Direct{Patient: subject, Channel: reach.Inbox, Subject: "A message", Text: "CanaryMessageBody"})
	}
	if err != nil {
		return made{}, err
	}
	draft, err := outreach(ctx, a)
	if err != nil {
		return made{}, err
	}
	if _, err := a.Clients.Keys(ctx); err != nil { // the first look at them makes them
		return made{}, err
	}
	if err := a.Close(); err != nil {
		return made{}, err
	}
	d, err := db.Open(ctx, "sqlite:"+path, haletest.Key)
	if err != nil {
		return made{}, err
	}
	m, err := people(ctx, d, now)
	if err != nil {
		return made{}, err
	}
	m.outreach = draft
	err = d.Tx(ctx, func(tx *db.Tx) error {
		m.seeds, err = seed(ctx, tx, now(), m.msg, m.outreach)
		return err
	})
	if err == nil {
		m.sums, err = sums(ctx, d)
	}
	if err == nil {
		err = watch(ctx, d)
	}
	if err != nil {
		return made{}, err
	}
	if err := d.Close(); err != nil {
		return made{}, err
	}
	m.file, err = os.ReadFile(path)
	return m, err
}

// outreach writes a draft of an outreach and returns its id.
func outreach(ctx context.Context, a *app.App) (string, error) {
	pass, err := a.Doors.CheckAll(ctx, access.SystemActor("world", access.RunOutreach), access.RunOutreach)
	if err != nil {
		return "", err
	}
	o, err := a.Reach.Save(ctx, pass, reach.Outreach{Name: "Recall", Purpose: "care", Service: "follow-up", Template: template.Template{
		Sensitivity: 2, Parts: []template.Part{{Channel: template.Page, Lang: "en", Subject: "Time for a visit", Body: "Hello {{ first_name | default: \"there\" }}, it is time."}},
	}})
	return o.ID, err
}

// people makes the accounts and a link.
func people(ctx context.Context, d *db.DB, now func() time.Time) (m made, err error) {
	at := now().UnixMicro()
	err = d.Tx(ctx, func(tx *db.Tx) error {
		exec := func(q string, args ...any) error {
			_, err := tx.ExecContext(ctx, q, args...)
			return err
		}
		for _, a := range actors {
			if a.kind == "" {
				continue
			}
			status := "active"
			if a.disabled {
				status = "disabled"
			}
			if a.twin {
				continue
			}
			if err := exec(`insert into account (id, kind, status, name, patient, roles, created_at) values ($1, $2, $3, $4, $5, $6, $7)`,
				"account-"+a.account(), a.kind, status, "Actor "+a.account(), a.patient, a.role, at); err != nil {
				return err
			}
			for _, g := range a.grants {
				if err := exec(`insert into account_grant (account, patient, name, rights, until_at, created_at, categories) values ($1, $2, $3, $4, $5, $6, $7)`,
					"account-"+a.account(), g.patient, "Their person", g.rights, now().AddDate(1, 0, 0).UnixMicro(), at, g.categories); err != nil {
					return err
				}
			}
		}
		var err error
		if m.msg, err = db.One(ctx, tx, db.Value[string], `select id from message where patient = $1`, subject); err != nil {
			return err
		}
		if err := exec(`update message set state = 'accepted', expires_at = $1 where id = $2`, now().AddDate(0, 1, 0).UnixMicro(), m.msg); err != nil {
			return err
		}
		links := link.NewStore(d, ids.NewSource(now, rand.Reader), now, rand.Reader, nil)
		m.link, err = links.Create(ctx, tx, link.New{Message: m.msg, Patient: subject, Factor: link.DOB, Expires: now().AddDate(0, 0, 7)})
		return err
	})
	return m, err
}

// newWorld returns a world of its own.
func newWorld(t testing.TB) *world {
	t.Helper()
	m, err := theWorld()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(memory(), "hale-world")
	if err != nil {
		t.Fatal(err)
	}
	w := openWorld(t, m, filepath.Join(dir, "hale.db"), haletest.Clock(haletest.Noon))
	w.end = sync.OnceFunc(func() {
		w.app.Close()
		w.db.Close()
		os.RemoveAll(dir)
	})
	t.Cleanup(w.end)
	return w
}

// openWorld puts the world's file at path and serves it.
func openWorld(t testing.TB, m made, path string, now func() time.Time) *world {
	t.Helper()
	if err := os.WriteFile(path, m.file, 0o600); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, now: now, ids: ids.NewSource(now, rand.Reader), log: &strings.Builder{}, link: m.link, msg: m.msg, outreach: m.outreach, seeds: m.seeds, sums: m.sums}
	w.secrets = slices.AppendSeq([]string{m.seeds.join, m.seeds.cancel, m.seeds.invite, m.seeds.device, m.seeds.ask, m.seeds.answered}, maps.Values(m.seeds.apps))
	var err error
	if w.app, err = app.New(t.Context(), worldConfig(path, now, &locked{w: w.log})); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.app.Close() })
	if w.db, err = db.Open(t.Context(), "sqlite:"+path, haletest.Key); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.db.Close() })
	return w
}

// locked is a writer for many.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// session signs a in anew and returns the cookies that its browser sends.
func (w *world) session(a actor) (cookies [][2]string) {
	w.t.Helper()
	at, token := w.now(), seal.Token(32)
	w.secrets = append(w.secrets, token)
	if a.link {
		const q = `insert into link_session (hash, link, made_at, expires_at) select $1, id, $2, $3 from link where message = $4`
		w.exec(q, seal.Hash(token), at.UnixMicro(), at.Add(30*time.Minute).UnixMicro(), w.msg)
		return [][2]string{{"__Host-hale-link", token}}
	}
	if a.kind == "" { // who has not signed in, and a program
		return nil
	}
	proof := int64(0)
	if a.proof >= 0 {
		proof = at.Add(-a.proof).UnixMicro()
	}
	const q = `insert into account_session (id, token_hash, account, created_at, seen_at, expires_at, how, zone, proof_at, rest)
		values ($1, $2, $3, $4, $4, $5, 'passkey', $6, $7, $8)`
	w.exec(q, w.ids.New(), seal.Hash(token), "account-"+a.account(), at.UnixMicro(), at.Add(8*time.Hour).UnixMicro(), int64(a.zone), proof, (30 * time.Minute).Microseconds())
	cookies = [][2]string{{"__Host-hale", token}}
	if a.invited {
		cookies = append(cookies, [2]string{"__Host-hale-join", w.seeds.device})
	}
	return cookies
}

func (w *world) exec(q string, args ...any) {
	w.t.Helper()
	if _, err := w.db.ExecContext(context.Background(), q, args...); err != nil {
		w.t.Fatalf("%s: %v", q, err)
	}
}

// actor is somebody who asks.
type actor struct {
	name     string
	kind     access.Kind // empty: not signed in
	patient  string      // whose record is theirs
	role     access.Role
	grants   []grant
	zone     access.Zone
	proof    time.Duration // how long ago they proved who they are; negative: never
	disabled bool
	link     bool
	invited  bool     // has opened an invitation to help
	twin     bool     // has another's account
	as       string   // whose account
	app      bool     // a program, which shows an access token
	sees     []string // the canaries that may come out
}

type grant struct{ patient, rights, categories string }

func (a actor) account() string {
	if a.as != "" {
		return a.as
	}
	return a.name
}

const (
	allRights   = "record.read visits.read visits.book messages.read messages.send contacts.read contacts.edit looks.read proxies.read privacy.ask record.export"
	allSorts    = "visits messages results medicines conditions documents bills"
	visitRights = "visits.read visits.book"
)

// actors are everyone who asks for the subject's data.
var actors = []actor{
	{name: "nobody"},
	{name: "patient", kind: access.Patient, patient: subject, zone: access.AccountZone, sees: own},
	{name: "patient10min", kind: access.Patient, twin: true, as: "patient", zone: access.AccountZone, proof: 10 * time.Minute, sees: own},
	{name: "patient1h", kind: access.Patient, twin: true, as: "patient", zone: access.AccountZone, proof: time.Hour, sees: own},
	{name: "bycode", kind: access.Patient, twin: true, as: "patient", zone: access.PortalZone, proof: -1, sees: own},
	{name: "other", kind: access.Patient, patient: bystander, zone: access.AccountZone},
	{name: "proxy", kind: access.Proxy, zone: access.AccountZone, grants: []grant{{subject, allRights, allSorts}}, sees: append([]string{"request", "disclosure"}, everything...)},
	{name: "limited", kind: access.Proxy, zone: access.AccountZone, grants: []grant{{subject, visitRights, "visits"}}, sees: []string{"name", "visit"}},
	{name: "elsewhere", kind: access.Proxy, zone: access.AccountZone, grants: []grant{{bystander, allRights, allSorts}}},
	{name: "invited", kind: access.Proxy, zone: access.AccountZone, invited: true, sees: []string{"name"}},
	{name: "nurse", kind: access.Staff, role: access.Nurse, zone: access.AccountZone, sees: append([]string{"sensitive", "helper", "hold", "held", "assist"}, everything...)},
	{name: "marketer", kind: access.Staff, role: access.Marketer, zone: access.AccountZone},
	{name: "admin", kind: access.Staff, role: access.Admin, zone: access.AccountZone, sees: []string{"name", "contact", "mrn", "helper", "assist"}},
	{name: "privacy", kind: access.Staff, role: access.Privacy, zone: access.AccountZone, sees: []string{"name", "born", "mrn", "helper", "request", "disclosure", "emergency"}},
	{name: "frontdesk", kind: access.Staff, role: access.FrontDesk, zone: access.AccountZone, sees: []string{"name", "born", "mrn", "contact", "visit", "assist"}},
	{name: "billing", kind: access.Staff, role: access.Billing, zone: access.AccountZone, sees: []string{"name", "born", "mrn", "contact", "bill"}},
	{name: "interpreter", kind: access.Staff, role: access.Interpreter, zone: access.AccountZone},
	{name: "link", link: true, sees: []string{"message"}},
	{name: "disabled", kind: access.Staff, role: access.Nurse, zone: access.AccountZone, disabled: true},
	{name: "app", app: true, sees: everything},
	{name: "otherapp", app: true},
	{name: "backend", app: true, sees: everything},
	{name: "half", kind: access.Staff, twin: true, as: "nurse", zone: access.NoZone, proof: -1},
}

// who is the actor of that name.
func who(name string) actor {
	for _, a := range actors {
		if a.name == name {
			return a
		}
	}
	panic("nobody is called " + name)
}
