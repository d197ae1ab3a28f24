package link

import (
	"encoding/base32"
	"fmt"
	"io"
)

// Lengths of a token. A link that asks for nothing but a button has a mark
// in front, so its page can be drawn without looking the token up.
const (
	longBytes = 20 // 160 bits, 32 characters
	shortLen  = 12 // 71 bits, what a text has room for
	mark      = "n"
)

var (
	crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
	longLen   = crockford.EncodedLen(longBytes)
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// newToken returns a token for n that nobody can guess.
func newToken(rand io.Reader, n New) (string, error) {
	draw := long
	if n.Short {
		draw = short
	}
	token, err := draw(rand)
	if err != nil {
		return "", fmt.Errorf("link: token: %w", err)
	}
	if n.Factor == None {
		return mark + token, nil
	}
	return token, nil
}

func long(rand io.Reader) (string, error) {
	b := make([]byte, longBytes)
	if _, err := io.ReadFull(rand, b); err != nil {
		return "", err
	}
	return crockford.EncodeToString(b), nil
}

// short throws away bytes above the last whole multiple of 62, so that each
// character is equally likely.
func short(rand io.Reader) (string, error) {
	out := make([]byte, 0, shortLen)
	b := make([]byte, 2*shortLen)
	for len(out) < shortLen {
		if _, err := io.ReadFull(rand, b); err != nil {
			return "", err
		}
		for _, v := range b {
			if v < 4*62 && len(out) < shortLen {
				out = append(out, base62[v%62])
			}
		}
	}
	return string(out), nil
}

// AsksNothing says whether the link of token opens by a button alone. It
// looks at the token's form only, so it says nothing of whether there is
// such a link.
func AsksNothing(token string) bool {
	return len(token) == shortLen+len(mark) || len(token) == longLen+len(mark)
}

// canonical returns token as it was made: a long one may have been typed
// from paper, in capitals or with o for 0 and l for 1.
func canonical(token string) string {
	if len(token) < longLen || len(token) > longLen+len(mark) {
		return token
	}
	b := []byte(token)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		switch c {
		case 'o':
			c = '0'
		case 'i', 'l':
			c = '1'
		}
		b[i] = c
	}
	return string(b)
}
