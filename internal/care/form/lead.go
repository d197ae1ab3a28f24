package form

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/standard/form"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// The codes of questions that say who somebody is.
const (
	askName  = "54125-0"
	askBorn  = "21112-8"
	askPhone = "42077-8"
	askMail  = "76458-9"
)

// Front is where strangers fill in forms. What they write opens no record: it
// waits, sealed, until somebody at the clinic has looked.
type Front struct {
	s   *Store
	key seal.Key
}

// Front returns the door for strangers. key hashes the networks they come
// from, to count what they send.
func (s *Store) Front(key seal.Key) *Front { return &Front{s, key.For("form")} }

// leadLife is how long a form that was begun waits to be sent.
const leadLife = 7 * 24 * time.Hour

// mostTyped is how many bytes a stranger's form may have.
const mostTyped = 64 << 10

// The refusals of the front.
var (
	errShut   = errs.New(errs.NotFound, "This form is not here any more. Please call us.")
	errLater  = errs.New(errs.TooMany, "We get many forms right now. Please try again in a few minutes, or call us.")
	errGone   = errs.New(errs.NotFound, "We no longer have this form. It is kept for 7 days. Please begin again, or call us.")
	errAgree  = errs.New(errs.Invalid, "Please say that you agree, so that we may read your form.")
	errReach  = errs.New(errs.Invalid, "Please give a phone number or an email address, so that we can answer.")
	errTooBig = errs.New(errs.Invalid, "That was too much to keep. Please send less at once.")
)

// Public is a form that strangers can fill in.
type Public struct {
	Version
	Use
	Terms Consent // what they agree to, in each language
}

// Form returns the form at a slug.
func (f *Front) Form(ctx context.Context, slug string) (Public, error) {
	const q = `select ` + columns + ` from form f join form_use u on u.url = f.url where u.slug = $1 and f.status = 'active' order by f.at desc, f.id limit 1`
	v, err := db.One(ctx, f.s.db, scan, q, slug)
	if errors.Is(err, db.ErrNone) || slug == "" {
		return Public{}, errShut
	}
	if err != nil {
		return Public{}, fmt.Errorf("form: public: %w", err)
	}
	u, err := db.One(ctx, f.s.db, scanUse, `select `+useColumns+` from form_use where slug = $1`, slug)
	if err != nil {
		return Public{}, fmt.Errorf("form: public: %w", err)
	}
	terms, err := consent(ctx, f.s.db, u)
	if err != nil {
		return Public{}, fmt.Errorf("form: public: %w", err)
	}
	return Public{v, u, terms}, nil
}

// take uses one of a bucket; it says whether there was one. most are there at
// once, and one more comes every step.
func (f *Front) take(ctx context.Context, tx *db.Tx, name, whom string, most int, step time.Duration) (bool, error) {
	now, bucket := f.s.now().UnixMicro(), name+":"+f.key.Hash(name + "/" + whom)[:32]
	const q = `insert into form_limit (bucket, full_at) values ($1, $2)
		on conflict (bucket) do update set full_at = case when form_limit.full_at > $3 then form_limit.full_at else $3 end + $4
		where form_limit.full_at <= $5`
	us := step.Microseconds()
	n, err := db.Changed(tx.ExecContext(ctx, q, bucket, now+us, now, us, now+us*int64(most-1)))
	return n == 1, err
}

// Begin begins a form for somebody at a network address who agrees to its
// terms, and returns the token by which they go on. The very words that they
// read are kept with it.
func (f *Front) Begin(ctx context.Context, slug, network string, agrees Agreed) (token string, err error) {
	p, err := f.Form(ctx, slug)
	if err != nil {
		return "", err
	}
	if !agrees.Yes {
		return "", errAgree
	}
	if agrees.Key != "" && agrees.Key != p.Terms.Key() {
		return "", errTerms
	}
	token = seal.Token(32)
	err = f.s.db.Tx(ctx, func(tx *db.Tx) error {
		for _, l := range [...]struct {
			name, whom string
			most       int
			step       time.Duration
		}{{"net", network, 10, 3 * time.Minute}, {"all", "", 300, 6 * time.Second}} {
			if ok, err := f.take(ctx, tx, l.name, l.whom, l.most, l.step); err != nil || !ok {
				if err == nil {
					err = errLater
				}
				return err
			}
		}
		id, now := f.s.ids.New(), f.s.now()
		sealed, err := f.seal(ctx, tx, id, nil)
		if err != nil {
			return err
		}
		return f.putLead(ctx, tx, p, id, seal.Hash(token), sealed, now, agrees.Lang)
	})
	if err != nil {
		return "", fmt.Errorf("form: begin lead: %w", err)
	}
	return token, nil
}

// putLead writes a lead down, with the version of the words that were agreed
// to.
func (f *Front) putLead(ctx context.Context, tx *db.Tx, p Public, id, hash string, sealed []byte, now time.Time, lang string) error {
	n, err := f.s.keepConsent(ctx, tx, p.Version.URL, p.Terms)
	if err != nil {
		return err
	}
	const put = `insert into form_lead (id, form, token_hash, sealed, state, begun_at, until_at, consent, consent_lang) values ($1, $2, $3, $4, 'begun', $5, $6, $7, $8)`
	_, err = tx.ExecContext(ctx, put, id, p.ID, hash, sealed, now.UnixMicro(), now.Add(leadLife).UnixMicro(), n, lang)
	return err
}

// written is what is sealed of a lead.
type written struct {
	Typed url.Values
	Sign  string
	Lang  string
}

