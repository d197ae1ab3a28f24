package dkim_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	msgauth "github.com/emersion/go-msgauth/dkim"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/gateway/dkim"
	"hale/internal/haletest"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

const letter = "From: Riverside <care@clinic.example>\r\nTo: ana@town.example\r\nSubject: Your visit\r\nDate: Mon, 02 Mar 2026 12:00:00 +0000\r\n" +
	"Message-ID: <k1@clinic.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n" +
	"List-Unsubscribe: <https://clinic.example/u/x>, <mailto:u+k1@bounce.clinic.example>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n" +
	"Tuesday at 10:00.  \r\n\r\n.\r\n\r\n"

func store(t testing.TB, d *db.DB, now func() time.Time) *dkim.Store {
	t.Helper()
	ring, err := keys.Open(t.Context(), keys.Config{DB: d, Roots: keys.Plain(seal.NewKey()), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return dkim.NewStore(d, haletest.IDs(), now, ring)
}

// zone answers for the records of keys.
func zone(list []dkim.Key) func(string) ([]string, error) {
	return func(name string) ([]string, error) {
		for _, k := range list {
			if k.Name() == strings.TrimSuffix(name, ".") {
				return []string{k.Record()}, nil
			}
		}
		return nil, fmt.Errorf("no record %s", name)
	}
}

func sign(t testing.TB, s *dkim.Signer, text string) []byte {
	t.Helper()
	head, err := s.Sign(context.Background(), "clinic.example", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return append(head, text...)
}

func TestSigner(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		now := haletest.Noon
		s := store(t, d, func() time.Time { return now })
		signer := dkim.NewSigner(s, "")
		if got := sign(t, signer, letter); string(got) != letter {
			t.Errorf("without keys = %q, want the letter as it is", got)
		}
		list, err := s.Make(t.Context(), "Clinic.example", "h1")
		if err != nil || len(list) != 2 {
			t.Fatalf("Make = %+v, %v", list, err)
		}
		if _, err := s.Make(t.Context(), "clinic.example", "h1"); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Make again = %v, want a conflict", err)
		}
		now = now.Add(2 * time.Minute)
		if got := sign(t, signer, letter); string(got) != letter {
			t.Errorf("with keys that wait = %q, want the letter as it is", got)
		}
		if err := s.Use(t.Context(), "clinic.example", "h1"); err != nil {
			t.Fatal(err)
		}
		now = now.Add(2 * time.Minute)
		got := sign(t, signer, letter)
		verified(t, got, list, 2)
		for _, change := range []struct{ name, old, new string }{
			{"another subject", "Your visit", "Your bill"},
			{"another text", "Tuesday", "Monday"},
			{"another opt-out", "clinic.example/u/x", "evil.example/u/x"},
			{"a second sender", "From: Riverside", "From: Mallory <m@evil.example>\r\nFrom: Riverside"},
			{"a second subject", "Subject: Your visit", "Subject: Prize\r\nSubject: Your visit"},
		} {
			bent := strings.Replace(string(got), change.old, change.new, 1)
			list, err := msgauth.VerifyWithOptions(strings.NewReader(bent), &msgauth.VerifyOptions{LookupTXT: zone(list)})
			for _, v := range list {
				if v.Err == nil {
					t.Errorf("%s: a signature still verifies (%v)", change.name, err)
				}
			}
		}
		turned(t, s, signer, &now)
	})
}

// verified checks that every signature of raw holds, and what they cover.
func verified(t *testing.T, raw []byte, list []dkim.Key, n int) {
	t.Helper()
	got, err := msgauth.VerifyWithOptions(bytes.NewReader(raw), &msgauth.VerifyOptions{LookupTXT: zone(list)})
	if err != nil || len(got) != n {
		t.Fatalf("Verify = %d signatures, %v; want %d", len(got), err, n)
	}
	for _, v := range got {
		covers := strings.ToLower(strings.Join(v.HeaderKeys, " "))
		if v.Err != nil || v.Domain != "clinic.example" || !strings.Contains(covers, "list-unsubscribe-post") || !strings.Contains(covers, "list-unsubscribe ") {
			t.Errorf("signature = %+v", v)
		}
	}
}

