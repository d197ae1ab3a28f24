package share

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/summary"
	"hale/internal/standard/shlink"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// Reader opens links of other systems, and of this one.
type Reader struct {
	store  *Store
	client *http.Client // guarded against addresses that are not public
}

// NewReader returns a reader that asks other servers through client.
func NewReader(s *Store, client *http.Client) *Reader { return &Reader{s, client} }

// The refusals.
var (
	errLink     = errs.New(errs.Invalid, "That is not a health link. It begins with shlink:/ or has it after a #.")
	errCode     = errs.New(errs.Invalid, "This link asks for a code. Please write the code that you were given.")
	errElse     = errs.New(errs.Unavailable, "We could not reach the place that the link leads to. Please try again later.")
	errUnread   = errs.New(errs.Invalid, "We could not read what is behind this link.")
	errNothing  = errs.New(errs.Invalid, "There is no health summary behind this link that we can read.")
	errTooLarge = errs.New(errs.Invalid, "What is behind this link is too large for us.")
)

// maxRead is how many bytes one link may lead to in all, unpacked.
const maxRead = 24 << 20

// Found is what a link led to.
type Found struct {
	Label string
	Files [][]byte // FHIR resources, mostly one bundle
}

// Read follows a link: it asks for what is behind it, as recipient, and
// opens it with the key in the link.
func (r *Reader) Read(ctx context.Context, text, passcode, recipient string) (Found, error) {
	link, err := shlink.Parse(text)
	if err != nil {
		return Found{}, errLink.Because(err)
	}
	if link.Locked && strings.TrimSpace(passcode) == "" {
		return Found{}, errCode
	}
	files, err := r.ask(ctx, link, shlink.Ask{Recipient: cmp.Or(clip(recipient), "Hale"), Passcode: strings.TrimSpace(passcode)})
	if err != nil {
		return Found{}, err
	}
	found, size := Found{Label: link.Label}, 0
	for _, f := range files {
		jwe := f.Embedded
		if jwe == "" {
			if jwe, err = r.get(ctx, f.Location); err != nil {
				return Found{}, err
			}
		}
		typ, plain, err := shlink.Open(link.Key, jwe)
		if err != nil {
			return Found{}, errUnread.Because(err)
		}
		if size += len(plain); size > maxRead {
			return Found{}, errTooLarge
		}
		if typ = cmp.Or(typ, f.ContentType); strings.HasPrefix(typ, shlink.FHIR) || strings.HasPrefix(typ, "application/json") {
			found.Files = append(found.Files, plain)
		}
	}
	if len(found.Files) == 0 {
		return Found{}, errNothing
	}
	return found, nil
}

// ask returns the files behind a link. One of this very server is opened
// without asking over the network.
func (r *Reader) ask(ctx context.Context, link shlink.Link, ask shlink.Ask) ([]shlink.File, error) {
	if token, ok := strings.CutPrefix(link.URL, r.store.Base+"/shl/"); ok {
		return r.own(ctx, link, token, ask)
	}
	if r.client == nil {
		return nil, errElse
	}
	if link.Direct {
		u, err := url.Parse(link.URL)
		if err != nil {
			return nil, errLink.Because(err)
		}
		q := u.Query()
		q.Set("recipient", ask.Recipient)
		u.RawQuery = q.Encode()
		jwe, err := r.get(ctx, u.String())
		return []shlink.File{{ContentType: shlink.FHIR, Embedded: jwe}}, err
	}
	body, _ := json.Marshal(ask) // strings
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, link.URL, bytes.NewReader(body))
	if err != nil {
		return nil, errLink.Because(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	answer, err := r.do(req)
	if err != nil {
		return nil, err
	}
	m, err := shlink.ReadManifest(answer)
	if err != nil {
		return nil, errUnread.Because(err)
	}
	return m.Files, nil
}

// own opens a link of this server.
func (r *Reader) own(ctx context.Context, link shlink.Link, token string, ask shlink.Ask) ([]shlink.File, error) {
	var o Opened
	var err error
	if link.Direct {
		o, err = r.store.Direct(ctx, token, ask.Recipient)
	} else {
		o, err = r.store.Open(ctx, token, ask)
	}
	if wrong, ok := errors.AsType[WrongCode](err); ok {
		return nil, wrong.say()
	}
	if err != nil {
		return nil, err
	}
	return []shlink.File{{ContentType: shlink.FHIR, Embedded: o.JWE}}, nil
}

// say tells a person that the code was wrong.
func (w WrongCode) say() error {
	if w.Left <= 0 {
		return ErrGone.Because(w)
	}
	return errs.New(errs.Invalid, "That code is not right. After a few wrong ones the link stops for good.").Because(w)
}

// get fetches an encrypted file.
func (r *Reader) get(ctx context.Context, address string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", errLink.Because(err)
	}
	req.Header.Set("Accept", "application/jose")
	body, err := r.do(req)
	return string(body), err
}

