package link

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/seal"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// people knows dates of birth.
type people map[string]string

func (p people) BornOn(_ context.Context, patient, date string) (bool, error) {
	return date != "" && p[patient] == date, nil
}

var town = people{"maria": "1961-04-27", "paul": "1990-01-31"}

// clock is a time that tests move.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func newStore(d *db.DB) (*Store, *clock) {
	c := &clock{haletest.Noon}
	return NewStore(d, haletest.IDs(), c.now, rand.Reader, town), c
}

func create(t testing.TB, s *Store, d *db.DB, n New) string {
	t.Helper()
	if n.Message == "" {
		n.Message = "m1"
	}
	if n.Patient == "" {
		n.Patient = "maria"
	}
	if n.Factor == "" {
		n.Factor = DOB
	}
	if n.Expires.IsZero() {
		n.Expires = haletest.Noon.Add(14 * 24 * time.Hour)
	}
	var token string
	err := d.Tx(t.Context(), func(tx *db.Tx) (err error) {
		token, err = s.Create(t.Context(), tx, n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestNewTokenForms(t *testing.T) {
	tests := []struct {
		name string
		n    New
		want string
		asks bool
	}{
		{"e-mail", New{Factor: DOB}, `^[0-9a-hjkmnp-tv-z]{32}$`, true},
		{"text", New{Factor: DOB, Short: true}, `^[0-9A-Za-z]{12}$`, true},
		{"e-mail, button only", New{Factor: None}, `^n[0-9a-hjkmnp-tv-z]{32}$`, false},
		{"text, button only", New{Factor: None, Short: true}, `^n[0-9A-Za-z]{12}$`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen := map[string]bool{}
			for range 500 {
				token, err := newToken(rand.Reader, tt.n)
				if err != nil || !regexp.MustCompile(tt.want).MatchString(token) || seen[token] {
					t.Fatalf("newToken(%+v) = %q, %v, want a new one like %s", tt.n, token, err, tt.want)
				}
				seen[token] = true
				if AsksNothing(token) == tt.asks {
					t.Fatalf("AsksNothing(%q) = %v", token, !tt.asks)
				}
			}
		})
	}
}

func TestShortIsEven(t *testing.T) {
	count := map[rune]int{}
	const draws = 20000
	for range draws {
		token, err := short(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range token {
			count[r]++
		}
	}
	want := float64(draws*shortLen) / 62 // about 3871, deviation 62
	for _, r := range base62 {
		if got := float64(count[r]); got < want-400 || got > want+400 {
			t.Errorf("%q was drawn %v times, want about %v", r, got, want)
		}
	}
}

func TestStoreCreateKeepsNoToken(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, _ := newStore(d)
		token := create(t, s, d, New{Short: true})
		row, err := db.One(t.Context(), d, func(scan db.Scan) (string, error) {
			var a, b, c, e, f string
			err := scan(&a, &b, &c, &e, &f)
			return strings.Join([]string{a, b, c, e, f}, " "), err
		}, `select id, token_hash, message, patient, factor from link`)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(row, token) || !strings.Contains(row, seal.Hash(token)) {
			t.Errorf("the table keeps %q, want the hash of the token alone", row)
		}
	})
}

func TestStoreOpen(t *testing.T) {
	day := 24 * time.Hour
	tests := []struct {
		name  string
		link  New
		after time.Duration
		born  string
		want  error
	}{
		{name: "the right date", born: "1961-04-27"},
		{name: "a wrong date", born: "1961-04-28", want: ErrWrong},
		{name: "another patient's date", born: "1990-01-31", want: ErrWrong},
		{name: "no date from a new browser", want: ErrAsk},
		{name: "no date where none is needed", link: New{Factor: None}},
		{name: "just before the end", after: 14*day - time.Microsecond, born: "1961-04-27"},
		{name: "at the end", after: 14 * day, born: "1961-04-27", want: ErrGone},
		{name: "a wrong date after the end", after: 14 * day, born: "1961-04-28", want: ErrGone},
		{name: "no date after the end", after: 14 * day, want: ErrGone},
		{name: "button only, after the end", link: New{Factor: None}, after: 14 * day, want: ErrGone},
		{name: "a patient who is not there", link: New{Patient: "nobody"}, born: "1961-04-27", want: ErrWrong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				s, c := newStore(d)
				token := create(t, s, d, tt.link)
				c.t = c.t.Add(tt.after)
				o, err := s.Open(t.Context(), token, tt.born, "")
				if !errors.Is(err, tt.want) {
					t.Fatalf("Open(…, %q) = %v, want %v", tt.born, err, tt.want)
				}
				if (o.Session != "") != (tt.want == nil) || (o.Patient != "") != (tt.want == nil) {
					t.Errorf("Open(…, %q) = %+v with error %v", tt.born, o, err)
				}
			})
		})
	}
}

