package desk

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/care/consent"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/policy"
	"hale/internal/reach/rulebook"
)

// fakeWords answers about how people may be reached, and notes what changes.
type fakeWords struct{ *fakes }

func (fakeWords) Rules(context.Context) (now *policy.Settings, base policy.Settings, err error) {
	base = policy.Settings{Matrix: policy.Defaults(), Caps: policy.DefaultCaps()}
	return &base, base, nil
}

func (fakeWords) Reachable(_ context.Context, pass access.Pass) (reach.WayTo, error) {
	_, err := pass.Open(access.ReadContacts)
	return reach.WayTo{Consents: []consent.Event{{Channel: "sms", Purpose: "*", Action: consent.Revoke, Method: "sms_keyword", Evidence: "STOP", At: noon}},
		Purposes: []reach.PurposeTo{{Name: "Care reminder"}}}, err
}

func (fakeWords) RevocationsOpen(_ context.Context, pass access.Pass) ([]reach.Revocation, error) {
	return []reach.Revocation{{ID: "r1", Patient: "maria", Channel: "sms", Purpose: "*", Method: "sms_freetext", Received: noon, Honoured: noon, Due: noon.Add(240 * time.Hour), Said: "please no more <texts>"}}, pass.OpenAll(access.AnswerPatients)
}

func (f fakeWords) Revocations(ctx context.Context, pass access.Pass, _ int) ([]reach.Revocation, error) {
	list, err := f.RevocationsOpen(ctx, pass)
	return append(list, reach.Revocation{ID: "r2", Channel: "email", Purpose: "marketing", Method: "one_click", Sure: true, Received: noon, Honoured: noon, Due: noon}), err
}

func (fakeWords) RevocationsWaiting(_ context.Context, pass access.Pass) (open, unsure int, err error) {
	return 0, 1, pass.OpenAll(access.AnswerPatients)
}

func (fakeWords) RevocationClock(_ context.Context, pass access.Pass) (reach.Clock, error) {
	return reach.Clock{All: 2, Unsure: 1}, pass.OpenAll(access.AnswerPatients)
}

func (f fakeWords) ReviewRevocation(_ context.Context, pass access.Pass, id string, meant bool) error {
	_, err := pass.Open(access.AnswerPatients)
	if meant {
		id += " meant"
	}
	f.did = append(f.did, "review "+id)
	return err
}

func (fakeWords) Blocks(_ context.Context, pass access.Pass, address string, _ int) ([]reach.Block, int, error) {
	return []reach.Block{{Channel: reach.SMS, Hash: "h1", Mask: "42", Scope: "*", Reason: "stop", By: "recipient", At: noon}}, 1, pass.OpenAll(access.AnswerPatients)
}

func (f fakeWords) Reassign(context.Context, access.Pass, io.Reader) (reach.Reassigned, error) {
	return reach.Reassigned{}, nil
}
func (f fakeWords) Block(_ context.Context, pass access.Pass, list ...reach.Block) (int, error) {
	for _, b := range list {
		f.did = append(f.did, "block "+b.Value+" "+b.Why)
	}
	return len(list), pass.OpenAll(access.AnswerPatients)
}

func (f fakeWords) Lift(_ context.Context, pass access.Pass, b reach.Block) error {
	f.did = append(f.did, "lift "+b.Hash+" "+b.Why)
	return pass.OpenAll(access.AnswerPatients)
}

func (f fakeWords) Add(_ context.Context, pass access.Pass, events ...consent.Event) error {
	for _, e := range events {
		f.did = append(f.did, string(e.Action)+" "+e.Channel+" "+e.Evidence)
	}
	_, err := pass.Open(access.EditContacts)
	return err
}

func (f fakeWords) Sign(_ context.Context, pass access.Pass, p consent.Paper) error {
	f.did = append(f.did, "sign "+p.SignedBy)
	_, err := pass.Open(access.EditContacts)
	return err
}

func (f fakeWords) End(_ context.Context, pass access.Pass, id, how string) error {
	f.did = append(f.did, "end "+id+" "+how)
	_, err := pass.Open(access.EditContacts)
	return err
}

// ruled is the desk with its pages about rules and words.
func ruled(t *testing.T) (*fakes, http.Handler) {
	t.Helper()
	f := known()
	words := fakeWords{f}
	return f, serveMore(t, f, func(c *Config) {
		c.RuleBook, c.InForce, c.Words, c.Ledger = rulebook.NewStore(haletest.SQLite(t), haletest.IDs(), haletest.Clock(noon)), words, words, words
	})
}

