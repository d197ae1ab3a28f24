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
	Synced        bool // kept by the maker of the phone on all its owner's devices
	Weak          bool // made when a code alone had opened the session: it opens the low-risk part only
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
	weak        []bool // of each
}

// WebAuthnID returns the user handle.
func (o owner) WebAuthnID() []byte { return []byte(o.account.ID) }

// WebAuthnName returns what the device lists the passkey under.
func (o owner) WebAuthnName() string { return o.account.Name }

// WebAuthnDisplayName returns the same.
func (o owner) WebAuthnDisplayName() string { return o.account.Name }

// WebAuthnCredentials returns the account's passkeys.
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.credentials }

// BeginPasskey starts adding a passkey to the session's account. Options is
// JSON for the browser, ceremony for its cookie.
func (p *Passkeys) BeginPasskey(ctx context.Context, in Session) (options []byte, ceremony string, err error) {
	weak, err := p.store.mayChange(ctx, in)
	if err != nil {
		return nil, "", err
	}
	o, err := p.store.owner(ctx, in.Account)
	if err != nil {
		return nil, "", err
	}
	var have webauthn.Credentials // a device with a weak passkey may make a strong one in its place
	for i, c := range o.credentials {
		if weak || !o.weak[i] {
			have = append(have, c)
		}
	}
	creation, session, err := p.rp.BeginRegistration(o, webauthn.WithExclusions(have.CredentialDescriptors()))
	if err != nil {
		return nil, "", fmt.Errorf("account: begin passkey of %s: %w", in.Account, err)
	}
	return p.store.begin(ctx, in.Account, creation, session)
}

// FinishPasskey adds the passkey that the browser made. Where the session
// wanted one before anything else, it goes on under the token returned;
// otherwise that is token itself.
func (p *Passkeys) FinishPasskey(ctx context.Context, in Session, token, ceremony string, b Browser, answer []byte) (Entered, error) {
	weak, err := p.store.mayChange(ctx, in)
	if err != nil {
		return Entered{}, err
	}
	session, err := p.store.finish(ctx, in.Account, ceremony)
	if err != nil {
		return Entered{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Entered{}, errPasskey.Because(err)
	}
	o, err := p.store.owner(ctx, in.Account)
	if err != nil {
		return Entered{}, err
	}
	credential, err := p.rp.CreateCredential(o, session, parsed)
	if err != nil {
		return Entered{}, errPasskey.Because(err)
	}
	if err := p.store.addPasskey(ctx, o.account, credential, b, weak); err != nil {
		return Entered{}, err
	}
	return p.store.goOn(ctx, in, token, b, Entry{Account: o.account, How: ByPasskey, weak: weak, made: p.store.now()})
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

// FinishLogin returns the entry of whose passkey answered.
func (p *Passkeys) FinishLogin(ctx context.Context, ceremony string, answer []byte) (Entry, error) {
	return p.answer(ctx, "", ceremony, answer)
}

// BeginStepUp starts proving the session's owner again, or giving it the
// passkey it wants, with one of the account's own.
func (p *Passkeys) BeginStepUp(ctx context.Context, in Session) (options []byte, ceremony string, err error) {
	o, err := p.store.owner(ctx, in.Account)
	if err != nil {
		return nil, "", err
	}
	if len(o.credentials) == 0 {
		return nil, "", errPasskey
	}
	assertion, session, err := p.rp.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired),
		webauthn.WithAllowedCredentials(webauthn.Credentials(o.credentials).CredentialDescriptors()))
	if err != nil {
		return nil, "", fmt.Errorf("account: begin step-up of %s: %w", in.Account, err)
	}
	return p.store.begin(ctx, in.Account, assertion, session)
}

// FinishStepUp returns the entry for StepUp.
func (p *Passkeys) FinishStepUp(ctx context.Context, in Session, ceremony string, answer []byte) (Entry, error) {
	return p.answer(ctx, in.Account, ceremony, answer)
}

// answer checks what a passkey answered to a ceremony of account, or of
// anybody. One that the device did not verify its user for is refused, and
// so is one whose counter went back.
func (p *Passkeys) answer(ctx context.Context, account, ceremony string, answer []byte) (Entry, error) {
	session, err := p.store.finish(ctx, account, ceremony)
	if err != nil {
		return Entry{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Entry{}, errPasskey.Because(err)
	}
	var aimed []Account
	find := func(_, handle []byte) (webauthn.User, error) {
		if account != "" && string(handle) != account {
			return nil, errNoOne
		}
		o, err := p.store.owner(ctx, string(handle))
		if err == nil {
			aimed = append(aimed, o.account)
		}
		return o, err
	}
	user, credential, err := p.rp.ValidatePasskeyLogin(find, session, parsed)
	if err != nil || credential.Authenticator.CloneWarning {
		if err := p.store.refused(ctx, aimed); err != nil {
			return Entry{}, err
		}
		return Entry{}, errPasskey.Because(err)
	}
	return p.store.usedPasskey(ctx, user.(owner).account, credential)
}

// owner returns the active account with its credentials.
func (s *Store) owner(ctx context.Context, account string) (owner, error) {
	a, err := s.Get(ctx, account)
	if err != nil {
		return owner{}, err
	}
	o := owner{account: a}
	const q = `select credential, weak from account_passkey where account = $1 order by id`
	_, err = db.All(ctx, s.db, func(scan db.Scan) (struct{}, error) {
		var text string
		var weak int64
		var c webauthn.Credential
		err := scan(&text, &weak)
		if err == nil {
			err = json.Unmarshal([]byte(text), &c)
		}
		o.credentials, o.weak = append(o.credentials, c), append(o.weak, weak != 0)
		return struct{}{}, err
	}, q, account)
	if err != nil {
		return owner{}, fmt.Errorf("account: passkeys of %s: %w", account, err)
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
