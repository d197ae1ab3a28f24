package share

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/care/disclosure"
	"hale/internal/care/summary"
	"hale/internal/standard/shlink"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// Config is what a Store is made of.
type Config struct {
	DB        *db.DB
	IDs       *ids.Source
	Now       func() time.Time
	Key       seal.Key // of keyed hashes
	Ring      *keys.Ring
	Doors     *access.Doors
	Summaries *summary.Store
	Ledger    *disclosure.Store
	Base      string // where links lead, https://host

	// Still says whether an account may still take the record of a patient
	// away: what it handed out ends with that. Nil: for ever.
	Still func(ctx context.Context, account, patient string) (bool, error)
}

// Store keeps links.
type Store struct {
	Config
	key seal.Key
}

// NewStore returns a store made of c.
func NewStore(c Config) *Store { return &Store{c, c.Key.For("share")} }

// Make makes a link to the record of the patient whom pass opens for
// ExportRecord.
func (s *Store) Make(ctx context.Context, pass access.Pass, n New) (string, error) {
	patient, err := pass.Open(access.ExportRecord)
	if err != nil {
		return "", err
	}
	if pass.Actor().Patient != patient { // a caregiver's link holds what they see now, and for a short time
		n.Live, n.Days = false, min(n.Days, 7)
	}
	if err := n.check(); err != nil {
		return "", err
	}
	now, id, token := s.Now(), s.IDs.New(), seal.Token(tokenSize)
	link, secret := n.flags(), Secret{}
	link.URL, link.Label, link.Expires = s.Base+"/shl/"+token, n.Label, now.AddDate(0, 0, n.Days)
	_, _ = rand.Read(link.Key[:]) // never fails
	if err := link.Valid(); err != nil {
		return "", fmt.Errorf("share: make: %w", err)
	}
	secret.Link = link.String()
	hash, tries := "", 0
	if n.Code {
		secret.Code, tries = code(), Tries
		hash = s.key.Hash(id + secret.Code)
	}
	body, err := n.file(link.Key)
	if err != nil {
		return "", err
	}
	text, _ := json.Marshal(secret) // two strings
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		count, err := db.One(ctx, tx, db.Value[int], `select count(*) from share where patient = $1 and ended_at = 0 and until_at > $2`, patient, now.UnixMicro())
		if err != nil {
			return err
		}
		if count >= alive {
			return errMany
		}
		sealed, err := s.Ring.Seal(ctx, tx, keys.Secrets, "share", "sealed", id, text)
		if err != nil {
			return err
		}
		const q = `
			insert into share (id, hash, patient, account, maker, label, flags, sealed, body, passcode, tries, from_at, to_at, made_at, until_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`
		by := pass.Actor()
		if _, err := tx.ExecContext(ctx, q, id, seal.Hash(token), patient, by.ID, by.Name, n.Label, link.Flags(), sealed, body, hash, tries,
			db.Micro(n.Window.From), db.Micro(n.Window.To), now.UnixMicro(), link.Expires.UnixMicro()); err != nil {
			return err
		}
		return s.Ledger.Take(ctx, tx, by, disclosure.Taken{Patient: patient, Did: disclosure.Sent, Form: "link", What: Range(n.Window), Recipient: n.Label, Plainly: !n.Code})
	})
	if err != nil {
		return "", fmt.Errorf("share: make: %w", err)
	}
	return id, nil
}

// file writes what a link for once holds, encrypted.
func (n New) file(key [shlink.KeySize]byte) (string, error) {
	if n.Live {
		return "", nil
	}
	plain, err := n.Summary(uuid())
	if err != nil {
		return "", err
	}
	body, err := shlink.Seal(key, shlink.FHIR, plain)
	if err != nil {
		return "", fmt.Errorf("share: make: %w", err)
	}
	return body, nil
}

