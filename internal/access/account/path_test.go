package account_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// thief reads every text to a telephone number and every letter to a mailbox
// and has nothing else of the victim. All that is made with them is theirs.
type thief struct {
	t      *testing.T
	s      *account.Store
	p      *account.Passkeys
	c      *clock
	victim account.Account
	reads  []string // addresses

	tokens   []string
	devices  []string
	keys     []*authenticator
	secret   string // of an app
	password string
	sheet    string
	path     []string
}

// steps are what a thief can try. Each does what it can and forgets errors:
// what counts is where it leads.
var steps = map[string]func(*thief, *rand.Rand){
	"code":        (*thief).code,
	"second":      (*thief).second,
	"add passkey": (*thief).addPasskey,
	"use passkey": (*thief).usePasskey,
	"step up":     (*thief).stepUp,
	"password":    (*thief).setPassword,
	"use it":      (*thief).usePassword,
	"app":         (*thief).addApp,
	"digits":      (*thief).digits,
	"sheet":       (*thief).makeSheet,
	"use sheet":   (*thief).useSheet,
	"move":        (*thief).move,
	"remove":      (*thief).remove,
	"forget":      (*thief).forget,
	"skip":        (*thief).skip,
	"wait":        (*thief).wait,
}

func (h *thief) session(r *rand.Rand) (account.Session, string, bool) {
	if len(h.tokens) == 0 {
		return account.Session{}, "", false
	}
	token := h.tokens[r.IntN(len(h.tokens))]
	_, in, err := h.s.Actor(h.t.Context(), token)
	return in, token, err == nil
}

func (h *thief) browser(r *rand.Rand) account.Browser {
	b := account.Browser{Agent: "Firefox/1 Linux", Trust: r.IntN(2) == 0, Shared: r.IntN(8) == 0}
	if len(h.devices) > 0 && r.IntN(3) > 0 {
		b.Device = h.devices[r.IntN(len(h.devices))]
	}
	return b
}

func (h *thief) got(e account.Entered, err error) {
	if err == nil {
		h.tokens, h.devices = append(h.tokens, e.Token), append(h.devices, e.Device)
	}
}

func (h *thief) enter(r *rand.Rand, e account.Entry, err error) {
	if err == nil {
		h.got(h.s.Enter(h.t.Context(), e, h.browser(r)))
	}
}

func (h *thief) prove(r *rand.Rand, token string, e account.Entry, err error) {
	if err == nil {
		h.got(h.s.StepUp(h.t.Context(), token, e, h.browser(r)))
	}
}

// read returns the code if the thief gets what was sent.
func (h *thief) read(send *account.Delivery) string {
	for _, a := range h.reads {
		if send != nil && send.To == a {
			return send.Code
		}
	}
	return "000000"
}

func (h *thief) code(r *rand.Rand) {
	challenge, send, err := h.s.StartCode(h.t.Context(), h.reads[r.IntN(len(h.reads))])
	if err != nil {
		return
	}
	e, err := h.s.FinishCode(h.t.Context(), challenge, h.read(send))
	if err == account.ErrBorn { // the date of birth is no secret
		e, err = h.s.FinishBorn(h.t.Context(), challenge, "1961-04-27")
	}
	h.enter(r, e, err)
}

func (h *thief) second(r *rand.Rand) {
	in, token, ok := h.session(r)
	if !ok {
		return
	}
	challenge, send, err := h.s.SecondCode(h.t.Context(), in)
	if err != nil {
		return
	}
	e, err := h.s.StepCode(h.t.Context(), in, challenge, h.read(send))
	h.prove(r, token, e, err)
}

func (h *thief) addPasskey(r *rand.Rand) {
	in, token, ok := h.session(r)
	if !ok {
		return
	}
	options, ceremony, err := h.p.BeginPasskey(h.t.Context(), in)
	if err != nil {
		return
	}
	a := newAuthenticator(h.t)
	out, err := h.p.FinishPasskey(h.t.Context(), in, token, ceremony, h.browser(r), a.create(h.t, options))
	if err == nil {
		h.keys = append(h.keys, a)
	}
	h.got(out, err)
}

func (h *thief) usePasskey(r *rand.Rand) {
	if len(h.keys) == 0 {
		return
	}
	e, err := login(h.t, h.p, h.keys[r.IntN(len(h.keys))])
	h.enter(r, e, err)
}

