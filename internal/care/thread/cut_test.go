package thread

import "testing"

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		text string
		n    int
		want string
	}{{"abcde", 3, "abc"}, {"abc", 3, "abc"}, {"", 3, ""}, {"aé", 2, "a"}, {"aé", 3, "aé"}, {"日本", 5, "日"}, {"é", 1, ""}} {
		if got := cut(tt.text, tt.n); got != tt.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tt.text, tt.n, got, tt.want)
		}
	}
}
