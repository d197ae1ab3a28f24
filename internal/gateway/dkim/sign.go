package dkim

import (
	"bytes"
	"context"
	"crypto"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-msgauth/dkim"
)

// signer is one key that signs.
type signer struct {
	domain, selector string
	algorithm        Algorithm
	key              crypto.Signer
}

// Signer signs for the domains that have keys. It is safe for concurrent
// use; what it knows of the keys is a minute old at most.
type Signer struct {
	store *Store
	only  Algorithm // empty: all

	mu    sync.Mutex
	known map[string]signers
}

type signers struct {
	list []signer
	at   time.Time
}

// fresh is how long the keys of a domain are remembered.
const fresh = time.Minute

// NewSigner returns a signer with the keys of s: with all of a domain's, or
// with those of one algorithm only.
func NewSigner(s *Store, only Algorithm) *Signer {
	return &Signer{store: s, only: only, known: map[string]signers{}}
}

// signed are the fields that a signature covers, and of which none can be
// added (RFC 6376, 5.4.1 and 8.15). The two of the one-click opt-out have to
// be among them (RFC 8058, 4).
var signed = []string{
	"From", "To", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
	"Auto-Submitted", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id",
}

// Sign returns the fields to put before message, the signatures of
// the domain of its sender; none where the domain has no keys.
func (s *Signer) Sign(ctx context.Context, domain string, message []byte) ([]byte, error) {
	list, err := s.of(ctx, strings.ToLower(domain))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	fields := covered(message)
	var out bytes.Buffer
	for _, k := range list {
		one, err := dkim.NewSigner(&dkim.SignOptions{
			Domain: k.domain, Selector: k.selector, Signer: k.key, Hash: crypto.SHA256, HeaderKeys: fields,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		})
		if err != nil {
			return nil, fmt.Errorf("dkim: sign: %w", err)
		}
		if _, err := one.Write(message); err != nil {
			_ = one.Close()
			return nil, fmt.Errorf("dkim: sign: %w", err)
		}
		if err := one.Close(); err != nil {
			return nil, fmt.Errorf("dkim: sign: %w", err)
		}
		out.WriteString(one.Signature())
	}
	return out.Bytes(), nil
}

// covered is signed, with those that stand in message named once more: a
// field that is named more often than it stands cannot be added.
func covered(message []byte) []string {
	head, _, _ := bytes.Cut(message, []byte("\r\n\r\n"))
	low := "\r\n" + strings.ToLower(string(head))
	list := append([]string(nil), signed...)
	for _, f := range signed {
		if strings.Contains(low, "\r\n"+strings.ToLower(f)+":") {
			list = append(list, f)
		}
	}
	return list
}

// of returns the keys that sign for a domain.
func (s *Signer) of(ctx context.Context, domain string) ([]signer, error) {
	now := s.store.now()
	s.mu.Lock()
	k, ok := s.known[domain]
	s.mu.Unlock()
	if since := now.Sub(k.at); ok && since >= 0 && since < fresh {
		return k.list, nil
	}
	all, err := s.store.signing(ctx, domain)
	if err != nil {
		if ok { // better an hour-old key than no mail
			return k.list, nil
		}
		return nil, err
	}
	var list []signer
	for _, one := range all {
		if s.only == "" || s.only == one.algorithm {
			list = append(list, one)
		}
	}
	s.mu.Lock()
	s.known[domain] = signers{list, now}
	s.mu.Unlock()
	return list, nil
}