func TestStoreOpenUnknown(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, _ := newStore(d)
		create(t, s, d, New{})
		for _, token := range []string{"", "x", "AAAAAAAAAAAA", strings.Repeat("0", 32), strings.Repeat("x", 4000), "'; drop table link; --"} {
			if _, err := s.Open(t.Context(), token, "1961-04-27", ""); !errors.Is(err, ErrGone) {
				t.Errorf("Open(%.20q) = %v, want gone", token, err)
			}
			if _, err := s.Whose(t.Context(), token); !errors.Is(err, ErrGone) {
				t.Errorf("Whose(%.20q) = %v, want gone", token, err)
			}
		}
		if n := value(t, d, `select n from link_miss`); n != 6 {
			t.Errorf("%d misses counted, want 6", n)
		}
	})
}

func TestStoreOpenLocksAndEnds(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, c := newStore(d)
		token := create(t, s, d, New{})
		try := func(born string, want error) {
			t.Helper()
			if _, err := s.Open(t.Context(), token, born, ""); !errors.Is(err, want) {
				t.Fatalf("Open(…, %q) = %v, want %v", born, err, want)
			}
		}
		const right, wrong = "1961-04-27", "1961-01-01"
		try(wrong, ErrWrong)
		try(wrong, ErrLastTry)
		try(wrong, ErrLocked)
		try(right, ErrLocked)
		c.t = c.t.Add(LockTime - time.Microsecond)
		try(right, ErrLocked)
		c.t = c.t.Add(time.Microsecond)
		try(right, nil)
		try(wrong, ErrWrong)
		try(wrong, ErrLastTry)
		try(right, nil)
		try(wrong, ErrGone)
		c.t = c.t.Add(LockTime)
		try(right, ErrGone)
	})
}

func TestStoreOpenCountsParallelTries(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, _ := newStore(d)
		token := create(t, s, d, New{})
		const tries = 50
		errsOf := make([]error, tries)
		var wg sync.WaitGroup
		for i := range tries {
			wg.Go(func() { _, errsOf[i] = s.Open(t.Context(), token, fmt.Sprintf("1950-01-%02d", i%28+1), "") })
		}
		wg.Wait()
		told := 0
		for _, err := range errsOf {
			switch {
			case errors.Is(err, ErrWrong), errors.Is(err, ErrLastTry):
				told++
			case !errors.Is(err, ErrLocked):
				t.Errorf("Open = %v, want wrong or locked", err)
			}
		}
		if fails := value(t, d, `select fails from link`); fails != TriesToLock || told != TriesToLock-1 {
			t.Errorf("%d of %d parallel tries were counted and %d told that they were wrong, want %d and %d", fails, tries, told, TriesToLock, TriesToLock-1)
		}
		if _, err := s.Open(t.Context(), token, "1961-04-27", ""); !errors.Is(err, ErrLocked) {
			t.Errorf("Open with the right date = %v, want locked", err)
		}
	})
}