// The pages of rules and words show to whoever may open them, alone, and lead
// nowhere that their reader may not go.
func TestRulePagesByRole(t *testing.T) {
	_, h := ruled(t)
	for target, may := range map[string]string{
		"/desk/policy": "nma", "/desk/policy/law": "nma", "/desk/revocations": "n", "/desk/blocked": "n", "/desk/patients/maria/reach": "na", "/desk/patients/nobody/reach": "",
		"/desk": "nma", "/desk/outreach": "nm", "/desk/patients/maria": "na",
	} {
		for who, letter := range map[string]string{"nurse": "n", "marketer": "m", "admin": "a"} {
			w := ask(t, h, who, "GET", target, nil)
			if opened := w.Code == http.StatusOK; opened != strings.Contains(may, letter) {
				t.Errorf("GET %s as %s = %d", target, who, w.Code)
			} else if opened {
				checkLabels(t, target, w.Body.String())
				checkIcons(t, target, w.Body.String())
				checkLinks(t, h, who, target, w.Body.String())
			}
		}
	}
	today := ask(t, h, "nurse", "GET", "/desk", nil).Body.String()
	if !strings.Contains(today, "1 answer may have been a STOP") {
		t.Error("the first page does not say that a word waits for somebody")
	}
	if page := ask(t, h, "nurse", "GET", "/desk/revocations", nil).Body.String(); !strings.Contains(page, "please no more &lt;texts&gt;") || !strings.Contains(page, "Maria Alvarez") {
		t.Error("the page does not show what was written, and by whom")
	}
}

// A stricter rule counts at once, a looser one waits for somebody else.
func TestChangeRules(t *testing.T) {
	_, h := ruled(t)
	strict := url.Values{"kind": {"matrix"}, "name": {rulebook.CellName(policy.Text, policy.S1)}, "value": {"none"}, "why": {"Texts are read by others."}}
	loose := url.Values{"kind": {"matrix"}, "name": {rulebook.CellName(policy.EmailPlain, policy.S3)}, "value": {"full"}, "why": {"Somebody asked."}}
	strict.Set("kind", string(rulebook.Cell))
	loose.Set("kind", string(rulebook.Cell))
	for _, who := range []string{"nurse", "marketer"} {
		if w := ask(t, h, who, "POST", "/desk/policy", strict); w.Code != http.StatusForbidden && w.Code != http.StatusNotFound {
			t.Errorf("a change of a rule by a %s = %d", who, w.Code)
		}
	}
	if w := ask(t, h, "admin", "POST", "/desk/policy", strict); w.Header().Get("Location") != "/desk/policy?done=now" {
		t.Errorf("a stricter rule = %d to %q: %s", w.Code, w.Header().Get("Location"), w.Body)
	}
	if w := ask(t, h, "admin", "POST", "/desk/policy", loose); w.Header().Get("Location") != "/desk/policy?done=waits" {
		t.Errorf("a looser rule = %d to %q: %s", w.Code, w.Header().Get("Location"), w.Body)
	}
	if page := ask(t, h, "admin", "GET", "/desk/policy", nil).Body.String(); !strings.Contains(page, "Somebody asked.") || strings.Contains(page, "/agree") {
		t.Error("the page does not show what waits, or lets who asked agree")
	}
}

// What the staff write down about words and addresses reaches those who keep
// it; a marketer's does not.
func TestKeepWords(t *testing.T) {
	f, h := ruled(t)
	changes := []struct {
		target, want string
		in           url.Values
	}{
		{"/desk/revocations/r1", "review r1 meant", url.Values{"patient": {"maria"}, "word": {"meant"}}},
		{"/desk/blocked/add", "block eve@example.net was asked to", url.Values{"address": {"eve@example.net"}, "scope": {"*"}, "why": {"was asked to"}}},
		{"/desk/blocked/lift", "lift h1 a mistake", url.Values{"channel": {"sms"}, "hash": {"h1"}, "scope": {"*"}, "why": {"a mistake"}}},
		{"/desk/patients/maria/reach/word", "grant sms said so at the desk", url.Values{"channel": {"sms"}, "purpose": {"*"}, "action": {"grant"}, "method": {"staff"}, "evidence": {"said so at the desk"}}},
	}
	for _, c := range changes {
		if w := ask(t, h, "marketer", "POST", c.target, c.in); w.Code != http.StatusForbidden && w.Code != http.StatusNotFound || len(f.did) > 0 {
			t.Errorf("POST %s by a marketer = %d, did %q", c.target, w.Code, f.did)
		}
		if w := ask(t, h, "nurse", "POST", c.target, c.in); w.Code != http.StatusSeeOther || len(f.did) != 1 || f.did[0] != c.want {
			t.Errorf("POST %s = %d, did %q, want %q: %s", c.target, w.Code, f.did, c.want, w.Body)
		}
		f.did = nil
	}
	if w := ask(t, h, "nurse", "POST", "/desk/revocations/r1", url.Values{"patient": {"maria"}, "word": {"perhaps"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a word that is not offered = %d", w.Code)
	}
}