// Range writes a window as the ledger keeps it: days, apart by a slash; the
// last one is inside.
func Range(w summary.Window) string {
	if w.Whole() {
		return ""
	}
	from, to := "", ""
	if !w.From.IsZero() {
		from = w.From.Format(time.DateOnly)
	}
	if !w.To.IsZero() {
		to = w.To.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	return from + "/" + to
}

const columns = `
	s.id, s.patient, s.account, s.maker, s.label, s.flags, s.from_at, s.to_at, s.made_at, s.until_at, s.ended_at, s.tries,
	(select count(*) from share_opening o where o.share = s.id and o.opened = 1),
	(select coalesce(max(o.at), 0) from share_opening o where o.share = s.id and o.opened = 1)`

func scanShare(scan db.Scan) (s Share, err error) { return s, scan(s.dest()...) }

// dest is where the columns go; times are read through instants.
func (s *Share) dest() []any {
	return []any{&s.ID, &s.Patient, &s.Account, &s.Maker, &s.Label, &s.Flags, instant{&s.Window.From}, instant{&s.Window.To}, instant{&s.Made}, instant{&s.Until}, instant{&s.Ended}, &s.Tries, &s.Opened, instant{&s.Last}}
}

// instant reads microseconds into a time.
type instant struct{ t *time.Time }

// Scan takes a column's value.
func (i instant) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("share: a time is a %T", v)
	}
	*i.t = db.Time(n)
	return nil
}

// Of returns the links of the patient whom pass opens for ReadRecord, the
// newest first: a caregiver sees those of their own.
func (s *Store) Of(ctx context.Context, pass access.Pass) ([]Share, error) {
	patient, err := pass.Open(access.ReadRecord)
	if err != nil {
		return nil, err
	}
	const q = `select ` + columns + ` from share s where s.patient = $1 and (cast($2 as text) = '' or s.account = $2) order by s.made_at desc, s.id desc limit 100`
	list, err := db.All(ctx, s.DB, scanShare, q, patient, ownOnly(pass, patient))
	if err != nil {
		return nil, fmt.Errorf("share: of: %w", err)
	}
	return list, nil
}

// ownOnly is the account whose links alone pass shows; empty: all.
func ownOnly(pass access.Pass, patient string) string {
	if a := pass.Actor(); a.Patient != patient {
		return a.ID
	}
	return ""
}

// Get returns a link with its openings, and, while it works, what it is made
// of.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Share, Secret, []Opening, error) {
	patient, err := pass.Open(access.ReadRecord)
	if err != nil {
		return Share{}, Secret{}, nil, err
	}
	const q = `select ` + columns + `, s.sealed from share s where s.id = $1 and s.patient = $2 and (cast($3 as text) = '' or s.account = $3)`
	var sealed []byte
	one, err := db.One(ctx, s.DB, func(scan db.Scan) (one Share, err error) { return one, scan(append(one.dest(), &sealed)...) }, q, id, patient, ownOnly(pass, patient))
	if errors.Is(err, db.ErrNone) {
		return Share{}, Secret{}, nil, ErrGone
	}
	if err != nil {
		return Share{}, Secret{}, nil, fmt.Errorf("share: get: %w", err)
	}
	opened, err := db.All(ctx, s.DB, func(scan db.Scan) (o Opening, err error) {
		var yes int
		err = scan(instant{&o.At}, &o.Recipient, &yes)
		o.Opened = yes != 0
		return o, err
	}, `select at, recipient, opened from share_opening where share = $1 order by at desc, id desc limit 50`, id)
	if err != nil {
		return Share{}, Secret{}, nil, fmt.Errorf("share: get: %w", err)
	}
	var secret Secret
	if one.Works(s.Now()) {
		plain, err := s.Ring.Open(ctx, sealed, "share", "sealed", id)
		if err != nil {
			return Share{}, Secret{}, nil, fmt.Errorf("share: get: %w", err)
		}
		if err := json.Unmarshal(plain, &secret); err != nil {
			return Share{}, Secret{}, nil, fmt.Errorf("share: get: %w", err)
		}
	}
	return one, secret, opened, nil
}

