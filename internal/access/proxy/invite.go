package proxy

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/phone"
	"hale/internal/base/seal"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// Invite asks somebody to help.
type Invite struct {
	Helper  string // their name
	Address string // an e-mail address or a phone number
	Limits
	Basis     access.Basis // staff only; patients ask for themselves
	Paper     string       // staff only: the document they saw
	PaperNote string
	Confirm   bool // staff only: the patient is asked, too
}

// Sent is an invitation on its way. The link goes to the helper's address;
// the code is told to them by whoever invited them, so that neither a wrong
// number nor a read mailbox is enough.
type Sent struct {
	Proxy
	Token string // the last part of the link
	Code  string // six digits
	Lang  string
}

// Invite makes an invitation to help the patient whom pass opens.
func (s *Store) Invite(ctx context.Context, pass access.Pass, in Invite) (Sent, error) {
	patient, err := pass.Open(access.ManageProxies)
	if err != nil {
		return Sent{}, err
	}
	p, err := s.draft(pass.Actor(), patient, in)
	if err != nil {
		return Sent{}, err
	}
	out := Sent{Proxy: p}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		n, err := db.One(ctx, tx, db.Value[int64], `select count(*) from proxy where patient = $1 and address = $2 and state in ('invited', 'joined', 'active') and (state = 'active' or made_at > $3) and until_at > $4`,
			patient, p.Address, s.now().Add(-InviteLife).UnixMicro(), s.now().UnixMicro())
		if err != nil {
			return err
		}
		if n > 0 {
			return errThere
		}
		if err := s.insert(ctx, tx, p); err != nil {
			return err
		}
		if out.Token, out.Code, err = s.invitation(ctx, tx, p.ID); err != nil {
			return err
		}
		return s.note(ctx, tx, pass.Actor(), "proxy.invite", p, "")
	})
	if err != nil {
		return Sent{}, fmt.Errorf("proxy: invite for %s: %w", patient, err)
	}
	return out, nil
}

// draft makes the proxy of an invitation, or says what is wrong with it.
func (s *Store) draft(by access.Actor, patient string, in Invite) (Proxy, error) {
	now := s.now()
	l, err := in.Limits.check(now)
	if err != nil {
		return Proxy{}, err
	}
	p := Proxy{ID: s.ids.New(), Patient: patient, State: Invited, Helper: clip(strings.Join(strings.Fields(in.Helper), " "), 80), Basis: access.ByPatient,
		Limits: l, AskedKind: by.Kind, AskedBy: by.ID, Made: now}
	if p.Helper == "" {
		return p, errName
	}
	if p.Kind, p.Address = address(in.Address); p.Kind == "" {
		return p, errAddress
	}
	if by.Kind != access.Staff {
		return p, nil
	}
	p.Basis, p.PaperNote, p.Confirm = cmp.Or(in.Basis, access.ByPatient), clip(in.PaperNote, 500), in.Confirm
	if p.Basis == access.ByPatient {
		p.Confirm = true // the patient's own wish is heard from the patient
		return p, nil
	}
	if !slices.Contains(Papers, in.Paper) || !slices.Contains([]access.Basis{access.AsParent, access.AsGuardian, access.ByProxy}, p.Basis) {
		return p, errPaper
	}
	p.Paper, p.Review = in.Paper, now.Add(reviewIn)
	return p, nil
}

// address reads what somebody typed: the kind and the value as accounts keep
// it, or nothing.
func address(text string) (kind, value string) {
	text = strings.TrimSpace(text)
	if local, host, ok := strings.Cut(text, "@"); ok {
		bad := strings.ContainsAny(text, " \t\r\n<>,;:\"()[]\\") || strings.Contains(host, "@")
		if local == "" || !strings.Contains(host, ".") || bad || len(text) > 254 || strings.HasPrefix(host, ".") || strings.HasSuffix(host, ".") {
			return "", ""
		}
		return "email", strings.ToLower(text)
	}
	n, err := phone.Parse(text, "US")
	if err != nil {
		return "", ""
	}
	return "sms", string(n)
}

func (s *Store) insert(ctx context.Context, tx *db.Tx, p Proxy) error {
	const q = `
		insert into proxy (id, patient, account, state, helper, kind, address, basis, paper, paper_note, actions, categories, labels,
			asked_kind, asked_by, confirm, made_at, joined_at, active_at, until_at, review_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18, $19, $20)`
	confirm := 0
	if p.Confirm {
		confirm = 1
	}
	_, err := tx.ExecContext(ctx, q, p.ID, p.Patient, p.Account, string(p.State), p.Helper, p.Kind, p.Address, string(p.Basis), p.Paper, p.PaperNote,
		joined(p.Actions), joined(p.Categories), int64(p.Labels), string(p.AskedKind), p.AskedBy, confirm, p.Made.UnixMicro(), db.Micro(p.Since), p.Until.UnixMicro(), db.Micro(p.Review))
	return err
}