// turned checks that a new selector takes over and the old one signs no more.
func turned(t *testing.T, s *dkim.Store, signer *dkim.Signer, now *time.Time) {
	t.Helper()
	fresh, err := s.Make(t.Context(), "clinic.example", "h2")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Use(t.Context(), "clinic.example", "h2"); err != nil {
		t.Fatal(err)
	}
	*now = now.Add(2 * time.Minute)
	verified(t, sign(t, signer, letter), fresh, 2)
	if err := s.Use(t.Context(), "clinic.example", "h1"); errs.KindOf(err) != errs.Conflict {
		t.Errorf("Use of a retired key = %v, want a conflict", err)
	}
	if err := s.Use(t.Context(), "clinic.example", "h9"); errs.KindOf(err) != errs.NotFound {
		t.Errorf("Use of no key = %v, want not found", err)
	}
	list, err := s.List(t.Context())
	if err != nil || len(list) != 4 {
		t.Fatalf("List = %+v, %v", list, err)
	}
	for _, k := range list {
		if want := map[bool]string{true: "retired", false: "signs"}[strings.HasPrefix(k.Selector, "h1")]; k.State() != want {
			t.Errorf("%s %s, want %s", k.Selector, k.State(), want)
		}
	}
	verified(t, sign(t, dkim.NewSigner(s, dkim.Ed25519), letter), fresh, 1)
}

func TestKeyLine(t *testing.T) {
	k := dkim.Key{Domain: "clinic.example", Selector: "h1", Algorithm: dkim.RSA, Public: strings.Repeat("A", 392)}
	line := k.Line()
	if !strings.HasPrefix(line, `h1._domainkey.clinic.example. IN TXT ( "v=DKIM1; k=rsa; p=AAA`) {
		t.Errorf("Line = %q", line)
	}
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 && len(part) > 255 {
			t.Errorf("a piece of %d bytes", len(part))
		}
	}
	s := store(t, haletest.SQLite(t), haletest.Clock(haletest.Noon))
	for _, bad := range [][2]string{{"clinic", "h1"}, {"clinic.example", ""}, {"clinic.example", "a b"}, {"-.example", "h1"}, {"clinic.example", "h._domainkey"}} {
		if _, err := s.Make(t.Context(), bad[0], bad[1]); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Make(%q, %q) = %v, want invalid", bad[0], bad[1], err)
		}
	}
}

// OpenDKIM, which others wrote, verifies both signatures.
func TestSignerOpenDKIM(t *testing.T) {
	bin, err := exec.LookPath("opendkim")
	if err != nil {
		t.Skip("skipped: OpenDKIM is not installed (scripts/install-test-tools.sh)")
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := store(t, d, haletest.Clock(haletest.Noon))
		list, err := s.Make(t.Context(), "clinic.example", "h1")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Use(t.Context(), "clinic.example", "h1"); err != nil {
			t.Fatal(err)
		}
		for _, only := range []dkim.Algorithm{dkim.RSA, dkim.Ed25519} {
			raw := sign(t, dkim.NewSigner(s, only), letter)
			if out, ok := openDKIM(t, bin, raw, list); !ok {
				t.Errorf("OpenDKIM does not verify %s: %s", only, out)
			}
			bent := bytes.Replace(raw, []byte("Tuesday"), []byte("Monday!"), 1)
			if out, ok := openDKIM(t, bin, bent, list); ok {
				t.Errorf("OpenDKIM verifies what was changed (%s): %s", only, out)
			}
		}
	})
}

// openDKIM has OpenDKIM verify one message with the keys in a file.
func openDKIM(t *testing.T, bin string, raw []byte, list []dkim.Key) (string, bool) {
	t.Helper()
	dir := t.TempDir()
	var records strings.Builder
	for _, k := range list {
		fmt.Fprintf(&records, "%s %s\n", k.Name(), k.Record())
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	conf := write("conf", "Mode v\nSyslog no\nTestPublicKeys "+write("keys", records.String())+"\n")
	out, err := exec.Command(bin, "-x", conf, "-t", write("letter", string(raw)), "-v", "-v").CombinedOutput()
	text := string(out)
	return text, err == nil && strings.Contains(text, "verification (s=h1") && strings.Contains(text, "succeeded")
}

// What a signature costs, of 4.8 kB of mail.
func BenchmarkSign(b *testing.B) {
	d := haletest.SQLite(b)
	s := store(b, d, haletest.Clock(haletest.Noon))
	if _, err := s.Make(b.Context(), "clinic.example", "h1"); err != nil {
		b.Fatal(err)
	}
	if err := s.Use(b.Context(), "clinic.example", "h1"); err != nil {
		b.Fatal(err)
	}
	text := letter + strings.Repeat("0123456789012345678901234567890123456789012345678901234567890123456789\r\n", 66)
	for _, only := range []dkim.Algorithm{dkim.RSA, dkim.Ed25519, ""} {
		signer := dkim.NewSigner(s, only)
		b.Run(map[dkim.Algorithm]string{"": "both"}[only]+string(only), func(b *testing.B) {
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					sign(b, signer, text)
				}
			})
		})
	}
}
