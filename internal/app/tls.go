package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"hale/internal/base/errs"
	"hale/internal/base/outbound"
	"hale/internal/face/web"
)

// ACME gets and renews certificates from an authority by itself.
//
// Spec: RFC 8555; RFC 8737 (TLS-ALPN-01)
type ACME struct {
	Dir       string // the folder that keeps keys and certificates; empty: no ACME
	Directory string // the authority's directory; empty: Let's Encrypt
	Email     string // told before a certificate runs out; may be empty
	CA        []byte // PEM of who signed the directory's own certificate; empty: the system's
	HTTP      string // HOST:PORT that answers challenges by http and sends browsers on; empty: none
}

// TLS is how the server proves who it is. The zero value serves plain http,
// behind a proxy that has TLS.
type TLS struct {
	CertFile, KeyFile string
	ACME              ACME
}

// on says whether the server itself speaks TLS.
func (t TLS) on() bool { return t.CertFile != "" || t.ACME.Dir != "" }

// modernTLS allows TLS 1.2 with authenticated ciphers only, and TLS 1.3.
func modernTLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: outbound.Suites(), NextProtos: []string{"h2", "http/1.1"}}
}

// front is how people reach the server.
type front struct {
	tls   *tls.Config  // nil: plain http, behind a proxy that has TLS
	plain http.Handler // answers by plain http beside it; nil: nothing does
}

// front returns what the configuration asks for.
func (c Config) front() (front, error) {
	if !c.TLS.on() {
		return front{}, nil
	}
	f := front{tls: modernTLS()}
	if c.TLS.ACME.Dir == "" {
		files := &certificate{cert: c.TLS.CertFile, key: c.TLS.KeyFile, now: c.Now, log: c.Log}
		if _, err := files.get(nil); err != nil {
			return front{}, errs.New(errs.Invalid, "The certificate and its key cannot be loaded: "+err.Error())
		}
		f.tls.GetCertificate = files.get
		return f, nil
	}
	manager, err := c.acme()
	if err != nil {
		return front{}, err
	}
	f.tls.GetCertificate = manager.GetCertificate
	f.tls.NextProtos = append(f.tls.NextProtos, acme.ALPNProto)
	if c.TLS.ACME.HTTP != "" {
		f.plain = manager.HTTPHandler(http.HandlerFunc(c.toTLS))
	}
	return f, nil
}

// toTLS sends a browser to the portal's own address: the request's Host may
// be anything.
func (c Config) toTLS(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "Use https.", http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, c.URL+web.Local(r.URL.RequestURI(), "/"), http.StatusMovedPermanently)
}

// acme returns what gets certificates for the name in the portal's address,
// and for no other.
func (c Config) acme() (*autocert.Manager, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return nil, errs.New(errs.Invalid, "A certificate is for a name: set url to the https:// address that patients use.")
	}
	client, err := outbound.New(outbound.Config{Private: true, CA: c.TLS.ACME.CA}) // the operator named the authority
	if err != nil {
		return nil, err
	}
	only := autocert.HostWhitelist(u.Hostname())
	return &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(c.TLS.ACME.Dir),
		HostPolicy: func(ctx context.Context, host string) error {
			if name, _, err := net.SplitHostPort(host); err == nil { // plain http behind a port that is passed on
				host = name
			}
			return only(ctx, host)
		},
		Email: c.TLS.ACME.Email, Client: &acme.Client{DirectoryURL: c.TLS.ACME.Directory, HTTPClient: client, UserAgent: "hale"},
	}, nil
}

// again is how often the files of a certificate are looked at.
const again = time.Minute

// certificate is read from files, and again when they change: whoever renews
// it need not restart anything.
type certificate struct {
	cert, key string
	now       func() time.Time
	log       *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	looked  time.Time
	changed time.Time
}

// get returns the certificate. Files that do not load are said in the log,
// and the certificate before goes on.
func (f *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if f.pair != nil && now.Sub(f.looked) < again && now.After(f.looked.Add(-again)) {
		return f.pair, nil
	}
	f.looked = now
	info, err := os.Stat(f.cert)
	if err == nil && f.pair != nil && info.ModTime().Equal(f.changed) {
		return f.pair, nil
	}
	pair, loadErr := tls.LoadX509KeyPair(f.cert, f.key)
	if err := errors.Join(err, loadErr); err != nil {
		if f.pair != nil {
			f.log.Error("the new certificate does not load, the one before goes on", "err", err)
			return f.pair, nil
		}
		return nil, err
	}
	f.pair, f.changed = &pair, info.ModTime()
	return f.pair, nil
}

// answer serves on listen until the server is shut down.
func (f front) answer(server *http.Server, listen net.Listener) error {
	if f.tls == nil {
		return server.Serve(listen)
	}
	server.TLSConfig = f.tls
	return server.ServeTLS(listen, "", "")
}

// answerPlain answers challenges by plain http until ctx ends, and sends
// everybody else to https.
func (a *App) answerPlain(ctx context.Context, f front) error {
	if f.plain == nil {
		return nil
	}
	listen, err := net.Listen("tcp", a.c.TLS.ACME.HTTP)
	if err != nil {
		return errs.New(errs.Unavailable, fmt.Sprintf("Nothing can listen on %s for plain http.", a.c.TLS.ACME.HTTP)).Because(err)
	}
	server := web.NewServer(f.plain, a.c.Log)
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listen); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("app: plain http: %w", err)
	}
	return nil
}