func TestStoreOpenRemembersTheBrowser(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, c := newStore(d)
		long := haletest.Noon.Add(90 * 24 * time.Hour)
		one, two := create(t, s, d, New{Expires: long}), create(t, s, d, New{Message: "m2", Expires: long})
		pauls := create(t, s, d, New{Message: "m3", Patient: "paul", Expires: long})
		o, err := s.Open(t.Context(), one, "1961-04-27", "")
		if err != nil || o.Device == "" || !o.First {
			t.Fatalf("Open = %+v, %v, want a device and the first opening", o, err)
		}
		again, err := s.Open(t.Context(), two, "", o.Device)
		if err != nil || again.Message != "m2" || again.Device != "" {
			t.Fatalf("Open from the same browser = %+v, %v, want m2 and the device kept", again, err)
		}
		if _, err := s.Open(t.Context(), pauls, "", o.Device); !errors.Is(err, ErrAsk) {
			t.Fatalf("Open of another patient's link from the same browser = %v, want to be asked", err)
		}
		p, err := s.Open(t.Context(), pauls, "1990-01-31", o.Device)
		if err != nil || p.Device == o.Device {
			t.Fatalf("Open by date = %+v, %v, want a new device token", p, err)
		}
		if _, err := s.Open(t.Context(), one, "", o.Device); !errors.Is(err, ErrAsk) {
			t.Errorf("Open with the token before = %v, want to be asked", err)
		}
		c.t = haletest.Noon.Add(DeviceLife - time.Microsecond)
		if _, err := s.Open(t.Context(), one, "", p.Device); err != nil {
			t.Errorf("Open on the last day = %v, want both patients remembered", err)
		}
		c.t = haletest.Noon.Add(DeviceLife)
		if _, err := s.Open(t.Context(), one, "", p.Device); !errors.Is(err, ErrAsk) {
			t.Errorf("Open after 30 days = %v, want to be asked", err)
		}
		if err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := value(t, d, `select count(*) from link_device`) + value(t, d, `select count(*) from link_session`); n != 1 {
			t.Errorf("%d rows are left after Sweep, want the session of the last day alone", n)
		}
	})
}

func TestStoreSession(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, c := newStore(d)
		one, two := create(t, s, d, New{}), create(t, s, d, New{Message: "m2"})
		o, err := s.Open(t.Context(), one, "1961-04-27", "")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Session(t.Context(), one, o.Session); err != nil || got.Message != "m1" || got.Patient != "maria" {
			t.Errorf("Session = %+v, %v, want m1 of maria", got, err)
		}
		for name, in := range map[string][2]string{
			"another link of hers": {two, o.Session}, "no session": {one, ""}, "the device": {one, o.Device}, "the link's id": {one, o.Link},
		} {
			if _, err := s.Session(t.Context(), in[0], in[1]); !errors.Is(err, ErrGone) {
				t.Errorf("Session by %s = %v, want gone", name, err)
			}
		}
		c.t = haletest.Noon.Add(SessionLife)
		if _, err := s.Session(t.Context(), one, o.Session); !errors.Is(err, ErrGone) {
			t.Errorf("Session after half an hour = %v, want gone", err)
		}
	})
}

func TestStoreRetract(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, _ := newStore(d)
		token, other := create(t, s, d, New{}), create(t, s, d, New{Message: "m2"})
		o, err := s.Open(t.Context(), token, "1961-04-27", "")
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Tx(t.Context(), func(tx *db.Tx) error { return s.Retract(t.Context(), tx, "m1") }); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Session(t.Context(), token, o.Session); !errors.Is(err, ErrGone) {
			t.Errorf("Session = %v, want gone", err)
		}
		if _, err := s.Open(t.Context(), token, "1961-04-27", o.Device); !errors.Is(err, ErrGone) {
			t.Errorf("Open = %v, want gone", err)
		}
		if _, err := s.Open(t.Context(), other, "", o.Device); err != nil {
			t.Errorf("Open of another message = %v, want it open", err)
		}
	})
}

func TestStoreFresh(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, c := newStore(d)
		token := create(t, s, d, New{Expires: haletest.Noon})
		steps := []struct {
			after time.Duration
			want  bool
		}{
			{0, true}, {FreshEvery - time.Microsecond, false}, {FreshEvery, true}, {2 * FreshEvery, true}, {3 * FreshEvery, false},
			{freshWindow - time.Microsecond, false}, {freshWindow, true}, {freshWindow + FreshEvery, true}, {3 * freshWindow, true}, {9 * freshWindow, false},
		}
		for _, step := range steps {
			c.t = haletest.Noon.Add(step.after)
			o, ok, err := s.Fresh(t.Context(), token)
			if err != nil || ok != step.want || ok && o.Message != "m1" {
				t.Errorf("Fresh after %v = %+v, %v, %v, want %v", step.after, o, ok, err, step.want)
			}
		}
		if _, ok, err := s.Fresh(t.Context(), "AAAAAAAAAAAA"); ok || err != nil {
			t.Errorf("Fresh of an unknown link = %v, %v, want no", ok, err)
		}
	})
}

