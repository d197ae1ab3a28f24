package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed" // the list of common passwords
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"hale/internal/base/errs"
)

// How long a password is, in characters: alone, beside a second factor, and
// at the most. What else it is made of is its owner's business.
const (
	PasswordAlone  = 15
	PasswordBeside = 8
	PasswordMost   = 128
)

var (
	errShort  = errs.New(errs.Invalid, "Please use at least 15 characters. Four or five words that do not belong together are good.")
	errShort2 = errs.New(errs.Invalid, "Please use at least 8 characters.")
	errLong   = errs.New(errs.Invalid, "Please use at most 128 characters.")
	errCommon = errs.New(errs.Invalid, "Many people use this password, so it is easy to guess. Please choose another.")
	errOwn    = errs.New(errs.Invalid, "Please choose a password without your name, your address or the name of the clinic.")
)

//go:embed common.txt
var commonText string

// common are the passwords that are tried first, in lower case.
var common = sync.OnceValue(func() map[string]bool {
	list := strings.Fields(commonText)
	set := make(map[string]bool, len(list))
	for _, p := range list {
		set[p] = true
	}
	return set
})

// CheckPassword says what is wrong with a password: nil if nothing is. least
// is PasswordAlone or PasswordBeside; words are what it must not be made of.
//
// Spec: NIST SP 800-63B-4 §3.1.1.2
func CheckPassword(password string, least int, words ...string) error {
	password = norm.NFC.String(password)
	n := utf8.RuneCountInString(password)
	switch {
	case n < least && least > PasswordBeside:
		return errShort
	case n < least:
		return errShort2
	case n > PasswordMost:
		return errLong
	}
	low := strings.ToLower(password)
	core := strings.TrimFunc(low, func(r rune) bool { return !unicode.IsLetter(r) })
	if common()[low] || common()[core] || repeats(low) || runs(low) || common()[half(low)] {
		return errCommon
	}
	return own(low, words)
}

// own refuses a password that is mostly one of the words, or all of them.
func own(low string, words []string) error {
	left := low
	for _, text := range words {
		for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if utf8.RuneCountInString(w) >= 4 {
				left = strings.ReplaceAll(left, w, "")
			}
		}
	}
	if left != low && utf8.RuneCountInString(left) < PasswordBeside {
		return errOwn
	}
	return nil
}

// repeats says whether text is one short piece again and again.
func repeats(text string) bool {
	for n := 1; n <= 4 && n*2 <= len(text); n++ {
		if strings.Repeat(text[:n], len(text)/n+1)[:len(text)] == text {
			return true
		}
	}
	return false
}

// runs says whether text goes up or down by one all the way: 12345678.
func runs(text string) bool {
	for _, step := range []int{1, -1} {
		same := true
		for i := 1; i < len(text) && same; i++ {
			d := int(text[i]) - int(text[i-1])
			same = d == step || text[i-1] == '9' && text[i] == '0' && step == 1
		}
		if same {
			return true
		}
	}
	return false
}

// half returns text's first half if it is there twice.
func half(text string) string {
	if n := len(text) / 2; len(text)%2 == 0 && text[:n] == text[n:] {
		return text[:n]
	}
	return text
}

// params are what a password is hashed with. Older ones stay readable and
// are replaced at the next sign-in.
//
// Spec: RFC 9106; OWASP: m=19 MiB, t=2, p=1
type params struct {
	memory uint32 // KiB
	time   uint32
	lanes  uint8
}

var today = params{memory: 19 * 1024, time: 2, lanes: 1}

// dummy is a password nobody has: it is checked where there is none, so that
// an unknown address takes as long as a known one.
const dummy = "$argon2id$v=19$m=19456,t=2,p=1$aGFsZS1ub2JvZHktaGFzLQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// hashPassword returns the PHC string of a password.
func hashPassword(password string, p params) string {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	sum := argon2.IDKey([]byte(norm.NFC.String(password)), salt, p.time, p.memory, p.lanes, 32)
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.time, p.lanes, enc(salt), enc(sum))
}

// readPHC reads what hashPassword wrote.
func readPHC(phc string) (p params, salt, sum []byte, err error) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, fmt.Errorf("account: not an Argon2id hash")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.lanes); err != nil {
		return p, nil, nil, fmt.Errorf("account: Argon2id parameters: %w", err)
	}
	if p.memory > 1<<20 || p.time == 0 || p.time > 100 || p.lanes == 0 {
		return p, nil, nil, fmt.Errorf("account: Argon2id parameters out of bounds")
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return p, nil, nil, fmt.Errorf("account: Argon2id salt: %w", err)
	}
	if sum, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(sum) < 16 {
		return p, nil, nil, fmt.Errorf("account: Argon2id hash: %v", err)
	}
	return p, salt, sum, nil
}

// verify says whether password is the one of phc, and whether phc should be
// written anew. It waits at the gate.
func (s *Store) verify(ctx context.Context, phc, password string) (right, stale bool, err error) {
	p, salt, sum, err := readPHC(phc)
	if err != nil {
		return false, false, err
	}
	if utf8.RuneCountInString(password) > 2*PasswordMost { // hashing it would only cost
		password = ""
	}
	err = s.gate.do(ctx, func() {
		got := argon2.IDKey([]byte(norm.NFC.String(password)), salt, p.time, p.memory, p.lanes, uint32(len(sum)))
		right = subtle.ConstantTimeCompare(got, sum) == 1
	})
	return right && err == nil, p != today, err
}
