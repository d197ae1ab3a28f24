package letter

import "testing"

func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"12-7", " 1 - 1 ", "0-1", "-1", "1-", "a-b", "99999999999999999999-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		batch, n, err := ParseRef(s)
		if err != nil {
			return
		}
		if batch < 1 || n < 1 {
			t.Errorf("ParseRef(%q) = %d, %d", s, batch, n)
		}
		if b, m, err := ParseRef(Entry{Batch: batch, N: n}.Ref()); err != nil || b != batch || m != n {
			t.Errorf("what Ref wrote of %d, %d is read as %d, %d, %v", batch, n, b, m, err)
		}
	})
}