// do sends a request and says in plain words what went wrong.
func (r *Reader) do(req *http.Request) ([]byte, error) {
	if r.client == nil {
		return nil, errElse
	}
	res, err := r.client.Do(req)
	if err != nil {
		return nil, errElse.Because(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body) // the client bounds it
	if err != nil {
		return nil, errTooLarge.Because(err)
	}
	switch res.StatusCode {
	case http.StatusOK:
		return body, nil
	case http.StatusUnauthorized:
		var left struct {
			N int `json:"remainingAttempts"`
		}
		_ = json.Unmarshal(body, &left) // what it does not say counts as none
		return nil, WrongCode{Left: left.N}.say()
	case http.StatusNotFound, http.StatusGone:
		return nil, ErrGone
	case http.StatusTooManyRequests:
		return nil, errElse
	}
	return nil, errElse.Because(fmt.Errorf("share: the server answers %d", res.StatusCode))
}

// keepFor is how long what was brought waits for a word.
const keepFor = time.Hour

// brought is what is sealed of it.
type brought struct {
	Label string            `json:"label"`
	Files []json.RawMessage `json:"files"`
}

// Keep keeps what was found, sealed, until its reader has looked at it. It
// takes a pass for SendMessages.
func (r *Reader) Keep(ctx context.Context, pass access.Pass, f Found) (string, error) {
	patient, err := pass.Open(access.SendMessages)
	if err != nil {
		return "", err
	}
	b := brought{Label: f.Label}
	for _, file := range f.Files {
		if !json.Valid(file) {
			return "", errUnread
		}
		b.Files = append(b.Files, file)
	}
	text, err := json.Marshal(b)
	if err != nil {
		return "", fmt.Errorf("share: keep: %w", err)
	}
	id, now := r.store.IDs.New(), r.store.Now()
	err = r.store.DB.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `delete from brought where until_at < $1 or account = $2`, now.UnixMicro(), pass.Actor().ID); err != nil {
			return err
		}
		sealed, err := r.store.Ring.Seal(ctx, tx, keys.Secrets, "brought", "sealed", id, text)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `insert into brought (id, patient, account, sealed, made_at, until_at) values ($1, $2, $3, $4, $5, $6)`,
			id, patient, pass.Actor().ID, sealed, now.UnixMicro(), now.Add(keepFor).UnixMicro())
		return err
	})
	if err != nil {
		return "", fmt.Errorf("share: keep: %w", err)
	}
	return id, nil
}

// errOver says that it waited too long.
var errOver = errs.New(errs.NotFound, "This is not here any more. Please put the link in again.")

// Kept returns what was brought and kept under id by the same account.
func (r *Reader) Kept(ctx context.Context, pass access.Pass, id string) (Found, summary.Content, error) {
	patient, err := pass.Open(access.SendMessages)
	if err != nil {
		return Found{}, summary.Content{}, err
	}
	const q = `select sealed from brought where id = $1 and patient = $2 and account = $3 and until_at > $4`
	sealed, err := db.One(ctx, r.store.DB, db.Value[[]byte], q, id, patient, pass.Actor().ID, r.store.Now().UnixMicro())
	if errors.Is(err, db.ErrNone) {
		return Found{}, summary.Content{}, errOver
	}
	if err != nil {
		return Found{}, summary.Content{}, fmt.Errorf("share: kept: %w", err)
	}
	text, err := r.store.Ring.Open(ctx, sealed, "brought", "sealed", id)
	if err != nil {
		return Found{}, summary.Content{}, fmt.Errorf("share: kept: %w", err)
	}
	var b brought
	if err := json.Unmarshal(text, &b); err != nil {
		return Found{}, summary.Content{}, fmt.Errorf("share: kept: %w", err)
	}
	f := Found{Label: b.Label}
	for _, file := range b.Files {
		f.Files = append(f.Files, file)
	}
	c, err := f.Content()
	return f, c, err
}

// Content reads what was found, for a page.
func (f Found) Content() (summary.Content, error) {
	c, err := summary.Foreign(f.Files...)
	if err != nil {
		return c, errUnread.Because(err)
	}
	return c, nil
}

// Drop forgets what was brought.
func (r *Reader) Drop(ctx context.Context, pass access.Pass, id string) error {
	patient, err := pass.Open(access.SendMessages)
	if err != nil {
		return err
	}
	if _, err := r.store.DB.ExecContext(ctx, `delete from brought where id = $1 and patient = $2 and account = $3`, id, patient, pass.Actor().ID); err != nil {
		return fmt.Errorf("share: drop: %w", err)
	}
	return nil
}