func TestStoreFreshInParallel(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, _ := newStore(d)
		token := create(t, s, d, New{})
		var wg sync.WaitGroup
		var mu sync.Mutex
		granted := 0
		for range 20 {
			wg.Go(func() {
				_, ok, err := s.Fresh(t.Context(), token)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				if ok {
					granted++
				}
			})
		}
		wg.Wait()
		if granted != 1 {
			t.Errorf("%d fresh links at once, want 1", granted)
		}
	})
}

func TestLookActor(t *testing.T) {
	const safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
	tests := []struct {
		name, method, agent, language, purpose string
		want                                   string
	}{
		{"a phone", "GET", safari, "en-US", "", "unknown"},
		{"a phone that says no language", "GET", safari, "", "", "suspect"},
		{"HEAD", "HEAD", safari, "en-US", "", "machine"},
		{"fetching ahead", "GET", safari, "en-US", "prefetch;prerender", "machine"},
		{"an old browser's preview", "GET", safari, "en-US", "preview", "machine"},
		{"a preview", "GET", "facebookexternalhit/1.1", "en-US", "", "machine"},
		{"a messenger dressed as a browser", "GET", "Mozilla/5.0 (compatible; WhatsApp/2.24)", "en", "", "machine"},
		{"a scanner", "GET", "Mozilla/5.0 (compatible; Barracuda Sentinel)", "en", "", "machine"},
		{"a library", "GET", "python-requests/2.31", "", "", "machine"},
		{"nothing said", "GET", "", "", "", "machine"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := LookOf(tt.method, tt.agent, tt.language, "", tt.purpose)
			if got := l.Actor(); got != tt.want {
				t.Errorf("Actor of %+v = %s, want %s", l, got, tt.want)
			}
		})
	}
}

func TestStoreFetchedChangesNothingElse(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, c := newStore(d)
		token := create(t, s, d, New{})
		before := snapshot(t, d)
		phone := LookOf("GET", "Mozilla/5.0 (iPhone)", "en-US")
		for i := range 300 {
			s.Fetched(token, phone)
			s.Fetched(fmt.Sprintf("unknown-%d", i), phone)
		}
		s.Fetched(token, LookOf("HEAD", "curl/8", ""))
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.t = c.t.Add(time.Hour)
		s.Fetched(token, phone)
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if after := snapshot(t, d); after != before {
			t.Errorf("fetching changed the link from %s to %s", before, after)
		}
		pass := nursePass(t, d, "maria")
		got, err := s.Fetches(t.Context(), pass, "m1")
		if err != nil || len(got) != 2 || got[0].N+got[1].N != 302 {
			t.Fatalf("Fetches = %+v, %v, want 301 by phone and 1 by robot", got, err)
		}
		if list, err := s.Fetches(t.Context(), nursePass(t, d, "paul"), "m1"); err != nil || len(list) != 0 {
			t.Errorf("Fetches of another's message = %+v, %v, want none", list, err)
		}
		if _, err := s.Fetches(t.Context(), access.Pass{}, "m1"); err == nil {
			t.Error("Fetches without a pass succeeded")
		}
	})
}

func TestStoreFetchedIsBounded(t *testing.T) {
	d := haletest.SQLite(t)
	s, _ := newStore(d)
	for i := range 3 * maxLooks {
		s.Fetched(fmt.Sprint(i), Look{Method: "GET", Agent: robot})
	}
	if n := len(s.looks.count); n != maxLooks {
		t.Errorf("%d looks are held in memory, want %d", n, maxLooks)
	}
	if err := s.Flush(t.Context()); err != nil || len(s.looks.count) != 0 {
		t.Errorf("Flush = %v and %d looks left, want none", err, len(s.looks.count))
	}
}

