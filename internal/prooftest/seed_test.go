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
	join, cancel, invite string            // tokens
	device               string            // of the browser that gave the code of join
	share                string            // the token of a link to a summary
	ask, answered        string            // the tokens of two questions of an app
	apps                 map[string]string // the access tokens of the apps among the actors, by name
}

// colleague is a member of the staff who does not ask, and is asked about.
const colleague = "account-colleague"

// seed writes one of everything that a route can name, with words of its own
// in it. The times are around now.
func seed(ctx context.Context, tx *db.Tx, now time.Time, message, outreach string) (seeds, error) {
	s := seeds{join: seal.Token(24), cancel: seal.Token(24), invite: seal.Token(24), device: seal.Token(24), share: seal.Token(32),
		ask: seal.Token(32), answered: seal.Token(32), apps: map[string]string{"app": seal.Token(32), "otherapp": seal.Token(32), "backend": seal.Token(32)}}
	at := strings.NewReplacer(
		"@now", micros(now), "@before", micros(now.AddDate(0, 0, -2)), "@soon", micros(now.Add(time.Hour)), "@later", micros(now.AddDate(0, 1, 0)),
		"@message", message, "@outreach", outreach, "@colleague", colleague,
		"@join", seal.Hash(s.join), "@cancel", seal.Hash(s.cancel), "@invite", seal.Hash(s.invite), "@share", seal.Hash(s.share),
		"@ask", seal.Hash(s.ask), "@answered", seal.Hash(s.answered), "@app", seal.Hash(s.apps["app"]), "@otherapp", seal.Hash(s.apps["otherapp"]), "@backend", seal.Hash(s.apps["backend"]), "@device", seal.Hash(s.device)+" "+now.Add(time.Hour).Format(time.RFC3339),
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

insert into form (id, url, version, title, status, body, at, stored) values ('form-1', 'https://hale.example/fhir/Questionnaire/form-1', '1', 'CanaryFormWord', 'active',
	'{"resourceType":"Questionnaire","id":"form-1","status":"active","title":"CanaryFormWord","item":[{"linkId":"1","type":"group","text":"One","item":[{"linkId":"1.1","type":"string","text":"CanaryFormWord"}]}]}', @before, 1)

insert into form_ask (id, patient, form, asked_by, asked_at, state) values ('form-ask-1', 'ada', 'form-1', '@colleague', @before, 'open')

insert into account_passkey (id, account, name, credential, weak, created_at, used_at) values ('passkey-1', 'account-patient', 'CanaryDeviceWord', '{}', 0, @before, @before)

insert into account_device (hash, account, agent, known_at, created_at, seen_at) values ('device-1', 'account-patient', 'CanaryDeviceWord', @before, @before, @before)

insert into account_move (id, account, kind, value, old, hash, state, created_at, due_at) values ('move-1', 'account-patient', 'email', 'CanaryAddressWord@post.example', '', 'none', 'open', @now, @soon),
	('move-2', 'account-patient', 'email', 'CanaryAddressWord@mail.example', '', 'none', 'waiting', @now, @soon)

insert into dialog (id, patient, channel, contact, state, unread, heard_at, waiting_at, due_at, last_at, made_at) values ('dialog-1', 'ada', 'sms', '', 'open', 1, @before, @before, @soon, @before, @before)

insert into mail_in (id, digest, at, size, route, state, sealed) values ('mail-1', 'none', @before, 10, 'bounce', 'unknown', 'sealed.file')

insert into communication (patient, id, thread, sent_at, side, name, via, reason, title, body, files, source, updated_at)
	values ('ada', 'thread-1', 'thread-1', @before, 'patient', '', 'portal', 'medicine', 'About a medicine', 'CanaryMessageBody', '', '', @before)

insert into translation (id, patient, typ, target, lang, asked_by, asked_at, due_at) values ('translation-1', 'ada', 'DiagnosticReport', 'ada-report', 'es', '@colleague', @before, @later)

insert into thread (id, patient, reason, state, heard_at, waiting_at, due_at, made_at, last_at) values ('thread-1', 'ada', 'medicine', 'open', @before, @before, @later, @before, @before)

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

insert into bill (id, patient, status, number, title, account, issued_at, due_at, currency, charged, insurance, adjusted, owed, issuer, entries, source, updated_at)
	values ('bill-1', 'ada', 'issued', 'N-1', 'CanaryBillWord', '', @before, @later, 'USD', 9000, 4000, 1000, 4000, '', '[{"t":"CanaryBillWord","c":9000}]', '', @before)

insert into checkout (id, patient, bill, plan, currency, cents, state, session, way, back, lang, by_kind, by, made_at, said, said_in)
	values ('checkout-1', 'ada', 'bill-1', '', 'USD', 500, 'unfit', 'cs-1', 'portal', '', 'en', 'patient', 'account-patient', @before, 400, 'USD')

insert into payment (id, bill, patient, kind, currency, cents, at, origin, number, note) values ('payment-1', 'bill-1', 'ada', 'cash', 'USD', 700, @before, 'desk/seed', 'R-1', 'CanaryBillWord')

insert into bill_plan (id, patient, state, currency, total, monthly, first_at, asked_at) values ('plan-1', 'ada', 'asked', 'USD', 3300, 2500, @later, @before)

insert into bill_plan_bill (plan, bill) values ('plan-1', 'bill-1')

insert into bill_part (plan, n, due_at, cents) values ('plan-1', 1, @later, 2500), ('plan-1', 2, @later, 800)

insert into emergency (id, account, patient, code, reason, opened_at, until_at, closed_at)
	values ('emergency-1', '@colleague', 'ada', 'unconscious', 'CanaryEmergencyWord', @before, @before, @before),
		('emergency-2', 'account-nurse', 'ada', 'unconscious', 'CanaryEmergencyWord', @now, @soon, 0)

insert into snoop_finding (id, account, patient, day, score, signs, looks, first_at, last_at, found_at) values ('finding-1', '@colleague', 'ada', '2026-02-28', 80, 'family', 3, @before, @before, @before)

insert into finding_kind (id, typ, severity, rule, place, say) values (7, 'Observation', 'error', 'min', 'Observation.status', 'Add status.')

insert into finding (kind, feed, resource) select 7, '', n from resource where typ = 'Observation' and id = 'ada-a1c'

insert into finding_count (kind, feed, labels, n) values (7, '', 0, 1)

insert into approval (id, subject, sum, content, state, asked_by, asked_name, asked_at)
	values ('approval-1', 'outreach/gone', 'x', 'Name: x', 'asked', '@colleague', 'C', @before)

insert into library (id, key, version, name, purpose, state, template, created_by, created_at)
	values ('text-1', 'text-1', 1, 'A text', 'care', 'draft', '{"sensitivity":2,"parts":[]}', '@colleague', @before)

insert into release_hold (id, patient, typ, resource, sort, rule, basis, reason, set_by, set_at, final_at, until_at, most_at, early, tell)
	values ('hold-1', 'ada', 'Observation', 'ada-held', 'laboratory', 'clinician', '45 CFR 171.201', 'CanaryHoldWord', '@colleague', @before, @before, @later, @later, 1, 1)

insert into shield (patient, typ, id, held_until, hold) values ('ada', 'Observation', 'ada-held', @later, 'clinician')

insert into upload (document, patient, account, at, bytes) values ('ada-letter', 'ada', 'account-patient', @before, 18)

insert into share (id, hash, patient, account, maker, label, flags, sealed, body, passcode, tries, made_at, until_at)
	values ('share-1', '@share', 'ada', 'account-patient', 'Ada', 'CanaryShareWord', 'U', '', 'sealed.file', '', 0, @before, @before)

insert into share_opening (id, share, at, recipient, opened) values ('opening-1', 'share-1', @before, 'CanaryShareWord', 1)

insert into taken (id, patient, at, action, form, what, recipient, actor_kind, actor, name) values ('taken-1', 'ada', @before, 'transmit', 'mail', '', 'CanaryShareWord', 'patient', 'account-patient', 'Ada')

insert into task (id, patient, kind, title, said, focus, status, team, owner, owner_name, asked_by, asked_at, due_at, changed_at, closed_at, reason, answer, detail)
	values ('asked-1', 'ada', 'message', 'CanaryTaskWord', 'CanaryTaskWord', '', 'received', 'the nurse team', '', '', '', @before, @later, @before, 0, '', '', '{}')

insert into task (id, patient, kind, title, said, focus, status, team, owner, owner_name, asked_by, asked_at, due_at, changed_at, closed_at, reason, answer, detail)
	values ('asked-2', 'ada', 'refill', 'CanaryTaskWord', 'CanaryTaskWord', 'MedicationRequest/ada-med', 'received', 'the nurse team', '', '', '', @before, @later, @before, 0, '', '', '{}')

insert into medicine_ask (task, patient, medicine, way, because, stage, pharmacy, pharmacy_name, request, asked_at, approved_at)
	values ('asked-2', 'ada', 'MedicationRequest/ada-med', 'refill', 'left', 'approved', '', 'CanaryTaskWord', 'ada-med', @before, @before)

insert into saved_reply (id, kind, title, words, changed_by, changed_at) values ('reply-1', '', 'A reply', 'Dear {first}, hello', '@colleague', @before)

insert into brought (id, patient, account, sealed, made_at, until_at) values ('brought-1', 'ada', 'account-patient', '', @now, @soon)

insert into reach_rule (id, kind, name, value, loosens, why, made_by, made_at) values ('rule-1', 'cap', 'cap_all', '9 hard', 1, 'more', 'account-nurse', @before)

insert into letter_batch (n, made_by, made_at) values (1, 'account-nurse', @before)

insert into letter (id, message, key, patient, outreach, purpose, state, batch, n, created_at) values ('letter-1', '@message', 'letter-key-1', 'ada', '@outreach', 'care', 'batched', 1, 1, @before)

insert into revocation (id, patient, channel, purpose, method, sure, received_at, honoured_at, due_at) values ('revocation-1', 'ada', 'sms', '*', 'sms_freetext', 0, @before, @before, @later)

insert into marketing_paper (id, patient, purpose, describes, paid, signed_by, signed_how, signed_at, until_at, made_by, made_at) values ('paper-1', 'ada', 'marketing', 'offers', 0, 'Ada', 'on paper', @before, @later, 'account-nurse', @before)

insert into message_event (id, message, kind, at, received_at, actor_class, dedupe) values ('event-call', '@message', 'call_wanted', @now, @now, 'human', 'event-call')

insert into bulk_export (id, client, name, actor, ask, request, state, at, made_at, expires_at)
	values ('export-1', 'reader', 'CanaryExportWord', '{}', '{"Level":"system","Types":["Patient"]}', '', 'done', @before, @before, @later)

insert into bulk_load (id, client, name, actor, source, request, state, made_at) values ('load-1', 'loader', 'CanaryExportWord', '{}', '', '', 'failed', @before)

insert into subscription (id, client, name, grant_id, actor, body, typ, state, channel, made_at, updated_at, since_seq)
	values ('subscription-1', 'reader', 'CanaryExportWord', 'none', '{}', '', 'Observation', 'off', 'websocket', @before, @before, 0)

insert into app_client (id, name, status, auth, redirects, launch, scopes, logo, created_at) values
	('app-1', 'Record reader', 'approved', 'none', 'https://app.example/back', 'https://app.example/launch', 'openid fhirUser launch/patient patient/*.rs', '', @before),
	('app-2', 'Record asker', 'waiting', 'client_secret_basic', 'https://asker.example/back', '', 'openid patient/*.rs', '', @before)

insert into app_client (id, name, status, auth, backend, scopes, logo, created_at) values ('app-3', 'Record machine', 'approved', 'private_key_jwt', 1, 'system/*.rs', '', @before)

insert into app_grant (id, client, account, patient, scopes, launch, keep, auth_at, created_at, used_at, until_at) values
	('grant-1', 'app-1', 'account-patient', 'ada', 'openid fhirUser launch/patient patient/*.rs', 'standalone', 'offline', @before, @before, @now, @later),
	('grant-2', 'app-1', 'account-other', 'cleo', 'openid fhirUser launch/patient patient/*.rs', 'standalone', 'offline', @before, @before, @now, @later),
	('app-3', 'app-3', '', '', 'system/*.rs', 'backend', '', 0, @before, @now, @later)

insert into app_token (hash, kind, app_grant, client, scopes, created_at, expires_at) values
	('@app', 'access', 'grant-1', 'app-1', 'openid fhirUser launch/patient patient/*.rs', @now, @soon),
	('@otherapp', 'access', 'grant-2', 'app-1', 'openid fhirUser launch/patient patient/*.rs', @now, @soon),
	('@backend', 'access', 'app-3', 'app-3', 'system/*.rs', @now, @soon)

insert into app_ask (id, client, redirect, scope, state, challenge, account, patient, app_grant, answer, expires_at) values
	('@ask', 'app-1', 'https://app.example/back', 'launch/patient patient/*.rs', 'state', 'challenge', 'account-patient', 'ada', '', '', @soon),
	('@answered', 'app-1', 'https://app.example/back', 'launch/patient patient/*.rs', 'state', 'challenge', 'account-patient', 'ada', 'grant-1', 'granted', @soon)

insert into segment (id, name, version, created_by, created_at) values ('segment-1', 'A segment', 1, 'C', @before)

insert into segment_version (segment, n, expr, by, at) values ('segment-1', 1, '{"age":{"min":18}}', 'C', @before)

insert into journey (id, name, state, draft, created_by, created_at)
	values ('journey-1', 'A journey', 'draft', '{"name":"A journey","trigger":{"on":"visit.booked"},"nodes":[{"id":"end","kind":"exit","name":"End"}]}', 'C', @before)

insert into enrolment (id, journey, version, patient, trigger_key, node, state, entered_at, started_at, ended_at) values ('enrolment-1', 'journey-1', 1, 'ada', 'x', 'end', 'done', @before, @before, @before)

insert into journey_task (id, enrolment, journey, patient, words, at) values ('task-1', 'enrolment-1', 'journey-1', 'ada', 'CanaryTaskWord', @before)

insert into intent (id, outreach, patient, dedupe, purpose, assignment, assignment_p, decided_at, expires_at, state, decision)
	values ('intent-1', '@outreach', 'ada', 'intent-1', 'care', 'treat', 0, @before, @later, 'active', '{}')
`

// named are the ids that stand in an address after its first part that
// matches; what is not here is asked for with the subject's id.
var named = []struct {
	path *regexp.Regexp
	id   func(w *world) string
}{
	{regexp.MustCompile(`^/fhir/`), is("ada-con")},
	{regexp.MustCompile(`/desk/queue/replies/`), is("reply-1")},
	{regexp.MustCompile(`/health/medicines/requests/|/desk/(medicines|limits)/`), is("asked-2")},
	{regexp.MustCompile(`/health/medicines/`), is("ada-med")},
	{regexp.MustCompile(`/health/readings/`), is("ada-a1c")},
	{regexp.MustCompile(`/desk/translations/`), is("translation-1")},
	{regexp.MustCompile(`/desk/queue/`), is("asked-1")},
	{regexp.MustCompile(`/desk/forms/responses/`), is("form-ask-1")},
	{regexp.MustCompile(`/desk/forms/`), is("form-1")},
	{regexp.MustCompile(`/forms/`), is("form-ask-1")},
	{regexp.MustCompile(`(^| |/for/[^/]+)/requests/`), is("asked-1")},
	{regexp.MustCompile(`/desk/journey-tasks/`), is("task-1")},
	{regexp.MustCompile(`\{id\}/\{do\}`), is("publish")},
	{regexp.MustCompile(`\{id\}/steps/`), is("end")},
	{regexp.MustCompile(`/desk/journeys/`), is("journey-1")},
	{regexp.MustCompile(`/desk/segments/`), is("segment-1")},
	{regexp.MustCompile(`/join/`), func(w *world) string { return w.seeds.join }},
	{regexp.MustCompile(`/signin/cancel/`), func(w *world) string { return w.seeds.cancel }},
	{regexp.MustCompile(`/signin/invite/`), func(w *world) string { return w.seeds.invite }},
	{regexp.MustCompile(`/oauth/consent/.*/go`), func(w *world) string { return w.seeds.answered }},
	{regexp.MustCompile(`/oauth/consent/`), func(w *world) string { return w.seeds.ask }},
	{regexp.MustCompile(`/desk/apps/.*/(approve|refuse|secret)`), is("app-2")},
	{regexp.MustCompile(`/desk/apps/`), is("app-1")},
	{regexp.MustCompile(`/apps/`), is("grant-1")},
	{regexp.MustCompile(`/api/docs/`), is("Condition")},
	{regexp.MustCompile(`/take/share/`), is("share-1")},
	{regexp.MustCompile(`/take/bring/`), is("brought-1")},
	{regexp.MustCompile(`/shl/`), func(w *world) string { return w.seeds.share }},
	{regexp.MustCompile(`/looks/file/`), is("looks.csv")},
	{regexp.MustCompile(`/privacy/new/`), is("restrict")},
	{regexp.MustCompile(`/restrictions/`), is("restriction-1")},
	{regexp.MustCompile(`/(requests|privacy|corrections)/`), is("request-1")},
	{regexp.MustCompile(`/holds/`), is("hold-1")},
	{regexp.MustCompile(`/desk/approvals/`), is("approval-1")},
	{regexp.MustCompile(`/desk/texts/`), is("text-1")},
	{regexp.MustCompile(`/letters/`), is("ada-letter")},
	{regexp.MustCompile(`/desk/policy/`), is("rule-1")},
	{regexp.MustCompile(`/desk/post/`), is("1")},
	{regexp.MustCompile(`/desk/revocations/`), is("revocation-1")},
	{regexp.MustCompile(`/reach/paper/`), is("paper-1")},
	{regexp.MustCompile(`/people/.*/confirm|/desk/proxies/.*/(again|review)`), is("proxy-2")},
	{regexp.MustCompile(`/people/.*/again`), is("proxy-3")},
	{regexp.MustCompile(`/(people|desk/proxies)/`), is("proxy-1")},
	{regexp.MustCompile(`/reviews/emergency/`), is("emergency-1")},
	{regexp.MustCompile(`/desk/findings/`), is("7")},
	{regexp.MustCompile(`/desk/exports/loads/`), is("load-1")},
	{regexp.MustCompile(`/desk/exports/subscriptions/`), is("subscription-1")},
	{regexp.MustCompile(`/desk/exports/`), is("export-1")},
	{regexp.MustCompile(`/reviews/looks/`), is("finding-1")},
	{regexp.MustCompile(`/desk/disclosures/`), is("disclosure-1")},
	{regexp.MustCompile(`/desk/assists/`), is("assist-1")},
	{regexp.MustCompile(`/desk/users/`), is(colleague)},
	{regexp.MustCompile(`/desk/todo/`), is("call")},
	{regexp.MustCompile(`/settings/passkey/`), is("passkey-1")},
	{regexp.MustCompile(`/settings/address/.*/cancel`), is("move-2")},
	{regexp.MustCompile(`/settings/address/`), is("move-1")},
	{regexp.MustCompile(`/health/conditions/`), is("ada-con")},
	{regexp.MustCompile(`/results/`), is("ada-a1c")},
	{regexp.MustCompile(`/documents/`), is("ada-doc")},
	{regexp.MustCompile(`/visits/`), is("ada-visit")},
	{regexp.MustCompile(`/checkin/.*/`), is("you")},
	{regexp.MustCompile(`/checkin/`), is("ada-visit")},
	{regexp.MustCompile(`/desk/services/`), is("follow-up")},
	{regexp.MustCompile(`/\{line\}/`), is("0")},
	{regexp.MustCompile(`/inbox/new/`), is("medicine")},
	{regexp.MustCompile(`/(inbox/thread|desk/messages)/`), is("thread-1")},
	{regexp.MustCompile(`/desk/inbox/`), is("dialog-1")},
	{regexp.MustCompile(`/desk/mail/`), is("mail-1")},
	{regexp.MustCompile(`/inbox/`), func(w *world) string { return w.msg }},
	{regexp.MustCompile(`/outreach/`), func(w *world) string { return w.outreach }},
	{regexp.MustCompile(`/bills/plans?/`), is("plan-1")},
	{regexp.MustCompile(`/bills/receipts/`), is("R-1")},
	{regexp.MustCompile(`/(payments|paid)/`), is("checkout-1")},
	{regexp.MustCompile(`/bills/`), is("bill-1")},
	{regexp.MustCompile(`^[A-Z]* ?/pay/`), func(w *world) string { return w.link }},
	{regexp.MustCompile(`^[A-Z]* ?/fill/`), func(w *world) string { return w.link }},
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
		if part := map[string]string{"{type}": "Condition", "{version}": "1", "{operation}": "$validate"}[name]; part != "" && strings.HasPrefix(path, "/fhir") {
			return part
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