func (h *thief) stepUp(r *rand.Rand) {
	in, token, ok := h.session(r)
	if !ok || len(h.keys) == 0 {
		return
	}
	options, ceremony, err := h.p.BeginStepUp(h.t.Context(), in)
	if err != nil {
		return
	}
	e, err := h.p.FinishStepUp(h.t.Context(), in, ceremony, h.keys[r.IntN(len(h.keys))].get(h.t, options))
	h.prove(r, token, e, err)
}

func (h *thief) setPassword(r *rand.Rand) {
	in, _, ok := h.session(r)
	if !ok {
		return
	}
	text := []string{"wet yellow lamp 7 stairs", "qw8#kLp2z"}[r.IntN(2)]
	if h.s.SetPassword(h.t.Context(), in, text) == nil {
		h.password = text
	}
}

func (h *thief) usePassword(r *rand.Rand) {
	if h.password == "" {
		return
	}
	b := h.browser(r)
	if in, token, ok := h.session(r); ok && r.IntN(2) == 0 {
		e, err := h.s.StepPassword(h.t.Context(), in, b, h.password, h.now())
		h.prove(r, token, e, err)
		return
	}
	e, err := h.s.Password(h.t.Context(), b, h.reads[r.IntN(len(h.reads))], h.password)
	h.enter(r, e, err)
}

