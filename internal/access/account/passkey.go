package account

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// Passkey is one passkey of an account, as its owner sees it.
type Passkey struct {
	ID            string
	Name          string // the device it was made on
	Created, Used time.Time
}

// Passkeys runs the two ceremonies for one site. Every passkey can be found
// without a name being typed, and the device must verify its user.
type Passkeys struct {
	store *Store
	rp    *webauthn.WebAuthn
}

// NewPasskeys returns the ceremonies for the site called name at origin, as
// in https://portal.example.org. A site reached by a bare IP address cannot
// have passkeys: for it they are nil.
func NewPasskeys(s *Store, name, origin string) (*Passkeys, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" {
		return nil, errs.New(errs.Invalid, "The site's address must be like https://portal.example.org.").Because(err)
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return nil, nil
	}
	rp, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: name, RPOrigins: []string{u.Scheme + "://" + u.Host},
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
		AttestationPreference:             protocol.PreferNoAttestation, // which device it is, is not our business
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("account: passkeys: %w", err)
	}
	return &Passkeys{store: s, rp: rp}, nil
}

// owner is an account as the ceremonies see it.
type owner struct {
	account     Account
	credentials []webauthn.Credential
}

// WebAuthnID returns the user handle.
func (o owner) WebAuthnID() []byte { return []byte(o.account.ID) }

// WebAuthnName returns what the device lists the passkey under.
func (o owner) WebAuthnName() string { return o.account.Name }

// WebAuthnDisplayName returns the same.
func (o owner) WebAuthnDisplayName() string { return o.account.Name }

// WebAuthnCredentials returns the account's passkeys.
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.credentials }

// BeginPasskey starts adding a passkey to the account. Options is JSON for
// the browser, ceremony for its cookie.
func (p *Passkeys) BeginPasskey(ctx context.Context, account string) (options []byte, ceremony string, err error) {
	o, err := p.store.owner(ctx, account)
	if err != nil {
		return nil, "", err
	}
	creation, session, err := p.rp.BeginRegistration(o, webauthn.WithExclusions(webauthn.Credentials(o.credentials).CredentialDescriptors()))
	if err != nil {
		return nil, "", fmt.Errorf("account: begin passkey of %s: %w", account, err)
	}
	return p.store.begin(ctx, account, creation, session)
}

// FinishPasskey adds the passkey that the browser made.
func (p *Passkeys) FinishPasskey(ctx context.Context, account, ceremony, userAgent string, answer []byte) error {
	session, err := p.store.finish(ctx, account, ceremony)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return errPasskey.Because(err)
	}
	o, err := p.store.owner(ctx, account)
	if err != nil {
		return err
	}
	credential, err := p.rp.CreateCredential(o, session, parsed)
	if err != nil {
		return errPasskey.Because(err)
	}
	text, err := json.Marshal(credential)
	if err != nil {
		return fmt.Errorf("account: finish passkey of %s: %w", account, err)
	}
	const q = `
		insert into account_passkey (id, account, name, credential, created_at, used_at)
		values ($1, $2, $3, $4, $5, $5) on conflict (id) do nothing`
	added, err := p.store.change(ctx, account, PasskeyAdded, q, key(credential.ID), account, Device(userAgent), string(text), p.store.now().UnixMicro())
	if err == nil && !added {
		err = errPasskey
	}
	return err
}

// BeginLogin starts signing in with whatever passkey the device offers.
func (p *Passkeys) BeginLogin(ctx context.Context) (options []byte, ceremony string, err error) {
	if ip := from(ctx); ip != "" {
		ok, err := p.store.use(ctx, p.store.db, keyNetwork, ip)
		if err != nil {
			return nil, "", err
		}
		if !ok {
			return nil, "", errTooMany
		}
	}
	assertion, session, err := p.rp.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, "", fmt.Errorf("account: begin login: %w", err)
	}
	return p.store.begin(ctx, "", assertion, session)
}

