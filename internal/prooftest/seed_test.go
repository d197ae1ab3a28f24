package prooftest

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"time"

	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// seeds are what stands about the subject in the world beside the record:
// one of each that a route can name.
type seeds struct {
	join, cancel, invite string // tokens
	device               string // of the browser that gave the code of join
}

// colleague is a member of the staff who does not ask, and is asked about.
const colleague = "account-colleague"

// seed writes one of everything that a route can name, with words of its own
// in it. The times are around now.
func seed(ctx context.Context, tx *db.Tx, now time.Time, message, outreach string) (seeds, error) {
	s := seeds{join: seal.Token(24), cancel: seal.Token(24), invite: seal.Token(24), device: seal.Token(24)}
	at := strings.NewReplacer(
		"@now", micros(now), "@before", micros(now.AddDate(0, 0, -2)), "@soon", micros(now.Add(time.Hour)), "@later", micros(now.AddDate(0, 1, 0)),
		"@message", message, "@outreach", outreach, "@colleague", colleague,
		"@join", seal.Hash(s.join), "@cancel", seal.Hash(s.cancel), "@invite", seal.Hash(s.invite), "@device", seal.Hash(s.device)+" "+now.Add(time.Hour).Format(time.RFC3339),
	)
	for q := range strings.SplitSeq(strings.TrimSpace(sown), "\n\n") {
		if _, err := tx.ExecContext(ctx, at.Replace(q)); err != nil {
			return s, err
		}
	}
	return s, nil
}

func micros(t time.Time) string { return strconv.FormatInt(t.UnixMicro(), 10) }

// sown is what seed writes, apart by empty lines.
const sown = `
insert into account (id, kind, status, name, email, roles, created_at) values ('@colleague', 'staff', 'active', 'Colleague', 'colleague@hale.example', 'nurse', @before)

insert into account_session (id, token_hash, account, created_at, seen_at, expires_at) values ('session-1', 'none', 'account-patient', @now, @now, @soon)

insert into account_passkey (id, account, name, credential, weak, created_at, used_at) values ('passkey-1', 'account-patient', 'CanaryDeviceWord', '{}', 0, @before, @before)

insert into account_device (hash, account, agent, known_at, created_at, seen_at) values ('device-1', 'account-patient', 'CanaryDeviceWord', @before, @before, @before)

insert into account_move (id, account, kind, value, old, hash, state, created_at, due_at) values ('move-1', 'account-patient', 'email', 'CanaryAddressWord@post.example', '', 'none', 'open', @now, @soon),
	('move-2', 'account-patient', 'email', 'CanaryAddressWord@mail.example', '', 'none', 'waiting', @now, @soon)

insert into account_cancel (hash, account, what, ref, expires_at) values ('@cancel', 'account-patient', 'weak', '0', @later)

insert into account_invite (hash, account, made_by, created_at, expires_at) values ('@invite', '@colleague', 'account-admin', @now, @later)

insert into account_identity (iss, sub, account, created_at, used_at) values ('https://id.example', 'colleague', '@colleague', @before, @before)

insert into account_assist (id, account, staff, proof, reason, created_at, expires_at) values ('assist-1', 'account-patient', '@colleague', 'passport', 'CanaryAssistWord', @now, @soon)

insert into proxy (id, patient, account, state, helper, kind, address, basis, actions, categories, asked_kind, asked_by, confirm, made_at, until_at)
	values ('proxy-1', 'ada', 'account-proxy', 'active', 'CanaryHelperWord', 'email', 'helper@post.example', 'patient', 'see book write', 'visits messages results medicines conditions documents bills', 'patient', 'account-patient', 0, @before, @later),
		('proxy-2', 'ada', 'account-elsewhere', 'joined', 'CanaryHelperWord', 'email', 'second@post.example', 'poa', 'see', 'visits', 'staff', '@colleague', 1, @before, @later),
		('proxy-3', 'ada', '', 'invited', 'CanaryHelperWord', 'email', 'third@post.example', 'patient', 'see', 'visits', 'patient', 'account-patient', 0, @before, @later)

update account_grant set proxy = 'proxy-1' where account = 'account-proxy'

insert into proxy_invite (hash, proxy, device, expires_at) values ('@join', 'proxy-3', '@device', @later)

insert into proxy_block (patient, account, reason, set_by, set_at) values ('ada', 'account-blocked', 'CanaryHelperWord', '@colleague', @before)

insert into privacy_request (id, patient, kind, state, about, body, asked_kind, asked_by, asked_name, asked_at, due_at)
	values ('request-1', 'ada', 'restrict', 'open', '', '{"Against":"staff","Name":"CanaryRequestWord"}', 'patient', 'account-patient', 'Ada', @before, @later),
		('request-2', 'ada', 'restrict', 'granted', '', '{"Against":"plan","Name":"CanaryRequestWord"}', 'patient', 'account-patient', 'Ada', @before, @later)

insert into privacy_step (request, n, at, actor_kind, actor, name, what, note) values ('request-1', 1, @before, 'patient', 'account-patient', 'Ada', 'ask', 'CanaryRequestWord')

insert into restriction (id, request, patient, kind, target, name, what, made_at) values ('restriction-1', 'request-2', 'ada', 'plan', 'canary plan', 'CanaryRequestWord', 'Tell that plan nothing', @before)

insert into disclosure (id, patient, at, recipient, address, what, purpose, basis, origin, actor, noted_at)
	values ('disclosure-1', 'ada', @before, 'CanaryDisclosureWord', '1 Court Street', 'A letter', 'CanaryDisclosureWord', 'subpoena', 'desk', 'account-privacy', @before)

insert into emergency (id, account, patient, code, reason, opened_at, until_at, closed_at)
	values ('emergency-1', '@colleague', 'ada', 'unconscious', 'CanaryEmergencyWord', @before, @before, @before),
		('emergency-2', 'account-nurse', 'ada', 'unconscious', 'CanaryEmergencyWord', @now, @soon, 0)

insert into snoop_finding (id, account, patient, day, score, signs, looks, first_at, last_at, found_at) values ('finding-1', '@colleague', 'ada', '2026-02-28', 80, 'family', 3, @before, @before, @before)

insert into release_hold (id, patient, typ, resource, sort, rule, basis, reason, set_by, set_at, final_at, until_at, most_at, early, tell)
	values ('hold-1', 'ada', 'Observation', 'ada-held', 'laboratory', 'clinician', '45 CFR 171.201', 'CanaryHoldWord', '@colleague', @before, @before, @later, @later, 1, 1)

insert into shield (patient, typ, id, held_until, hold) values ('ada', 'Observation', 'ada-held', @later, 'clinician')

insert into upload (document, patient, account, at, bytes) values ('ada-letter', 'ada', 'account-patient', @before, 18)

insert into message_event (id, message, kind, at, received_at, actor_class, dedupe) values ('event-call', '@message', 'call_wanted', @now, @now, 'human', 'event-call')

insert into intent (id, outreach, patient, dedupe, purpose, assignment, assignment_p, decided_at, expires_at, state, decision)
	values ('intent-1', '@outreach', 'ada', 'intent-1', 'care', 'treat', 0, @before, @later, 'active', '{}')
`