// invitation makes a new link and a new code; those before work no more.
func (s *Store) invitation(ctx context.Context, tx *db.Tx, id string) (token, code string, err error) {
	token = seal.Token(24)
	code = s.code(seal.Hash(token))
	if _, err := tx.ExecContext(ctx, `delete from proxy_invite where proxy = $1`, id); err != nil {
		return "", "", err
	}
	const q = `insert into proxy_invite (hash, proxy, expires_at) values ($1, $2, $3)`
	_, err = tx.ExecContext(ctx, q, seal.Hash(token), id, s.now().Add(InviteLife).UnixMicro())
	return token, code, err
}

// code is what goes with the link of that hash: six digits that only the key
// can tell, so that whoever invited can be shown them again.
func (s *Store) code(hash string) string {
	n, _ := strconv.ParseUint(s.key.Hash("invite " + hash)[:15], 16, 64)
	return fmt.Sprintf("%06d", n%1_000_000)
}

// Code returns the code of an invitation that waits, for whoever tells it to
// the helper; empty where none waits.
func (s *Store) Code(ctx context.Context, pass access.Pass, id string) (string, error) {
	patient, err := pass.Open(access.SeeProxies)
	if err != nil {
		return "", err
	}
	const q = `
		select i.hash from proxy_invite i join proxy p on p.id = i.proxy
		where p.id = $1 and p.patient = $2 and p.state = 'invited' and i.expires_at > $3 and i.tries < $4 and i.device = ''`
	hash, err := db.One(ctx, s.db, db.Value[string], q, id, patient, s.now().UnixMicro(), Tries)
	if errors.Is(err, db.ErrNone) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("proxy: code of %s: %w", id, err)
	}
	return s.code(hash), nil
}

// Again makes a new link and code for an invitation that waits.
func (s *Store) Again(ctx context.Context, pass access.Pass, id string) (Sent, error) {
	patient, err := pass.Open(access.ManageProxies)
	if err != nil {
		return Sent{}, err
	}
	var out Sent
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		p, err := s.get(ctx, tx, patient, id)
		if err != nil {
			return err
		}
		if p.State != Invited && p.State != Expired {
			return errLate
		}
		p.State, p.Made = Invited, s.now()
		if _, err := tx.ExecContext(ctx, `update proxy set state = 'invited', made_at = $2 where id = $1`, id, p.Made.UnixMicro()); err != nil {
			return err
		}
		out.Proxy = p
		if out.Token, out.Code, err = s.invitation(ctx, tx, id); err != nil {
			return err
		}
		return s.note(ctx, tx, pass.Actor(), "proxy.invite", p, "")
	})
	if err != nil {
		return Sent{}, fmt.Errorf("proxy: invite again %s: %w", id, err)
	}
	return out, nil
}

// invited is an invitation that a link leads to.
type invited struct {
	Proxy
	device string
	tries  int
}

// find returns the invitation behind a link. What does not work looks the
// same whatever the reason.
func (s *Store) find(ctx context.Context, c db.Conn, token string) (invited, error) {
	const q = `
		select i.device, i.tries, ` + columns + `
		from proxy_invite i join proxy p on p.id = i.proxy
		where i.hash = $1 and i.expires_at > $2 and p.state in ('invited', 'joined')`
	got, err := db.One(ctx, c, func(scan db.Scan) (v invited, err error) {
		v.Proxy, err = read(func(dest ...any) error { return scan(append([]any{&v.device, &v.tries}, dest...)...) })
		return v, err
	}, q, seal.Hash(token), s.now().UnixMicro())
	if errors.Is(err, db.ErrNone) {
		return got, errNoLink
	}
	if err != nil {
		return got, fmt.Errorf("proxy: link: %w", err)
	}
	if got.tries >= Tries && got.device == "" {
		return got, errNoLink
	}
	return got, nil
}

// Asked says whether a link works, and no more: it is looked at by whoever
// has it.
func (s *Store) Asked(ctx context.Context, token string) error {
	_, err := s.find(ctx, s.db, token)
	return err
}

