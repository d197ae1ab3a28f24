package track

import (
	"encoding/base64"
	"encoding/binary"
	"strings"

	"hale/internal/base/ids"
	"hale/internal/base/seal"
)

// Signer makes the addresses of pictures and links, and reads them again. An
// address holds its message and its target sealed, so that it tells nobody
// anything and needs no look-up.
type Signer struct {
	key  seal.Key
	base string
}

// Path is what every address begins with after the host.
const Path = "/t/"

// place is what tokens are sealed for.
const place = "track/1"

// NewSigner returns a signer whose addresses begin with base, such as
// https://portal.example.
func NewSigner(key seal.Key, base string) *Signer { return &Signer{key: key.For("track"), base: base} }

// URL returns the address of target in message; "" for a message whose name
// is no id.
func (s *Signer) URL(message string, target int64) string {
	token := s.token(message, target)
	if token == "" {
		return ""
	}
	return s.base + Path + token
}

func (s *Signer) token(message string, target int64) string {
	id, ok := ids.Bytes(message)
	if !ok {
		return ""
	}
	plain := binary.AppendVarint(id[:], target)
	return base64.RawURLEncoding.EncodeToString(s.key.Seal(plain, place))
}

// longestToken bounds what is looked at, in characters.
const longestToken = 100

// Read returns what an address' token stands for. ErrToken for one that this
// house did not make.
func (s *Signer) Read(token string) (message string, target int64, err error) {
	token = strings.TrimSuffix(token, ".gif")
	if len(token) > longestToken {
		return "", 0, ErrToken
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return "", 0, ErrToken
	}
	plain, err := s.key.Open(sealed, place)
	if err != nil || len(plain) < 17 {
		return "", 0, ErrToken
	}
	target, n := binary.Varint(plain[16:])
	if n <= 0 || len(plain) != 16+n {
		return "", 0, ErrToken
	}
	return ids.Text([16]byte(plain[:16])), target, nil
}