// now returns the digits of the thief's app.
func (h *thief) now() string {
	if h.secret == "" {
		return "123456"
	}
	code, err := totp.GenerateCode(h.secret, h.c.at)
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

func (h *thief) addApp(r *rand.Rand) {
	in, token, ok := h.session(r)
	if !ok {
		return
	}
	app, err := h.s.NewTOTP(h.t.Context(), in, "Riverside")
	if err != nil {
		return
	}
	h.secret = app.Secret
	h.got(h.s.ConfirmTOTP(h.t.Context(), in, token, h.browser(r), h.now()))
}

func (h *thief) digits(r *rand.Rand) {
	if in, token, ok := h.session(r); ok {
		h.c.add(30 * time.Second)
		e, err := h.s.StepTOTP(h.t.Context(), in, h.browser(r), h.now())
		h.prove(r, token, e, err)
	}
}

func (h *thief) makeSheet(r *rand.Rand) {
	if in, _, ok := h.session(r); ok {
		if code, err := h.s.MakeSheet(h.t.Context(), in); err == nil {
			h.sheet = code.QR
		}
	}
}

func (h *thief) useSheet(r *rand.Rand) {
	if h.sheet != "" {
		e, err := h.s.Sheet(h.t.Context(), h.sheet)
		h.enter(r, e, err)
	}
}

func (h *thief) move(r *rand.Rand) {
	in, _, ok := h.session(r)
	if !ok {
		return
	}
	id, send, err := h.s.BeginMove(h.t.Context(), in, "thief@example.org")
	if err == nil {
		_, _ = h.s.FinishMove(h.t.Context(), in, id, send.Code)
	}
}

func (h *thief) remove(r *rand.Rand) {
	in, _, ok := h.session(r)
	if !ok {
		return
	}
	list, err := h.s.Passkeys(h.t.Context(), h.victim.ID)
	if err == nil && len(list) > 0 {
		_ = h.s.RemovePasskey(h.t.Context(), in, list[r.IntN(len(list))].ID)
	}
	_ = h.s.RemoveTOTP(h.t.Context(), in)
	if r.IntN(2) == 0 {
		_ = h.s.RemovePassword(h.t.Context(), in)
	}
}

func (h *thief) forget(r *rand.Rand) {
	in, _, ok := h.session(r)
	if !ok {
		return
	}
	list, err := h.s.Devices(h.t.Context(), h.victim.ID)
	if err == nil && len(list) > 0 {
		_ = h.s.ForgetDevice(h.t.Context(), in, list[r.IntN(len(list))].ID)
	}
}

func (h *thief) skip(r *rand.Rand) {
	if in, token, ok := h.session(r); ok {
		h.got(h.s.Skip(h.t.Context(), in, token, h.browser(r)))
	}
}

func (h *thief) wait(r *rand.Rand) {
	h.c.add([]time.Duration{time.Minute, 20 * time.Minute, 7 * time.Hour, 80 * time.Hour, 40 * 24 * time.Hour}[r.IntN(5)])
	_, _ = h.s.Sweep(h.t.Context())
}

// furthest returns the furthest zone of all the thief's sessions.
func (h *thief) furthest() access.Zone {
	most := access.NoZone
	for _, token := range h.tokens {
		if a, _, err := h.s.Actor(h.t.Context(), token); err == nil {
			most = max(most, a.Proof.Zone)
		}
	}
	return most
}

// victims are those a thief may be after, and how far the thief may ever get.
var victims = []struct {
	name  string
	who   account.Account
	key   bool // has a passkey
	known bool // signed in by a code before, on a device of their own
	most  access.Zone
}{
	{name: "a patient with nothing", who: account.Account{Kind: access.Patient, Name: "Ada", Patient: "ada", Email: "ada@example.org", Phone: "+13125550142"}, most: access.PortalZone},
	{name: "a patient with a device", who: account.Account{Kind: access.Patient, Name: "Ada", Patient: "ada", Email: "ada@example.org", Phone: "+13125550142"}, known: true, most: access.PortalZone},
	{name: "a patient with a passkey", who: account.Account{Kind: access.Patient, Name: "Ada", Patient: "ada", Email: "ada@example.org", Phone: "+13125550142"}, key: true, most: access.PortalZone},
	{name: "a nurse without anything", who: nurse, most: access.NoZone},
	{name: "a nurse with a passkey", who: nurse, key: true, most: access.NoZone},
}

// From texts and letters alone no way leads to what is sensitive, whatever is
// tried in whatever order and however long: for staff it leads nowhere, for
// patients to the portal at most.
func TestNoWayFromCodesAlone(t *testing.T) {
	runs := 6
	if deep() {
		runs = 400
	}
	for _, v := range victims {
		t.Run(v.name, func(t *testing.T) {
			d := haletest.SQLite(t)
			for seed := range runs {
				h := newThief(t, d, v.who, uint64(seed))
				if v.key {
					if err := register(t, h.s, h.p, h.victim.ID, newAuthenticator(t)); err != nil {
						t.Fatal(err)
					}
				}
				h.run(rand.New(rand.NewPCG(uint64(seed), 7)), 120, v.most)
				forgetAll(t, d)
			}
		})
	}
}

func newThief(t *testing.T, d *db.DB, who account.Account, seed uint64) *thief {
	c := newClock()
	s := newStore(d, c)
	who.ID = fmt.Sprintf("victim%d", seed)
	h := &thief{t: t, s: s, p: newPasskeys(t, s), c: c, victim: add(t, s, who)}
	for _, a := range []string{who.Email, who.Phone} {
		if a != "" {
			h.reads = append(h.reads, a)
		}
	}
	return h
}

func (h *thief) run(r *rand.Rand, n int, most access.Zone) {
	h.t.Helper()
	var names []string
	for name := range steps {
		names = append(names, name)
	}
	slices.Sort(names)
	for range n {
		name := names[r.IntN(len(names))]
		if r.IntN(3) == 0 {
			name = "code"
		}
		h.path = append(h.path, name)
		steps[name](h, r)
		if got := h.furthest(); got > most {
			h.t.Fatalf("a thief of texts and letters reached zone %d, want at most %d, by %v", got, most, h.path)
		}
	}
}

// A thief of the telephone number alone does not get into the portal of
// somebody who signs in by passkey, or from a device of their own, before the
// hold is over; its owner is told at once and can take it back.
func TestStolenNumberStaysLow(t *testing.T) {
	for _, key := range []bool{true, false} {
		t.Run(fmt.Sprintf("passkey=%t", key), func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				h := newThief(t, d, victims[0].who, 1)
				h.reads = h.reads[1:]
				if key {
					if err := register(t, h.s, h.p, h.victim.ID, newAuthenticator(t)); err != nil {
						t.Fatal(err)
					}
				} else if got := byCode(t, h.s, "ada@example.org", account.Browser{}); got.Zone != access.PortalZone {
					t.Fatalf("the first device's zone = %d, want the portal", got.Zone)
				}
				r := rand.New(rand.NewPCG(3, 4))
				for _, name := range []string{"code", "second", "add passkey", "use passkey", "password", "use it", "app", "digits", "sheet", "move", "code"} {
					steps[name](h, r)
					h.c.add(time.Minute)
				}
				if got := h.furthest(); got != access.LinkZone {
					t.Errorf("a stolen number's zone = %d, want %d", got, access.LinkZone)
				}
			})
		})
	}
}

func byCode(t *testing.T, s *account.Store, address string, b account.Browser) account.Entered {
	t.Helper()
	challenge, code := start(t, s, address)
	e, err := s.FinishCode(t.Context(), challenge, code)
	if err != nil {
		t.Fatal(err)
	}
	in, err := s.Enter(t.Context(), e, b)
	if err != nil {
		t.Fatal(err)
	}
	return in
}