// Stop ends a link at once; what was behind it is erased.
func (s *Store) Stop(ctx context.Context, pass access.Pass, id string) error {
	patient, err := pass.Open(access.ReadRecord)
	if err != nil {
		return err
	}
	const q = `update share set ended_at = $4, body = '' where id = $1 and patient = $2 and (cast($3 as text) = '' or account = $3) and ended_at = 0`
	n, err := db.Changed(s.DB.ExecContext(ctx, q, id, patient, ownOnly(pass, patient), s.Now().UnixMicro()))
	if err != nil {
		return fmt.Errorf("share: stop: %w", err)
	}
	if n == 0 {
		return ErrGone
	}
	return nil
}

// stored is a link as it is opened.
type stored struct {
	Share
	sealed         []byte
	body, passcode string
}

// find returns the link behind a token of an address.
func (s *Store) find(ctx context.Context, token string) (stored, error) {
	const q = `select ` + columns + `, s.sealed, s.body, s.passcode from share s where s.hash = $1`
	one, err := db.One(ctx, s.DB, func(scan db.Scan) (one stored, err error) {
		return one, scan(append(one.dest(), &one.sealed, &one.body, &one.passcode)...)
	}, q, seal.Hash(token))
	if errors.Is(err, db.ErrNone) || err == nil && !one.Works(s.Now()) {
		return one, ErrGone
	}
	if err != nil {
		return one, fmt.Errorf("share: find: %w", err)
	}
	if s.Still == nil {
		return one, nil
	}
	ok, err := s.Still(ctx, one.Account, one.Patient)
	if err != nil {
		return one, fmt.Errorf("share: find: %w", err)
	}
	if !ok {
		return one, ErrGone
	}
	return one, nil
}

// Open opens the link behind a token for a recipient, by POST; the maker
// sees that it happened. A wrong passcode is a WrongCode.
func (s *Store) Open(ctx context.Context, token string, ask shlink.Ask) (Opened, error) {
	one, err := s.find(ctx, token)
	if err != nil {
		return Opened{}, err
	}
	if one.Locked() {
		if err := s.try(ctx, one, ask); err != nil {
			return Opened{}, err
		}
	}
	return s.opened(ctx, one, ask.Recipient)
}

// Direct opens a link that is one file by GET.
func (s *Store) Direct(ctx context.Context, token, recipient string) (Opened, error) {
	one, err := s.find(ctx, token)
	if err != nil {
		return Opened{}, err
	}
	if !one.Share.Direct() {
		return Opened{}, ErrGone
	}
	return s.opened(ctx, one, recipient)
}

// try holds a passcode against the link's. Each try is taken before it is
// compared, so that many at once have no more than one by one.
func (s *Store) try(ctx context.Context, one stored, ask shlink.Ask) error {
	n, err := db.Changed(s.DB.ExecContext(ctx, `update share set tries = tries - 1 where id = $1 and tries > 0 and ended_at = 0`, one.ID))
	if err != nil {
		return fmt.Errorf("share: try: %w", err)
	}
	if n == 0 {
		return ErrGone
	}
	given := s.key.Hash(one.ID + strings.TrimSpace(ask.Passcode))
	if subtle.ConstantTimeCompare([]byte(given), []byte(one.passcode)) == 1 {
		if _, err := s.DB.ExecContext(ctx, `update share set tries = tries + 1 where id = $1`, one.ID); err != nil {
			return fmt.Errorf("share: try: %w", err)
		}
		return nil
	}
	if err := s.note(ctx, one, ask.Recipient, false); err != nil {
		return err
	}
	left, err := db.One(ctx, s.DB, db.Value[int], `select tries from share where id = $1`, one.ID)
	if err != nil {
		return fmt.Errorf("share: try: %w", err)
	}
	return WrongCode{Left: left}
}