func (f *Front) seal(ctx context.Context, tx *db.Tx, id string, w *written) ([]byte, error) {
	plain, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	if len(plain) > mostTyped {
		return nil, errTooBig
	}
	return f.s.ring.Seal(ctx, tx, keys.Messages, "form_lead", "sealed", id, plain)
}

// Begun is a stranger's form under way.
type Begun struct {
	ID    string
	Form  string
	Typed url.Values
	body  string
}

// Read returns the form itself.
func (b Begun) Read() (*form.Questionnaire, error) { return form.Parse([]byte(b.body)) }

// Open returns what somebody with a token has typed so far.
func (f *Front) Open(ctx context.Context, slug, token string) (Begun, error) {
	type row struct {
		Begun
		sealed []byte
	}
	const q = `select l.id, l.form, l.sealed, f.body from form_lead l join form f on f.id = l.form join form_use u on u.url = f.url
		where l.token_hash = $1 and u.slug = $2 and l.state = 'begun' and l.until_at > $3`
	r, err := db.One(ctx, f.s.db, func(scan db.Scan) (r row, err error) { return r, scan(&r.ID, &r.Form, &r.sealed, &r.body) },
		q, seal.Hash(token), slug, f.s.now().UnixMicro())
	if errors.Is(err, db.ErrNone) {
		return Begun{}, errGone
	}
	if err != nil {
		return Begun{}, fmt.Errorf("form: open lead: %w", err)
	}
	w, err := f.s.unseal(ctx, r.sealed, r.ID)
	if err != nil {
		return Begun{}, err
	}
	r.Typed = w.Typed
	return r.Begun, nil
}

func (s *Store) unseal(ctx context.Context, sealed []byte, id string) (w written, err error) {
	plain, err := s.ring.Open(ctx, sealed, "form_lead", "sealed", id)
	if err != nil {
		return w, fmt.Errorf("form: lead %s: %w", id, err)
	}
	var p *written
	if err := json.Unmarshal(plain, &p); err != nil {
		return w, fmt.Errorf("form: lead %s: %w", id, err)
	}
	if p != nil {
		w = *p
	}
	if w.Typed == nil {
		w.Typed = url.Values{}
	}
	return w, nil
}

// Keep keeps what somebody with a token has typed so far.
func (f *Front) Keep(ctx context.Context, b Begun, typed url.Values) error {
	return f.put(ctx, b, &written{Typed: typed}, "begun", false)
}

func (f *Front) put(ctx context.Context, b Begun, w *written, state string, alarm bool) error {
	err := f.s.db.Tx(ctx, func(tx *db.Tx) error {
		sealed, err := f.seal(ctx, tx, b.ID, w)
		if err != nil {
			return err
		}
		sent := int64(0)
		if state != "begun" {
			sent = f.s.now().UnixMicro()
		}
		n, err := db.Changed(tx.ExecContext(ctx, `update form_lead set sealed = $2, state = $3, sent_at = $4, alarm = $5 where id = $1 and state = 'begun'`, b.ID, sealed, state, sent, bit(alarm)))
		if err == nil && n == 0 {
			err = errGone
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("form: keep lead: %w", err)
	}
	return nil
}

// Send puts a stranger's form before the desk. The error of one that cannot
// be sent yet is an *Incomplete.
func (f *Front) Send(ctx context.Context, b Begun, in Sending) (alarm bool, err error) {
	q, err := b.Read()
	if err != nil {
		return false, fmt.Errorf("form: send lead: %w", err)
	}
	if err := Check(q, in.Typed); err != nil {
		return false, err
	}
	if in.Sign = strings.TrimSpace(in.Sign); q.Signed && (len([]rune(in.Sign)) < 2 || len(in.Sign) > 200) {
		return false, errSign
	}
	q = q.Unfold(in.Typed)
	answers := q.Read(in.Typed)
	if who := identity(q, answers); who.Phone == "" && who.Mail == "" {
		return false, errReach
	}
	alarm = len(q.Score(answers).Alarms) > 0
	return alarm, f.put(ctx, b, &written{in.Typed, in.Sign, in.Lang}, "new", alarm)
}

// Identity is who somebody says they are.
type Identity struct{ Name, Born, Phone, Mail string }

// identity reads who somebody says they are out of the answers.
func identity(q *form.Questionnaire, a form.Answers) Identity {
	asked := q.Asked(a)
	said := func(code string) string {
		text := ""
		q.Each(func(it *form.Item, _ int) bool {
			if it.HasCode(code) && asked[it.LinkID] && len(a[it.LinkID]) > 0 {
				text = a[it.LinkID][0].Text
			}
			return text == ""
		})
		return text
	}
	return Identity{Name: said(askName), Born: said(askBorn), Phone: said(askPhone), Mail: said(askMail)}
}

// identifies says whether a form asks who somebody is.
func identifies(q *form.Questionnaire) bool {
	has := func(code string, must bool) (found bool) {
		q.Each(func(it *form.Item, _ int) bool {
			found = found || it.HasCode(code) && it.Type.Asks() && !it.Hidden && !it.ReadOnly && (it.Required || !must)
			return !found
		})
		return found
	}
	return has(askName, true) && has(askBorn, true) && (has(askPhone, false) || has(askMail, false))
}

// Tidy forgets what strangers began and never sent, and old counts. It is a
// handler of the queue.
func (f *Front) Tidy(ctx context.Context, _ json.RawMessage) error {
	now := f.s.now().UnixMicro()
	err := f.s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `delete from form_lead where state = 'begun' and until_at <= $1`, now); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `delete from form_limit where full_at <= $1`, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("form: tidy: %w", err)
	}
	return nil
}
