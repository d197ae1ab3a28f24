package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	mrand "math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"hale/internal/prooftest/rig"
)

// server is a Hale of its own, in a process of its own: what `hale serve`
// runs, with a client that `hale app` let in.
type server struct {
	*rig.House

	client string
	key    jose.JSONWebKey
	bearer atomic.Pointer[string]
}

// newServer makes an empty installation on an engine.
func newServer(ctx context.Context, binary, engine string) (*server, error) {
	h, err := rig.NewHouse(ctx, binary, engine)
	if err != nil {
		return nil, err
	}
	s := &server{House: h}
	return s, s.register(ctx)
}

// register lets a client with a key of its own in.
func (s *server) register(ctx context.Context) error {
	private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return err
	}
	s.key = jose.JSONWebKey{Key: private, KeyID: "load", Algorithm: string(jose.ES384), Use: "sig"}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{s.key.Public()}})
	if err != nil {
		return err
	}
	file := filepath.Join(s.Folder, "jwks.json")
	if err := os.WriteFile(file, set, 0o600); err != nil {
		return err
	}
	out, err := s.Hale(ctx, "app", "add", "--jwks", file, "--scopes", "system/*.cruds", "load")
	if fields := strings.Fields(out); len(fields) > 0 {
		s.client = fields[len(fields)-1]
	}
	return err
}

// fill puts people into the record, as hale import does.
func (s *server) fill(ctx context.Context, people int) error {
	folder := filepath.Join(s.Folder, "ndjson")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	if err := fill(folder, people); err != nil {
		return err
	}
	if _, err := s.Hale(ctx, "import", folder); err != nil {
		return err
	}
	return os.RemoveAll(folder)
}

// start serves, and returns when the server answers.
func (s *server) start(ctx context.Context) error {
	if err := s.Serve(ctx); err != nil {
		return err
	}
	return s.signIn()
}

// signIn gets an access token and renews it until the process ends.
func (s *server) signIn() error {
	good, err := s.newToken()
	if err != nil {
		return err
	}
	go func() {
		for err == nil {
			time.Sleep(good / 2)
			good, err = s.newToken()
		}
		fmt.Fprintln(os.Stderr, "fhirload: no new token:", err)
	}()
	return nil
}

// newToken asks for a token as a backend service does.
//
// Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
func (s *server) newToken() (good time.Duration, err error) {
	to := "http://" + s.Addr + "/oauth/token"
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES384, Key: s.key}, nil)
	if err != nil {
		return 0, err
	}
	claims := jwt.Claims{
		Issuer: s.client, Subject: s.client, Audience: jwt.Audience{to},
		ID: strconv.FormatUint(mrand.Uint64(), 36), Expiry: jwt.NewNumericDate(time.Now().Add(4 * time.Minute)),
	}
	assertion, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		return 0, err
	}
	res, err := new(http.Client).PostForm(to, url.Values{
		"grant_type": {"client_credentials"}, "scope": {"system/*.cruds"}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	})
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	var answer struct {
		Token   string `json:"access_token"`
		Seconds int    `json:"expires_in"`
		Error   string `json:"error_description"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return 0, err
	}
	if answer.Token == "" {
		return 0, fmt.Errorf("no token: %d %s", res.StatusCode, answer.Error)
	}
	s.bearer.Store(&answer.Token)
	return time.Duration(answer.Seconds) * time.Second, nil
}

func (s *server) token() string { return *s.bearer.Load() }
