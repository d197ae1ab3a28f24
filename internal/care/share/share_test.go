package share_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/lookup"
	"hale/internal/base/errs"
	"hale/internal/base/outbound"
	"hale/internal/base/seal"
	"hale/internal/care/disclosure"
	"hale/internal/care/share"
	"hale/internal/care/summary"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/standard/shlink"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// place is a clinic with one patient.
type place struct {
	t      *testing.T
	d      *db.DB
	now    time.Time
	doors  *access.Doors
	record *record.Store
	shares *share.Store
	ledger *disclosure.Store
	sum    *summary.Store
}

func open(t *testing.T, d *db.DB) *place {
	t.Helper()
	p := &place{t: t, d: d, now: haletest.Noon}
	clock := func() time.Time { return p.now }
	log := audit.NewLog(d, haletest.IDs(), clock)
	p.doors = access.NewDoors(log, lookup.New(d, clock), clock)
	ring := haletest.Ring(t, d, clock)
	p.record = record.New(d, haletest.IDs(), clock, event.NewLog(haletest.IDs(), clock)).WithKeys(ring)
	p.sum = summary.NewStore(p.record, clock, summary.Clinic{Name: "Riverside", Base: "https://hale.example/fhir"})
	p.ledger = disclosure.NewStore(d, haletest.IDs(), clock, log)
	p.shares = share.NewStore(share.Config{DB: d, IDs: haletest.IDs(), Now: clock, Key: seal.NewKey(), Ring: ring, Doors: p.doors, Summaries: p.sum, Ledger: p.ledger, Base: "https://hale.example"})
	p.put("Patient", "p1", `"active":true`)
	p.put("Patient", "p2", `"active":true`)
	p.put("Condition", "c1", `"subject":{"reference":"Patient/p1"},"code":{"text":"PlainWord"}`)
	p.put("Condition", "c2", `"subject":{"reference":"Patient/p1"},"code":{"text":"SecretWord"},"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}`)
	return p
}

