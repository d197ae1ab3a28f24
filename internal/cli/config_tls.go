package cli

import (
	"net"
	"os"
	"path/filepath"
	"strings"

	"hale/internal/app"
)

// acmeFolder keeps the account key and the certificates that an authority
// gave; it lies in the data folder.
const acmeFolder = "acme"

// tls is how the server proves who it is.
func (f file) tls(data string) app.TLS {
	t := app.TLS{CertFile: f.TLS.Certificate, KeyFile: f.TLS.Key}
	if f.TLS.ACME {
		t.ACME = app.ACME{Dir: filepath.Join(data, acmeFolder), Directory: f.TLS.Directory, Email: f.TLS.Email, HTTP: f.TLS.HTTP}
		t.ACME.CA, _ = os.ReadFile(f.TLS.CA) // proofs says what is wrong with it
	}
	return t
}

// proofs says what is wrong with the tls settings.
func (f file) proofs() (wrong []string) {
	t := f.TLS
	if (t.Certificate == "") != (t.Key == "") {
		wrong = append(wrong, "tls.certificate and tls.key go together")
	}
	if !t.ACME {
		return wrong
	}
	if t.Certificate != "" {
		wrong = append(wrong, "tls.certificate and tls.acme exclude each other")
	}
	if !strings.HasPrefix(f.URL, "https://") {
		wrong = append(wrong, "tls.acme gets a certificate for the name in url, which must begin with https://")
	}
	if t.CA != "" {
		if _, err := os.Stat(t.CA); err != nil {
			wrong = append(wrong, "tls.acme_ca names a file that cannot be read: "+t.CA)
		}
	}
	if _, _, err := net.SplitHostPort(t.HTTP); t.HTTP != "" && err != nil {
		wrong = append(wrong, "tls.acme_http must be HOST:PORT, such as :80")
	}
	return wrong
}
