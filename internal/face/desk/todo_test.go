package desk

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestTodoClosing(t *testing.T) {
	tests := []struct {
		name, who, target string
		in                url.Values
		want              int
		did               string
	}{
		{name: "a nurse called", who: "nurse", target: "/desk/todo/call/close", in: url.Values{"patient": {"maria"}, "subject": {"m1"}, "word": {"called"}}, want: http.StatusSeeOther, did: "close call m1 of maria: called"},
		{name: "a nurse opens again", who: "nurse", target: "/desk/todo/call/open", in: url.Values{"patient": {"maria"}, "subject": {"m3"}}, want: http.StatusSeeOther, did: "open call m3 of maria"},
		{name: "no patient", who: "nurse", target: "/desk/todo/call/close", in: url.Values{"subject": {"m1"}, "word": {"called"}}, want: http.StatusNotFound},
		{name: "no such list", who: "nurse", target: "/desk/todo/x/close", in: url.Values{"patient": {"maria"}, "subject": {"m1"}, "word": {"called"}}, want: http.StatusNotFound},
		{name: "a marketer", who: "marketer", target: "/desk/todo/call/close", in: url.Values{"patient": {"maria"}, "subject": {"m1"}, "word": {"called"}}, want: http.StatusNotFound},
		{name: "an administrator", who: "admin", target: "/desk/todo/call/open", in: url.Values{"patient": {"maria"}, "subject": {"m3"}}, want: http.StatusNotFound},
		{name: "a patient", who: "patient", target: "/desk/todo/call/close", in: url.Values{"patient": {"maria"}, "subject": {"m1"}, "word": {"called"}}, want: http.StatusNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := known()
			w := ask(t, serve(t, f), tt.who, "POST", tt.target, tt.in)
			if w.Code != tt.want || (tt.did == "") != (len(f.did) == 0) || tt.did != "" && !slices.Contains(f.did, tt.did) {
				t.Errorf("POST %s = %d and %q, want %d and %q", tt.target, w.Code, f.did, tt.want, tt.did)
			}
			if to := w.Header().Get("Location"); tt.did != "" && !strings.HasPrefix(to, "/desk/todo/call?note=") {
				t.Errorf("POST %s leads to %q, want back to the list", tt.target, to)
			}
		})
	}
}