// FinishLogin returns the account whose passkey answered.
func (p *Passkeys) FinishLogin(ctx context.Context, ceremony string, answer []byte) (Account, error) {
	session, err := p.store.finish(ctx, "", ceremony)
	if err != nil {
		return Account{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Account{}, errPasskey.Because(err)
	}
	var aimed []Account
	find := func(_, handle []byte) (webauthn.User, error) {
		o, err := p.store.owner(ctx, string(handle))
		if err == nil {
			aimed = append(aimed, o.account)
		}
		return o, err
	}
	user, credential, err := p.rp.ValidatePasskeyLogin(find, session, parsed)
	if err != nil || credential.Authenticator.CloneWarning {
		if err := p.store.refused(ctx, aimed); err != nil {
			return Account{}, err
		}
		return Account{}, errPasskey.Because(err)
	}
	a := user.(owner).account
	text, err := json.Marshal(credential)
	if err != nil {
		return Account{}, fmt.Errorf("account: finish login of %s: %w", a.ID, err)
	}
	const q = `update account_passkey set credential = $3, used_at = $4 where id = $1 and account = $2`
	n, err := db.Changed(p.store.db.ExecContext(ctx, q, key(credential.ID), a.ID, string(text), p.store.now().UnixMicro()))
	if err != nil {
		return Account{}, fmt.Errorf("account: finish login of %s: %w", a.ID, err)
	}
	if n == 0 { // taken away while it answered
		return Account{}, errPasskey
	}
	return a, nil
}

// Passkeys returns the account's passkeys, oldest first.
func (s *Store) Passkeys(ctx context.Context, account string) ([]Passkey, error) {
	const q = `select id, name, created_at, used_at from account_passkey where account = $1 order by created_at, id`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (p Passkey, err error) {
		var created, used int64
		err = scan(&p.ID, &p.Name, &created, &used)
		p.Created, p.Used = when(created), when(used)
		return p, err
	}, q, account)
	if err != nil {
		return nil, fmt.Errorf("account: passkeys of %s: %w", account, err)
	}
	return list, nil
}

// RemovePasskey takes one of the account's passkeys away.
func (s *Store) RemovePasskey(ctx context.Context, account, id string) error {
	removed, err := s.change(ctx, account, PasskeyRemoved, `delete from account_passkey where id = $1 and account = $2`, id, account)
	if err == nil && !removed {
		err = errNotYours
	}
	return err
}

// owner returns the active account with its credentials.
func (s *Store) owner(ctx context.Context, account string) (owner, error) {
	a, err := s.Get(ctx, account)
	if err != nil {
		return owner{}, err
	}
	texts, err := db.All(ctx, s.db, db.Value[string], `select credential from account_passkey where account = $1 order by id`, account)
	if err != nil {
		return owner{}, fmt.Errorf("account: passkeys of %s: %w", account, err)
	}
	o := owner{account: a}
	for _, t := range texts {
		var c webauthn.Credential
		if err := json.Unmarshal([]byte(t), &c); err != nil {
			return owner{}, fmt.Errorf("account: passkeys of %s: %w", account, err)
		}
		o.credentials = append(o.credentials, c)
	}
	return o, nil
}

// begin keeps a ceremony's state and returns its options as JSON.
func (s *Store) begin(ctx context.Context, account string, options any, session *webauthn.SessionData) ([]byte, string, error) {
	text, err := json.Marshal(options)
	if err != nil {
		return nil, "", fmt.Errorf("account: begin ceremony: %w", err)
	}
	data, err := json.Marshal(session)
	if err != nil {
		return nil, "", fmt.Errorf("account: begin ceremony: %w", err)
	}
	token, now := seal.Token(32), s.now()
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `delete from account_ceremony where expires_at < $1`, now.UnixMicro()); err != nil {
			return err
		}
		const q = `insert into account_ceremony (id, account, data, expires_at) values ($1, $2, $3, $4)`
		_, err := tx.ExecContext(ctx, q, seal.Hash(token), account, string(data), now.Add(ceremonyLife).UnixMicro())
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("account: begin ceremony: %w", err)
	}
	return text, token, nil
}

// finish takes a ceremony's state away and returns it: it counts once.
func (s *Store) finish(ctx context.Context, account, ceremony string) (webauthn.SessionData, error) {
	var session webauthn.SessionData
	var data string
	err := s.db.Tx(ctx, func(tx *db.Tx) (err error) {
		const q = `delete from account_ceremony where id = $1 and account = $2 and expires_at > $3 returning data`
		data, err = db.One(ctx, tx, db.Value[string], q, seal.Hash(ceremony), account, s.now().UnixMicro())
		return err
	})
	if errors.Is(err, db.ErrNone) {
		return session, errPasskey
	}
	if err != nil {
		return session, fmt.Errorf("account: finish ceremony: %w", err)
	}
	if err := json.Unmarshal([]byte(data), &session); err != nil {
		return session, fmt.Errorf("account: finish ceremony: %w", err)
	}
	return session, nil
}

func key(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }
