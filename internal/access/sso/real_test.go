package sso_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/sso"
	"hale/internal/haletest"
)

const redirect = "https://portal.example.org/signin/sso/real"

// realProvider starts oidc-provider, a certified server of OpenID Connect,
// and returns its issuer. scripts/install-test-tools.sh installs it.
func realProvider(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs("../../../.bin/oidc")
	if err != nil {
		t.Fatal(err)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("skipped: no node")
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "oidc-provider")); err != nil {
		t.Skip("skipped: no oidc-provider in .bin/oidc; scripts/install-test-tools.sh installs it")
	}
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, node, "testdata/provider.mjs", folder, fmt.Sprint(port), redirect)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = cmd.Wait() })
	ready := make(chan bool, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if lines.Text() == "ready" {
				ready <- true
			}
		}
		ready <- false
	}()
	select {
	case ok := <-ready:
		if !ok {
			t.Fatal("the provider ended before it was ready")
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the provider is not ready after 30 s")
	}
	return fmt.Sprintf("http://localhost:%d", port)
}

// browse follows the provider's pages as a browser does, until it sends the
// person back to the clinic.
func browse(t *testing.T, to string) url.Values {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var back url.Values
	client := http.Client{Jar: jar, Timeout: 10 * time.Second, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), redirect) {
			back = r.URL.Query()
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := client.Get(to)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if back == nil {
		t.Fatalf("the provider answered %s at %s and did not send back", res.Status, res.Request.URL.Path)
	}
	return back
}

// A real provider signs the nurse on: found by discovery, with PKCE, state
// and nonce, adopted by the verified address that only its user info gives.
func TestSignOnReal(t *testing.T) {
	issuer := realProvider(t)
	hale := newClinic(t, haletest.SQLite(t), time.Now, sso.Provider{
		Name: "real", Title: "Real", Issuer: issuer, ClientID: "hale", Secret: "s3cret", Redirect: redirect, Adopt: true, Domains: []string{"example.org"},
	})
	for _, visit := range []string{"the first time", "again"} {
		to, cookie, err := hale.client.Begin(t.Context(), "real", "/desk", false)
		if err != nil {
			t.Fatal(err)
		}
		answer := browse(t, to)
		if answer.Get("iss") != issuer {
			t.Errorf("%s: the answer names %q, want the issuer", visit, answer.Get("iss"))
		}
		e, next, err := hale.client.Finish(t.Context(), "real", cookie, answer)
		if err != nil || e.ID != hale.nurse.ID || next != "/desk" || e.How != account.BySSOMFA {
			t.Fatalf("%s: Finish = %+v by %s to %q, %v, want the nurse with two factors", visit, e.Account, e.How, next, err)
		}
		in, err := hale.store.Enter(t.Context(), e, account.Browser{})
		if err != nil || in.Zone != access.AccountZone {
			t.Errorf("%s: Enter = zone %d, %v", visit, in.Zone, err)
		}
		if _, _, err := hale.client.Finish(t.Context(), "real", cookie, answer); err == nil {
			t.Errorf("%s: the answer counted twice", visit)
		}
	}
	if err := hale.store.Disable(t.Context(), hale.nurse.ID); err != nil {
		t.Fatal(err)
	}
	to, cookie, err := hale.client.Begin(t.Context(), "real", "", true)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := hale.client.Finish(t.Context(), "real", cookie, browse(t, to)); err == nil {
		t.Error("a disabled account was signed on by its provider")
	}
}