// opened notes an opening and returns what is behind the link.
func (s *Store) opened(ctx context.Context, one stored, recipient string) (Opened, error) {
	if one.Opened >= openings {
		return Opened{}, ErrGone
	}
	out, err := s.file(ctx, one)
	if err != nil {
		return Opened{}, err
	}
	return out, s.note(ctx, one, recipient, true)
}

// file returns the encrypted file: that of the making, or a new one of now.
func (s *Store) file(ctx context.Context, one stored) (Opened, error) {
	out := Opened{Share: one.Share, JWE: one.body, Updated: one.Made}
	actor := access.LinkActor("share:"+one.ID, one.Patient, access.ReadRecord, access.ReadVisits)
	pass, err := s.Doors.Check(ctx, actor, access.ReadRecord, one.Patient) // and the look is in the audit log
	if err != nil || !one.Live() {
		return out, err
	}
	plain, err := s.Ring.Open(ctx, one.sealed, "share", "sealed", one.ID)
	if err != nil {
		return out, fmt.Errorf("share: open: %w", err)
	}
	var secret Secret
	if err := json.Unmarshal(plain, &secret); err != nil {
		return out, fmt.Errorf("share: open: %w", err)
	}
	link, err := shlink.Parse(secret.Link)
	if err != nil {
		return out, fmt.Errorf("share: open: %w", err)
	}
	c, err := s.Summaries.Gather(ctx, pass, one.Window, summary.IPSTypes...)
	if err != nil {
		return out, err
	}
	body, err := s.Summaries.IPS(c, uuid())
	if err != nil {
		return out, err
	}
	out.Updated = c.At
	out.JWE, err = shlink.Seal(link.Key, shlink.FHIR, body)
	return out, err
}

// note keeps that a link was opened, or that a passcode was wrong, for its
// maker.
func (s *Store) note(ctx context.Context, one stored, recipient string, opened bool) error {
	recipient = cmp.Or(clip(recipient), "not said")
	yes := 0
	if opened {
		yes = 1
	}
	err := s.DB.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `insert into share_opening (id, share, at, recipient, opened) values ($1, $2, $3, $4, $5)`, s.IDs.New(), one.ID, s.Now().UnixMicro(), recipient, yes); err != nil {
			return err
		}
		if !opened {
			return nil
		}
		by := access.LinkActor("share:"+one.ID, one.Patient)
		by.Name = recipient
		return s.Ledger.Take(ctx, tx, by, disclosure.Taken{Patient: one.Patient, Did: disclosure.OpenedBy, Form: "link", What: Range(one.Window), Recipient: recipient})
	})
	if err != nil {
		return fmt.Errorf("share: note: %w", err)
	}
	return nil
}

// clip bounds what somebody calls themselves.
func clip(text string) string {
	r := []rune(strings.TrimSpace(strings.ToValidUTF8(text, "")))
	return strings.ReplaceAll(string(r[:min(len(r), 100)]), "\x00", "")
}

// Ticket returns the name of the link's file in an address that is good for
// FileLife.
func (s *Store) Ticket(one Share) string {
	until := s.Now().Add(FileLife).Unix()
	return fmt.Sprintf("%d-%s", until, s.key.Hash(fmt.Sprintf("file %s %d", one.ID, until)))
}

// File returns the encrypted file at an address that Ticket named. It was
// counted when the address was given out.
func (s *Store) File(ctx context.Context, token, ticket string) (Opened, error) {
	one, err := s.find(ctx, token)
	if err != nil {
		return Opened{}, err
	}
	var until int64
	if _, err := fmt.Sscanf(ticket, "%d-", &until); err != nil {
		return Opened{}, ErrGone
	}
	want := fmt.Sprintf("%d-%s", until, s.key.Hash(fmt.Sprintf("file %s %d", one.ID, until)))
	if subtle.ConstantTimeCompare([]byte(want), []byte(ticket)) != 1 || s.Now().Unix() > until {
		return Opened{}, ErrGone
	}
	return s.file(ctx, one)
}