// Prove takes the code that goes with a link. It returns what the browser
// keeps, which opens the invitation for an hour. Whoever the invitation went
// to has an account from then on to sign in to.
func (s *Store) Prove(ctx context.Context, token, code string) (device string, err error) {
	var v invited
	right := false
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if v, err = s.find(ctx, tx, token); err != nil {
			return err
		}
		if v.tries >= Tries {
			return errNoLink
		}
		hash := seal.Hash(token)
		right = subtle.ConstantTimeCompare([]byte(s.code(hash)), []byte(digits(code))) == 1
		if !right {
			if _, err := tx.ExecContext(ctx, `update proxy_invite set tries = tries + 1 where hash = $1`, hash); err != nil {
				return err
			}
			if err := s.doubt(ctx, tx, v); err != nil {
				return err
			}
			return s.note(ctx, tx, access.Actor{Kind: access.Link, ID: v.ID}, "proxy.code.wrong", v.Proxy, "")
		}
		device = seal.Token(24)
		if _, err := tx.ExecContext(ctx, `update proxy_invite set device = $2 where hash = $1`, hash, s.stamp(device)); err != nil {
			return err
		}
		return s.enrol(ctx, tx, v.Proxy)
	})
	if err != nil {
		return "", fmt.Errorf("proxy: prove: %w", err)
	}
	if !right {
		return "", errCode
	}
	return device, nil
}

// doubt tells whoever invited, once, that wrong codes come with the link.
func (s *Store) doubt(ctx context.Context, tx *db.Tx, v invited) error {
	if v.tries+1 != wrongTold || v.AskedBy == "" {
		return nil
	}
	return s.notices.Tell(ctx, tx, []Notice{{Account: v.AskedBy, What: ToldWrong, Patient: v.Patient, Name: v.Helper}})
}

// stamp is what is kept of a browser's token: its hash and until when it is
// good.
func (s *Store) stamp(device string) string {
	return seal.Hash(device) + " " + s.now().Add(deviceLife).UTC().Format(time.RFC3339)
}

// enrol makes an account at the invited address, unless somebody has one.
func (s *Store) enrol(ctx context.Context, tx *db.Tx, p Proxy) error {
	const q = `select count(*) from account where (email = $1 or phone = $1) and status = 'active' and kind <> 'staff'`
	n, err := db.One(ctx, tx, db.Value[int64], q, p.Address)
	if err != nil || n > 0 {
		return err
	}
	const known = `select count(*) from contact_point where value = $1 and status not in ('wrong_person', 'gone')`
	if n, err = db.One(ctx, tx, db.Value[int64], known, p.Address); err != nil || n > 0 {
		return err // a patient on record, who signs in as that
	}
	email, phone := p.Address, ""
	if p.Kind == "sms" {
		email, phone = "", p.Address
	}
	const add = `insert into account (id, kind, name, email, phone, created_at) values ($1, 'proxy', $2, $3, $4, $5)`
	_, err = tx.ExecContext(ctx, add, s.ids.New(), p.Helper, email, phone, s.now().UnixMicro())
	return err
}

func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}

// Offer is what an invited person says yes or no to.
type Offer struct {
	Proxy
	Name string // of the patient
}

// Offered returns the offer to a browser that gave the code. It names the
// patient, so the log keeps who looked.
func (s *Store) Offered(ctx context.Context, token, device string, by access.Actor) (Offer, error) {
	v, err := s.proved(ctx, s.db, token, device)
	if err != nil {
		return Offer{}, err
	}
	name, err := db.One(ctx, s.db, db.Value[string], `select full_name from person where id = $1`, v.Patient)
	if err != nil {
		return Offer{}, fmt.Errorf("proxy: offered %s: %w", v.ID, err)
	}
	if by.ID == "" {
		by.Kind, by.ID = access.Link, v.ID
	}
	row := audit.Row{ActorKind: string(by.Kind), Actor: by.ID, Action: "proxy.offer", Patient: v.Patient, About: "proxy/" + v.ID, Granted: true, Session: by.Session, Request: by.Request}
	if err := s.log.Add(ctx, row); err != nil {
		return Offer{}, fmt.Errorf("proxy: offered %s: %w", v.ID, err)
	}
	return Offer{Proxy: v.Proxy, Name: name}, nil
}

// proved returns the invitation if the browser gave its code.
func (s *Store) proved(ctx context.Context, c db.Conn, token, device string) (invited, error) {
	v, err := s.find(ctx, c, token)
	if err != nil {
		return v, err
	}
	hash, until, _ := strings.Cut(v.device, " ")
	if end, err := time.Parse(time.RFC3339, until); device == "" || err != nil || hash != seal.Hash(device) || !s.now().Before(end) {
		return v, errCode
	}
	return v, nil
}

