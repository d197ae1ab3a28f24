package bulk

import "testing"

func TestLinks(t *testing.T) {
	const a = "2b729cb8-0713-4dec-9dfb-ae0aecb28fb4"
	l := newLinks()
	for url, link := range map[string]string{
		"urn:uuid:" + a: "Patient/" + a, // the usual case
		"urn:uuid:11111111-2222-4333-8444-555555555555": "Patient/another-id",
		"urn:uuid:2B729CB8-0713-4DEC-9DFB-AE0AECB28FB4": "Observation/2B729CB8-0713-4DEC-9DFB-AE0AECB28FB4",
		"urn:uuid:not-a-uuid":                           "Observation/not-a-uuid",
		"https://other.example/fhir/Patient/7":          "Patient/7",
	} {
		l.put(url, link)
		if got, ok := l.get(url); !ok || got != link {
			t.Errorf("get(%q) = %q, %t, want %q", url, got, ok, link)
		}
	}
	if len(l.own) != 1 {
		t.Errorf("%d links are kept small, want the 1 whose id is its uuid", len(l.own))
	}
	for _, url := range []string{"", "urn:uuid:", "urn:uuid:99999999-2222-4333-8444-555555555555", "urn:uuid:zzzzzzzz-2222-4333-8444-555555555555"} {
		if got, ok := l.get(url); ok {
			t.Errorf("get(%q) = %q, want nothing", url, got)
		}
	}
	if _, ok := (*links)(nil).get("urn:uuid:" + a); ok {
		t.Error("no links know a link")
	}
}