// named are the ids that stand in an address after its first part that
// matches; what is not here is asked for with the subject's id.
var named = []struct {
	path *regexp.Regexp
	id   func(w *world) string
}{
	{regexp.MustCompile(`/join/`), func(w *world) string { return w.seeds.join }},
	{regexp.MustCompile(`/signin/cancel/`), func(w *world) string { return w.seeds.cancel }},
	{regexp.MustCompile(`/signin/invite/`), func(w *world) string { return w.seeds.invite }},
	{regexp.MustCompile(`/looks/file/`), is("looks.csv")},
	{regexp.MustCompile(`/privacy/new/`), is("restrict")},
	{regexp.MustCompile(`/restrictions/`), is("restriction-1")},
	{regexp.MustCompile(`/(requests|privacy|corrections)/`), is("request-1")},
	{regexp.MustCompile(`/holds/`), is("hold-1")},
	{regexp.MustCompile(`/letters/`), is("ada-letter")},
	{regexp.MustCompile(`/people/.*/confirm|/desk/proxies/.*/(again|review)`), is("proxy-2")},
	{regexp.MustCompile(`/people/.*/again`), is("proxy-3")},
	{regexp.MustCompile(`/(people|desk/proxies)/`), is("proxy-1")},
	{regexp.MustCompile(`/reviews/emergency/`), is("emergency-1")},
	{regexp.MustCompile(`/reviews/looks/`), is("finding-1")},
	{regexp.MustCompile(`/desk/disclosures/`), is("disclosure-1")},
	{regexp.MustCompile(`/desk/assists/`), is("assist-1")},
	{regexp.MustCompile(`/desk/users/`), is(colleague)},
	{regexp.MustCompile(`/desk/todo/`), is("call")},
	{regexp.MustCompile(`/settings/passkey/`), is("passkey-1")},
	{regexp.MustCompile(`/settings/address/.*/cancel`), is("move-2")},
	{regexp.MustCompile(`/settings/address/`), is("move-1")},
	{regexp.MustCompile(`/results/`), is("ada-a1c")},
	{regexp.MustCompile(`/documents/`), is("ada-doc")},
	{regexp.MustCompile(`/visits/`), is("ada-visit")},
	{regexp.MustCompile(`/inbox/`), func(w *world) string { return w.msg }},
	{regexp.MustCompile(`/outreach/`), func(w *world) string { return w.outreach }},
	{regexp.MustCompile(`/book/`), is("follow-up")},
	{regexp.MustCompile(`/(m|u)/`), func(w *world) string { return w.link }},
}

func is(id string) func(*world) string { return func(*world) string { return id } }

var wildcard = regexp.MustCompile(`\{([a-z]+)(\.\.\.)?\}`)

// fill puts the subject's ids into a pattern's wildcards.
func (w *world) fill(path string) string {
	path = strings.ReplaceAll(path, "{$}", "")
	return wildcard.ReplaceAllStringFunc(path, func(name string) string {
		before := path[:strings.Index(path, name)]
		if name == "{patient}" || name == "{who}" || strings.HasSuffix(before, "/patients/") {
			return subject
		}
		if strings.HasSuffix(before, "/thanks/") {
			return "call"
		}
		for _, n := range named {
			if at := n.path.FindStringIndex(path); at != nil && at[0] < len(before) {
				return n.id(w)
			}
		}
		return subject
	})
}