// Join says yes as a. It is in force at once, or once the patient says yes.
func (s *Store) Join(ctx context.Context, token, device string, a access.Actor) (Proxy, error) {
	var p Proxy
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		v, err := s.proved(ctx, tx, token, device)
		if err != nil {
			return err
		}
		p = v.Proxy
		switch {
		case a.ID == "" || a.Kind == access.Staff:
			return errPrivate
		case a.Patient == p.Patient:
			return errOwn
		}
		if err := s.unblocked(ctx, tx, p.Patient, a.ID); err != nil {
			return err
		}
		p.Account, p.State = a.ID, Active
		if p.Confirm {
			p.State = Joined
		}
		return s.join(ctx, tx, a, p)
	})
	if err != nil {
		return p, fmt.Errorf("proxy: join: %w", err)
	}
	s.changed()
	return p, nil
}

// join writes that a said yes. An account that was for its own record alone
// is a helper's from now on.
func (s *Store) join(ctx context.Context, tx *db.Tx, a access.Actor, p Proxy) error {
	now := s.now()
	if _, err := tx.ExecContext(ctx, `update account set kind = 'proxy' where id = $1 and kind = 'patient'`, a.ID); err != nil {
		return err
	}
	const older = `update proxy set state = 'ended', ended_at = $4, ended_kind = 'system', ended_why = 'replaced'
		where patient = $1 and account = $2 and id <> $3 and state in ('joined', 'active')`
	if _, err := tx.ExecContext(ctx, older, p.Patient, a.ID, p.ID, now.UnixMicro()); err != nil {
		return err
	}
	active := int64(0)
	if p.State == Active {
		active = now.UnixMicro()
	}
	const q = `update proxy set account = $2, state = $3, joined_at = $4, active_at = $5 where id = $1`
	if _, err := tx.ExecContext(ctx, q, p.ID, p.Account, string(p.State), now.UnixMicro(), active); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `delete from proxy_invite where proxy = $1`, p.ID); err != nil {
		return err
	}
	what := ToldWaiting
	if p.State == Active {
		what = ToldGranted
		if err := s.force(ctx, tx, p); err != nil {
			return err
		}
	}
	if err := s.tell(ctx, tx, p, what, time.Time{}); err != nil {
		return err
	}
	return s.note(ctx, tx, a, "proxy.join", p, "")
}

// Refuse says no to an invitation.
func (s *Store) Refuse(ctx context.Context, token, device string) error {
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		v, err := s.proved(ctx, tx, token, device)
		if err != nil {
			return err
		}
		return s.endIn(ctx, tx, access.Actor{Kind: access.Link, ID: v.ID}, v.Proxy, Declined, "")
	})
	if err != nil {
		return fmt.Errorf("proxy: refuse: %w", err)
	}
	return nil
}

// Confirm is the patient's yes to a helper whom the office set up.
func (s *Store) Confirm(ctx context.Context, pass access.Pass, id string) error {
	patient, err := pass.Open(access.ManageProxies)
	if err != nil {
		return err
	}
	var p Proxy
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if p, err = s.get(ctx, tx, patient, id); err != nil {
			return err
		}
		if p.State != Joined || pass.Actor().Kind == access.Staff {
			return errLate
		}
		if err := s.unblocked(ctx, tx, p.Patient, p.Account); err != nil {
			return err
		}
		p.State, p.Since = Active, s.now()
		if _, err := tx.ExecContext(ctx, `update proxy set state = 'active', active_at = $2 where id = $1`, id, p.Since.UnixMicro()); err != nil {
			return err
		}
		if err := s.force(ctx, tx, p); err != nil {
			return err
		}
		if err := s.tell(ctx, tx, p, ToldGranted, time.Time{}); err != nil {
			return err
		}
		return s.note(ctx, tx, pass.Actor(), "proxy.confirm", p, "")
	})
	if err != nil {
		return fmt.Errorf("proxy: confirm %s: %w", id, err)
	}
	s.changed()
	return nil
}

// unblocked refuses whom a court or the office keeps out.
func (s *Store) unblocked(ctx context.Context, tx *db.Tx, patient, account string) error {
	n, err := db.One(ctx, tx, db.Value[int64], `select count(*) from proxy_block where patient = $1 and account = $2`, patient, account)
	if err != nil {
		return err
	}
	if n > 0 {
		return errBlocked
	}
	return nil
}
