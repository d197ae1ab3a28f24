package smart

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"

	"github.com/go-jose/go-jose/v4"
)

// kindOf returns the algorithm that a public key checks, empty for none that
// is allowed.
func kindOf(key jose.JSONWebKey) jose.SignatureAlgorithm {
	switch k := key.Key.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() >= 2048 && k.N.BitLen() <= 8192 {
			return jose.RS384
		}
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P384() {
			return jose.ES384
		}
	}
	return ""
}
