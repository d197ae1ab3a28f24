package arch

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// secrets are the forms of what must never stand in the repository.
//
// The prefixes are those by which their issuers let scanners find them.
var secrets = map[string]*regexp.Regexp{
	"private key":   regexp.MustCompile(`-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----`),
	"age key":       regexp.MustCompile(`AGE-SECRET-KEY-1[0-9A-Z]{20,}`),
	"AWS key":       regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`),
	"GitHub token":  regexp.MustCompile(`\bgh[pousr]_[0-9A-Za-z]{36,}`),
	"Slack token":   regexp.MustCompile(`\bxox[abprs]-[0-9A-Za-z-]{10,}`),
	"Stripe key":    regexp.MustCompile(`\b[sr]k_live_[0-9A-Za-z]{16,}`),
	"Google key":    regexp.MustCompile(`\bAIza[0-9A-Za-z_-]{35}\b`),
	"Vault token":   regexp.MustCompile(`\bhv[sb]\.[0-9A-Za-z_-]{24,}`),
	"Twilio key":    regexp.MustCompile(`\bSK[0-9a-f]{32}\b`),
	"SendGrid key":  regexp.MustCompile(`\bSG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}`),
	"web token":     regexp.MustCompile(`\beyJ[0-9A-Za-z_-]{20,}\.eyJ[0-9A-Za-z_-]{20,}\.[0-9A-Za-z_-]{20,}`),
	"address login": regexp.MustCompile(`\b[a-z][a-z0-9+.-]*://[^\s/@:'"{}<>$%]+:[^\s/@'"{}<>$%]{6,}@[^\s/]`),
	"password":      regexp.MustCompile(`(?i)\b(?:password|passwd|secret|api[_-]?key|token)\s*[:=]+\s*["'][0-9A-Za-z+/_=-]{20,}["']`),
}

// marked is what a line says that holds such a thing on purpose.
const marked = "not a secret"

// found returns what sort of secret text holds, in which line.
func found(text []byte) (sort, line string) {
	for sort, form := range secrets {
		for _, at := range form.FindAllIndex(text, -1) {
			from := bytes.LastIndexByte(text[:at[0]], '\n') + 1
			to := len(text)
			if n := bytes.IndexByte(text[at[1]:], '\n'); n >= 0 {
				to = at[1] + n
			}
			if l := string(text[from:to]); !strings.Contains(l, marked) {
				return sort, l
			}
		}
	}
	return "", ""
}

// The repository holds no key, token or password. What a test needs is made
// by the test, or its line says that it is not a secret.
func TestNoSecrets(t *testing.T) {
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() > 4<<20 {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 {
			return nil // not text
		}
		files++
		if sort, line := found(text); sort != "" {
			t.Errorf("%s holds what looks like a secret (%s): %.80s", path, sort, strings.TrimSpace(line))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 500 {
		t.Errorf("read %d files, want the whole repository", files)
	}
}

// The scan finds one of each sort, and passes over what is marked.
func TestSecretsAreFound(t *testing.T) {
	long := strings.Repeat("Ab3", 20)
	for want, text := range map[string]string{
		"private key": "-----BEGIN EC PRIVATE" + " KEY-----", "AWS key": "AKI" + "A" + "ABCDEFGHIJKLMNOP", "GitHub token": "gh" + "p_" + long,
		"Stripe key": "sk_" + "live_" + long, "Vault token": "hv" + "s." + long, "web token": "ey" + "J" + long + ".ey" + "J" + long + "." + long,
		"address login": "smtp://robot:" + "hunter22" + "@mail.example.org", "password": `password = "` + long + `"`,
	} {
		if sort, _ := found([]byte("one\n" + text + "\ntwo")); sort != want {
			t.Errorf("found(%s) = %q", want, sort)
		}
		if sort, _ := found([]byte("one\n" + text + " // not a secret\ntwo")); sort != "" {
			t.Errorf("found(%s) = %q in a marked line", want, sort)
		}
	}
}