func (p *place) put(typ, id, rest string) {
	p.t.Helper()
	err := p.d.Tx(p.t.Context(), func(tx *db.Tx) error {
		_, err := p.record.PutAll(p.t.Context(), tx, record.Source{Actor: access.SystemActor("test")}, []record.Draft{{Type: typ, ID: id, Body: []byte(`{"resourceType":"` + typ + `","id":"` + id + `",` + rest + `}`)}})
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// pass returns a pass of somebody who has just proved who they are.
func (p *place) pass(patient string, right access.Right) access.Pass {
	p.t.Helper()
	a := access.Actor{Kind: access.Patient, ID: "account-" + patient, Name: "Ada", Patient: patient, Proof: access.Proof{Zone: access.StepUpZone, At: p.now}}
	pass, err := p.doors.Check(p.t.Context(), a, right, patient)
	if err != nil {
		p.t.Fatal(err)
	}
	return pass
}

// make makes a link and returns its id and what it is made of.
func (p *place) make(n share.New) (string, share.Secret, shlink.Link) {
	p.t.Helper()
	n.Summary = func(id string) ([]byte, error) { return []byte(`{"resourceType":"Bundle","id":"` + id + `"}`), nil }
	id, err := p.shares.Make(p.t.Context(), p.pass("p1", access.ExportRecord), n)
	if err != nil {
		p.t.Fatal(err)
	}
	_, secret, _, err := p.shares.Get(p.t.Context(), p.pass("p1", access.ReadRecord), id)
	if err != nil {
		p.t.Fatal(err)
	}
	link, err := shlink.Parse(secret.Link)
	if err != nil {
		p.t.Fatal(err)
	}
	return id, secret, link
}

func token(l shlink.Link) string { return strings.TrimPrefix(l.URL, "https://hale.example/shl/") }

func TestLinks(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		p := open(t, d)
		ctx := t.Context()
		t.Run("once", func(t *testing.T) {
			id, _, link := p.make(share.New{Label: "For Dr. Lee", Days: 1})
			if link.Flags() != "U" || len(link.URL) > shlink.MaxURL {
				t.Errorf("flags %q, address of %d characters", link.Flags(), len(link.URL))
			}
			o, err := p.shares.Direct(ctx, token(link), "Dr. Lee")
			if err != nil {
				t.Fatal(err)
			}
			if typ, plain, err := shlink.Open(link.Key, o.JWE); err != nil || typ != shlink.FHIR || !bytes.Contains(plain, []byte("Bundle")) {
				t.Errorf("the file is %s %q, %v", typ, plain, err)
			}
			one, _, opened, err := p.shares.Get(ctx, p.pass("p1", access.ReadRecord), id)
			if err != nil || one.Opened != 1 || len(opened) != 1 || opened[0].Recipient != "Dr. Lee" {
				t.Errorf("openings = %d %v, %v, want one by Dr. Lee", one.Opened, opened, err)
			}
			if body, err := db.One(ctx, d, db.Value[string], `select body from share where id = $1`, id); err != nil || strings.Contains(body, "Bundle") || strings.Count(body, ".") != 4 {
				t.Errorf("what lies in the database is %.20q, %v, want it encrypted", body, err)
			}
			if _, _, _, err := p.shares.Get(ctx, p.pass("p2", access.ReadRecord), id); errs.KindOf(err) != errs.NotFound {
				t.Errorf("another's Get = %v, want not found", err)
			}
			if err := p.shares.Stop(ctx, p.pass("p2", access.ReadRecord), id); errs.KindOf(err) != errs.NotFound {
				t.Errorf("another's Stop = %v, want not found", err)
			}
			if err := p.shares.Stop(ctx, p.pass("p1", access.ReadRecord), id); err != nil {
				t.Fatal(err)
			}
			if _, err := p.shares.Direct(ctx, token(link), "Dr. Lee"); !errors.Is(err, share.ErrGone) {
				t.Errorf("a stopped link = %v, want ErrGone", err)
			}
		})
		t.Run("lasting", func(t *testing.T) {
			_, _, link := p.make(share.New{Days: 30, Live: true})
			read := func() string {
				o, err := p.shares.Open(ctx, token(link), shlink.Ask{Recipient: "Dr. Lee"})
				if err != nil {
					t.Fatal(err)
				}
				_, plain, err := shlink.Open(link.Key, o.JWE)
				if err != nil {
					t.Fatal(err)
				}
				return string(plain)
			}
			if got := read(); !strings.Contains(got, "PlainWord") || strings.Contains(got, "SecretWord") || strings.Contains(got, "NewWord") {
				t.Error("the summary tells what is specially protected, or not what is plain")
			}
			p.put("Condition", "c3", `"subject":{"reference":"Patient/p1"},"code":{"text":"NewWord"}`)
			if !strings.Contains(read(), "NewWord") {
				t.Error("a lasting link does not follow the record")
			}
			p.now = p.now.AddDate(0, 0, 31)
			if _, err := p.shares.Open(ctx, token(link), shlink.Ask{Recipient: "x"}); !errors.Is(err, share.ErrGone) {
				t.Errorf("a link after its end = %v, want ErrGone", err)
			}
		})
		t.Run("passcode", func(t *testing.T) {
			_, secret, link := p.make(share.New{Days: 7, Code: true})
			if _, err := p.shares.Direct(ctx, token(link), "x"); !errors.Is(err, share.ErrGone) {
				t.Errorf("GET of a locked link = %v, want ErrGone", err)
			}
			for left := share.Tries - 1; left > 0; left-- {
				_, err := p.shares.Open(ctx, token(link), shlink.Ask{Recipient: "x", Passcode: "wrong"})
				if w, ok := errors.AsType[share.WrongCode](err); !ok || w.Left != left {
					t.Fatalf("a wrong code = %v, want %d left", err, left)
				}
			}
			if _, err := p.shares.Open(ctx, token(link), shlink.Ask{Recipient: "x", Passcode: secret.Code}); err != nil {
				t.Fatalf("the right code at the last try = %v", err)
			}
			if _, err := p.shares.Open(ctx, token(link), shlink.Ask{Recipient: "x"}); err == nil {
				t.Error("no code opens the link")
			}
			if _, err := p.shares.Open(ctx, token(link), shlink.Ask{Recipient: "x", Passcode: secret.Code}); !errors.Is(err, share.ErrGone) {
				t.Errorf("the right code after all tries = %v, want ErrGone for good", err)
			}
		})
		t.Run("many at once", func(t *testing.T) {
			_, _, link := p.make(share.New{Days: 7, Code: true})
			var wg sync.WaitGroup
			var mu sync.Mutex
			tried := 0
			for range 20 {
				wg.Go(func() {
					_, err := p.shares.Open(ctx, token(link), shlink.Ask{Recipient: "x", Passcode: "wrong"})
					if _, ok := errors.AsType[share.WrongCode](err); ok {
						mu.Lock()
						tried++
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			if tried > share.Tries {
				t.Errorf("%d wrong codes were compared, want %d at most", tried, share.Tries)
			}
		})
		t.Run("file", func(t *testing.T) {
			_, _, link := p.make(share.New{Days: 7, Code: true, Live: true})
			one, err := p.shares.Of(ctx, p.pass("p1", access.ReadRecord))
			if err != nil || !one[0].Works(p.now) {
				t.Fatalf("Of = %v, %v", one, err)
			}
			ticket := p.shares.Ticket(one[0])
			if _, err := p.shares.File(ctx, token(link), ticket); err != nil {
				t.Errorf("File = %v", err)
			}
			for _, bad := range []string{"", "1-x", ticket + "0", "99999999999-" + ticket[11:]} {
				if _, err := p.shares.File(ctx, token(link), bad); !errors.Is(err, share.ErrGone) {
					t.Errorf("File(%q) = %v, want ErrGone", bad, err)
				}
			}
			p.now = p.now.Add(share.FileLife + time.Minute)
			if _, err := p.shares.File(ctx, token(link), ticket); !errors.Is(err, share.ErrGone) {
				t.Errorf("File after its time = %v, want ErrGone", err)
			}
		})
		taken, err := p.ledger.TakenOf(ctx, p.pass("p1", access.ReadRecord), 100)
		did := map[disclosure.Did]int{}
		for _, one := range taken {
			did[one.Did]++
		}
		if err != nil || did[disclosure.Sent] != 5 || did[disclosure.OpenedBy] < 4 {
			t.Errorf("the ledger = %v, %v, want 5 links made and each opening", did, err)
		}
	})
}

// A link of another system is read through the guarded client, whichever way
// it holds its file; what is wrong there is said in plain words.
func TestReader(t *testing.T) {
	d := haletest.SQLite(t)
	p := open(t, d)
	key := [shlink.KeySize]byte{4, 2}
	body := []byte(`{"resourceType":"Bundle","type":"document","entry":[{"resource":{"resourceType":"Patient","id":"x","name":[{"family":"Elsewhere"}]}},{"resource":{"resourceType":"Condition","id":"y","code":{"text":"Asthma"}}}]}`)
	jwe, err := shlink.Seal(key, shlink.FHIR, body)
	if err != nil {
		t.Fatal(err)
	}
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/file":
			_, _ = w.Write([]byte(jwe))
		case "/location":
			_ = json.NewEncoder(w).Encode(shlink.Manifest{Files: []shlink.File{{ContentType: shlink.FHIR, Location: srv.URL + "/file"}}})
		case "/code":
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"remainingAttempts":2}`))
		case "/gone":
			w.WriteHeader(http.StatusNotFound)
		default:
			_ = json.NewEncoder(w).Encode(shlink.Manifest{Files: []shlink.File{{ContentType: shlink.FHIR, Embedded: jwe}}})
		}
	}))
	defer srv.Close()
	within, err := outbound.New(outbound.Config{Private: true})
	if err != nil {
		t.Fatal(err)
	}
	guarded, err := outbound.New(outbound.Config{})
	if err != nil {
		t.Fatal(err)
	}
	r := share.NewReader(p.shares, within)
	for name, tt := range map[string]struct {
		reader *share.Reader
		link   shlink.Link
		code   string
		want   errs.Kind
		ok     bool
	}{
		"embedded":               {reader: r, link: shlink.Link{URL: srv.URL + "/m"}, ok: true},
		"at an address":          {reader: r, link: shlink.Link{URL: srv.URL + "/location"}, ok: true},
		"one file":               {reader: r, link: shlink.Link{URL: srv.URL + "/file", Direct: true}, ok: true},
		"a wrong code":           {reader: r, link: shlink.Link{URL: srv.URL + "/code", Locked: true}, code: "1", want: errs.Invalid},
		"no code":                {reader: r, link: shlink.Link{URL: srv.URL + "/m", Locked: true}, want: errs.Invalid},
		"gone":                   {reader: r, link: shlink.Link{URL: srv.URL + "/gone"}, want: errs.NotFound},
		"into our own network":   {reader: share.NewReader(p.shares, guarded), link: shlink.Link{URL: srv.URL + "/m"}, want: errs.Unavailable},
		"nowhere on this server": {reader: r, link: shlink.Link{URL: "https://hale.example/shl/none", Direct: true}, want: errs.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			tt.link.Key = key
			found, err := tt.reader.Read(t.Context(), tt.link.String(), tt.code, "Hale")
			if tt.ok != (err == nil) || err != nil && errs.KindOf(err) != tt.want {
				t.Fatalf("Read = %v, want %v", err, tt.want)
			}
			if tt.ok && !bytes.Equal(found.Files[0], body) {
				t.Errorf("Read = %q", found.Files[0])
			}
		})
	}
	found, err := r.Read(t.Context(), shlink.Link{URL: srv.URL + "/m", Key: key, Label: "From there"}.String(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	mine := p.pass("p1", access.SendMessages)
	id, err := r.Keep(t.Context(), mine, found)
	if err != nil {
		t.Fatal(err)
	}
	_, c, err := r.Kept(t.Context(), mine, id)
	if err != nil || !strings.Contains(c.Plain(), "Asthma") || !strings.Contains(c.Plain(), "Elsewhere") {
		t.Errorf("Kept = %q, %v", c.Plain(), err)
	}
	if _, _, err := r.Kept(t.Context(), p.pass("p2", access.SendMessages), id); errs.KindOf(err) != errs.NotFound {
		t.Errorf("another's Kept = %v, want not found", err)
	}
	p.now = p.now.Add(2 * time.Hour)
	if _, _, err := r.Kept(t.Context(), p.pass("p1", access.SendMessages), id); errs.KindOf(err) != errs.NotFound {
		t.Errorf("Kept after its time = %v, want not found", err)
	}
}
