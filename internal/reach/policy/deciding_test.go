package policy

import "testing"

func TestDecisionDeciding(t *testing.T) {
	tests := []struct {
		name string
		in   Decision
		want string
	}{
		{"kept out before the draw", Decision{Verdict: Exclude, Reasons: []Reason{say("deceased", "")}}, "deceased"},
		{"a wish beats a missing address", Decision{Verdict: Block, Reasons: []Reason{say("allowed", ""), say("no_address", Email), say("opted_out", SMS), say("no_account", Inbox), say("no_way", "")}}, "opted_out"},
		{"a dead address beats a missing one", Decision{Verdict: Block, Reasons: []Reason{say("no_address", SMS), say("bounced", Email), say("no_account", Inbox), say("no_way", "")}}, "bounced"},
		{"no address at all", Decision{Verdict: Block, Reasons: []Reason{say("no_account", Inbox), say("no_address", SMS), say("no_address", Email), say("no_way", "")}}, "no_address"},
		{"put off by a limit", Decision{Verdict: Defer, Reasons: []Reason{say("no_address", Email), say("cap_text_day", SMS)}}, "cap_text_day"},
		{"no channel was allowed", Decision{Verdict: Block, Reasons: []Reason{say("allowed", ""), say("no_way", "")}}, "no_way"},
		{"sent", Decision{Verdict: Treat, Reasons: []Reason{say("no_address", Email)}}, ""},
		{"held out", Decision{Verdict: Holdout, Reasons: []Reason{say("no_address", Email)}}, ""},
	}
	for _, tt := range tests {
		r := tt.in.Deciding()
		if r.Code != tt.want || r.Channel != "" || (r.Words == "") != (tt.want == "") {
			t.Errorf("%s: Deciding = %+v, want %q", tt.name, r, tt.want)
		}
	}
}

// Every reason that can leave a person without a channel has words of its
// own about the person.
func TestDecidingKnowsEveryBlock(t *testing.T) {
	known := map[string]bool{}
	for _, s := range strength {
		known[s.code] = true
		if words(s.code) == s.code {
			t.Errorf("%s is no reason of the policy", s.code)
		}
	}
	for _, code := range []string{"opted_out", "not_chosen", "no_account", "no_address", "bounced", "wrong_person", "suppressed", "unreachable", "class", "no_hours"} {
		if !known[code] {
			t.Errorf("%s has no strength", code)
		}
	}
	for _, c := range DefaultCaps() {
		if !known[c.Code] {
			t.Errorf("the cap %s has no strength", c.Code)
		}
	}
}