func TestStoreRunFlushesAtTheEnd(t *testing.T) {
	d := haletest.SQLite(t)
	s, _ := newStore(d)
	token := create(t, s, d, New{})
	s.Fetched(token, Look{Method: "GET", Agent: browser})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if n := value(t, d, `select n from link_fetch`); n != 1 {
		t.Errorf("%d fetches written, want 1", n)
	}
}

// FuzzCanonical holds that the token of a link is found however it was typed,
// and that canonical changes nothing twice.
func FuzzCanonical(f *testing.F) {
	f.Add("OIL0123456789abcdefghjkmnpqrstvw", "x")
	f.Add("n"+strings.Repeat("o", 32), "é")
	f.Fuzz(func(t *testing.T, token, noise string) {
		once := canonical(token)
		if twice := canonical(once); twice != once {
			t.Errorf("canonical(%q) = %q, and again %q", token, once, twice)
		}
		if AsksNothing(token) != AsksNothing(once) {
			t.Errorf("canonical(%q) = %q asks otherwise", token, once)
		}
		_ = LookOf(token, noise, token, noise).Actor()
	})
}

func TestStoreOpensTypedToken(t *testing.T) {
	d := haletest.SQLite(t)
	s, _ := newStore(d)
	token := create(t, s, d, New{})
	typed := strings.NewReplacer("0", "O", "1", "l").Replace(strings.ToUpper(token))
	if _, err := s.Open(t.Context(), typed, "1961-04-27", ""); err != nil {
		t.Errorf("Open(%q) for %q = %v, want it open", typed, token, err)
	}
}

func BenchmarkStoreOpen(b *testing.B) {
	d := haletest.SQLite(b)
	s, _ := newStore(d)
	token := create(b, s, d, New{})
	for b.Loop() {
		if _, err := s.Open(b.Context(), token, "1961-04-27", ""); err != nil {
			b.Fatal(err)
		}
	}
}

func value(t testing.TB, d *db.DB, q string) int64 {
	t.Helper()
	n, err := db.One(t.Context(), d, db.Value[int64], q)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// snapshot returns every column of every link.
func snapshot(t *testing.T, d *db.DB) string {
	t.Helper()
	rows, err := db.All(t.Context(), d, func(scan db.Scan) (string, error) {
		var id, message string
		var n [6]int64
		err := scan(&id, &message, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5])
		return fmt.Sprint(id, message, n), err
	}, `select id, message, expires_at, fails, locked_until, dead_at, retracted_at, opened_at from link order by id`)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(rows, ";") + fmt.Sprint(value(t, d, `select count(*) from link_session`), value(t, d, `select count(*) from link_device`), value(t, d, `select count(*) from link_miss`))
}

func nursePass(t testing.TB, d *db.DB, patient string) access.Pass {
	t.Helper()
	nurse := access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: "nurse", Roles: []access.Role{access.Nurse}}
	p, err := haletest.Doors(d).Check(t.Context(), nurse, access.ReadDecisions, patient)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A link to a message with extra protection opens to nobody: the right date,
// a browser that is known and a new link lead to signing in, a wrong date
// counts as ever.
func TestSignInLinkNeverOpens(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, _ := newStore(d)
		device := ""
		if o, err := s.Open(t.Context(), create(t, s, d, New{Message: "plain"}), town["maria"], ""); err != nil {
			t.Fatal(err)
		} else {
			device = o.Device
		}
		first := create(t, s, d, New{Message: "secret", Factor: SignIn, Short: true})
		var again string
		if err := d.Tx(t.Context(), func(tx *db.Tx) (err error) { again, err = s.Again(t.Context(), tx, "secret", true); return err }); err != nil {
			t.Fatal(err)
		}
		for name, token := range map[string]string{"first": first, "again": again} {
			for _, in := range []struct {
				born, device string
				want         error
			}{{town["maria"], "", ErrSignIn}, {town["maria"], device, ErrSignIn}, {"", device, ErrSignIn}, {"", "", ErrAsk}, {"1950-01-01", "", ErrWrong}} {
				o, err := s.Open(t.Context(), token, in.born, in.device)
				if !errors.Is(err, in.want) || o.Session != "" || o.Device != "" {
					t.Errorf("%s link with %+v = %+v, %v, want it closed", name, in, o, err)
				}
			}
		}
	})
}
