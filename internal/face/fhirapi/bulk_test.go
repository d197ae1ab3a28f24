package fhirapi_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"hale/internal/app"
	"hale/internal/haletest"
)

// bulkClient follows the Bulk Data guide and knows nothing of Hale.
type bulkClient struct {
	testing.TB
	base, token string
}

// serveHale runs a whole Hale and returns the address of its API.
func serveHale(t *testing.T, database string) string {
	t.Helper()
	keys := people(t)
	narrow := keys["reader"]
	one := *narrow.App
	one.ID, one.Scopes = "narrow", scopes(t, "system/Observation.rs", "system/Group.rs")
	narrow.App = &one
	keys["only observations"] = narrow
	c := app.Config{
		Addr: "127.0.0.1:0", Database: database, Key: haletest.Key, Now: time.Now, Rand: rand.Reader, Tokens: keys,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Bulk: app.Bulk{Folder: filepath.Join(t.TempDir(), "files")},
	}
	c.Clinic.Name, c.Clinic.Zone = "Alder Clinic", time.UTC
	ctx, stop := context.WithCancel(context.Background())
	at, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- app.Serve(ctx, c, func(addr string) { at <- addr }) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	select {
	case addr := <-at:
		return addr + "/fhir"
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return ""
}

func bothServed(t *testing.T, test func(t *testing.T, base string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, serveHale(t, "sqlite:"+filepath.Join(t.TempDir(), "hale.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, serveHale(t, haletest.EmptyPostgres(t))) })
}

// do sends one request.
func (b bulkClient) do(method, address, body string, headers ...string) (*http.Response, []byte) {
	b.Helper()
	if !strings.HasPrefix(address, "http") {
		address = b.base + address
	}
	// The server answers under the name that browsers find it by.
	address = strings.Replace(address, "http://localhost:", "http://127.0.0.1:", 1)
	req, err := http.NewRequestWithContext(b.Context(), method, address, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	if b.token != "" {
		req.Header.Set("Authorization", "Bearer "+b.token)
	}
	for _, h := range headers {
		name, v, _ := strings.Cut(h, ": ")
		req.Header.Set(name, v)
	}
	res, err := (&http.Transport{DisableCompression: true}).RoundTrip(req)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	return res, text
}

func (b bulkClient) put(bodies ...string) {
	b.Helper()
	for _, body := range bodies {
		var r struct{ ResourceType, ID string }
		if err := json.Unmarshal([]byte(body), &r); err != nil {
			b.Fatal(err)
		}
		if res, text := b.do("PUT", "/"+r.ResourceType+"/"+r.ID, body, "Content-Type: application/fhir+json"); res.StatusCode != http.StatusCreated {
			b.Fatalf("PUT %s/%s = %d: %s", r.ResourceType, r.ID, res.StatusCode, text)
		}
	}
}

var kickOff = []string{"Accept: application/fhir+json", "Prefer: respond-async"}

// began asks for an export and returns where to ask how far it is.
func (b bulkClient) began(method, address, body string, headers ...string) string {
	b.Helper()
	res, text := b.do(method, address, body, append(append([]string{}, kickOff...), headers...)...)
	at := res.Header.Get("Content-Location")
	if res.StatusCode != http.StatusAccepted || !strings.HasPrefix(at, "http") {
		b.Fatalf("%s %s = %d, Content-Location %q: %s", method, address, res.StatusCode, at, text)
	}
	return at
}

type outputFile struct {
	Type, URL string
	Count     int64
}

// manifest is what the guide says that a finished export answers.
type manifest struct {
	TransactionTime, Request string
	RequiresAccessToken      bool
	Output, Error, Deleted   []outputFile
}

// finished polls until an export is done.
func (b bulkClient) finished(at string) (m manifest) {
	b.Helper()
	for range 100 {
		res, text := b.do("GET", at, "", "Accept: application/json")
		switch res.StatusCode {
		case http.StatusAccepted:
			wait, err := strconv.Atoi(res.Header.Get("Retry-After"))
			if err != nil || len(res.Header.Get("X-Progress")) == 0 || len(res.Header.Get("X-Progress")) >= 100 {
				b.Fatalf("in progress: %v", res.Header)
			}
			time.Sleep(time.Duration(wait) * time.Second)
			continue
		case http.StatusOK:
		default:
			b.Fatalf("status = %d: %s", res.StatusCode, text)
		}
		if _, err := http.ParseTime(res.Header.Get("Expires")); err != nil || res.Header.Get("Content-Type") != "application/json" {
			b.Errorf("complete: %v", res.Header)
		}
		if err := json.Unmarshal(text, &m); err != nil {
			b.Fatal(err)
		}
		if _, err := time.Parse(time.RFC3339, m.TransactionTime); err != nil || m.Request == "" || !m.RequiresAccessToken || m.Output == nil || m.Error == nil {
			b.Errorf("manifest = %s", text)
		}
		return m
	}
	b.Fatal("the export does not end")
	return m
}

// load downloads the files of a list, packed and not, and returns how many
// resources of each type there are.
func (b bulkClient) load(list []outputFile) map[string]int {
	b.Helper()
	n := map[string]int{}
	for _, f := range list {
		res, plain := b.do("GET", f.URL, "", "Accept: application/fhir+ndjson")
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "application/fhir+ndjson" || res.ContentLength != int64(len(plain)) {
			b.Fatalf("file = %d %v: %s", res.StatusCode, res.Header, plain)
		}
		res, packed := b.do("GET", f.URL, "", "Accept-Encoding: gzip")
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil || res.Header.Get("Content-Encoding") != "gzip" || res.ContentLength != int64(len(packed)) {
			b.Fatalf("packed file: %v, %v", err, res.Header)
		}
		if again, err := io.ReadAll(z); err != nil || !bytes.Equal(again, plain) {
			b.Errorf("packed, the file reads otherwise (%v)", err)
		}
		lines := bufio.NewScanner(bytes.NewReader(plain))
		for lines.Scan() {
			var r struct{ ResourceType, ID string }
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil || r.ResourceType != f.Type {
				b.Errorf("%s: line %q, %v", f.Type, lines.Text(), err)
			}
			n[f.Type]++
		}
		if int64(n[f.Type]) < f.Count {
			b.Errorf("%s: %d lines, want %d", f.Type, n[f.Type], f.Count)
		}
	}
	return n
}

const circle = `{"resourceType":"Group","id":"circle","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/maria"}}]}`

func TestBulkExport(t *testing.T) {
	bothServed(t, func(t *testing.T, base string) {
		b := bulkClient{t, base, "system"}
		b.put(maria, ben, noor, lab, vital, flu, gout, circle)
		b.token = "reader"
		parameters := `{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":"Patient,Observation"},{"name":"_outputFormat","valueString":"application/fhir+ndjson"},{"name":"patient","valueReference":{"reference":"Patient/ben"}}]}`
		for _, tt := range []struct{ method, address, body, want string }{
			{"GET", "/$export", "", "map[Condition:2 Group:1 Observation:2 Patient:2 Practitioner:1]"},
			{"GET", "/Patient/$export?_outputFormat=ndjson", "", "map[Condition:2 Observation:2 Patient:2]"},
			{"GET", "/Group/circle/$export?_outputFormat=application/ndjson&_since=2020-01-01T00:00:00Z", "", "map[Condition:1 Observation:2 Patient:1]"},
			{"GET", "/Group/circle/$export?_type=Observation&_typeFilter=Observation%3Fcategory%3Dlaboratory", "", "map[Observation:1]"},
			{"POST", "/Patient/$export", parameters, "map[Patient:1]"},
		} {
			at := b.began(tt.method, tt.address, tt.body, "Content-Type: application/fhir+json")
			m := b.finished(at)
			if got := fmt.Sprint(b.load(m.Output)); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.address, got, tt.want)
			}
			b.refused(at, m)
			if res, text := b.do("DELETE", at, ""); res.StatusCode != http.StatusAccepted {
				t.Errorf("DELETE = %d: %s", res.StatusCode, text)
			}
			for _, gone := range []string{at, m.Output[0].URL} {
				if res, text := b.do("GET", gone, ""); res.StatusCode != http.StatusNotFound || !bytes.Contains(text, []byte("OperationOutcome")) {
					t.Errorf("after DELETE: %d %s", res.StatusCode, text)
				}
			}
		}
	})
}

// refused looks at an export as others.
func (b bulkClient) refused(at string, m manifest) {
	b.Helper()
	for token, want := range map[string]int{"": http.StatusUnauthorized, "nobody": http.StatusUnauthorized, "maria": http.StatusForbidden, "only observations": http.StatusNotFound} {
		b.token = token
		for _, address := range []string{at, m.Output[0].URL} {
			if res, text := b.do("GET", address, ""); res.StatusCode != want {
				b.Errorf("as %q: %d, want %d: %s", token, res.StatusCode, want, text)
			}
		}
	}
}

func TestBulkRefused(t *testing.T) {
	b := bulkClient{t, serveHale(t, "sqlite:"+filepath.Join(t.TempDir(), "hale.db")), "system"}
	b.put(maria, circle)
	for _, tt := range []struct {
		token, address string
		headers        []string
		want           int
	}{
		{"", "/$export", kickOff, 401}, {"maria", "/Patient/$export", kickOff, 403}, {"nurse", "/$export", kickOff, 403},
		{"reader", "/$export", nil, 400}, {"reader", "/Group/none/$export", kickOff, 404}, {"reader", "/Patient/maria/$export", kickOff, 404},
		{"reader", "/Group/$export", kickOff, 404}, {"reader", "/Observation/$export", kickOff, 404},
		{"reader", "/$export?_outputFormat=text/csv", kickOff, 400}, {"reader", "/$export?_since=yesterday", kickOff, 400},
		{"reader", "/$export?_type=Nothing", kickOff, 400}, {"reader", "/$export?includeAssociatedData=LatestProvenanceResources", kickOff, 400},
		{"reader", "/$export?_typeFilter=Observation%3Fnothing%3D1", kickOff, 400}, {"reader", "/$export?_typeFilter=Observation%3F_include%3D*", kickOff, 400},
		{"only observations", "/$export?_type=Patient", kickOff, 400}, {"reader", "/$export-status?job=none", nil, 404}, {"reader", "/$export-file?file=none", nil, 404},
	} {
		b.token = tt.token
		res, text := b.do("GET", tt.address, "", tt.headers...)
		if res.StatusCode != tt.want || !bytes.Contains(text, []byte("OperationOutcome")) {
			t.Errorf("%s %s = %d, want %d: %s", tt.token, tt.address, res.StatusCode, tt.want, text)
		}
	}
	b.token = "reader"
	at := b.began("GET", "/$export?_type=Patient,Nothing&includeAssociatedData=x", "", "Prefer: handling=lenient, respond-async")
	m := b.finished(at)
	if len(m.Error) != 1 || m.Error[0].Count != 2 || fmt.Sprint(b.load(m.Output)) != "map[Patient:1]" {
		t.Errorf("lenient: %+v, want what was left out among the errors", m)
	}
}

func TestBulkImport(t *testing.T) {
	bothServed(t, func(t *testing.T, base string) {
		b := bulkClient{t, base, "system"}
		at := b.began("POST", "/$import", maria+"\n"+lab+"\nbroken\n", "Content-Type: application/fhir+ndjson")
		m := b.finished(at)
		if len(m.Error) != 1 || m.Error[0].Count != 1 || m.Output[0].Count != 2 {
			t.Errorf("import: %+v, want two taken and one refused", m)
		}
		if res, text := b.do("GET", m.Error[0].URL, ""); res.StatusCode != 200 || !bytes.Contains(text, []byte("Line 3 ")) {
			t.Errorf("problems = %d %s", res.StatusCode, text)
		}
		if res, _ := b.do("GET", "/Observation/lab", ""); res.StatusCode != 200 {
			t.Errorf("Observation/lab = %d, want it taken in", res.StatusCode)
		}
		form := "--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a.ndjson\"\r\n\r\n" + ben + "\r\n--x\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n" + gout + "\r\n--x--\r\n"
		if m := b.finished(b.began("POST", "/$import", form, "Content-Type: multipart/form-data; boundary=x")); len(m.Error) != 0 || m.Output[0].Count != 2 {
			t.Errorf("a form: %+v, want two taken", m)
		}
		b.token = "reader"
		if res, _ := b.do("POST", "/$import", maria, append(kickOff, "Content-Type: application/fhir+ndjson")...); res.StatusCode != http.StatusForbidden {
			t.Errorf("import by a reader = %d, want 403", res.StatusCode)
		}
	})
}

const wished = `{"resourceType":"Subscription","status":"requested","reason":"test","criteria":"Observation?category=laboratory",` +
	`"channel":{"type":"websocket","payload":"application/fhir+json","_payload":{"extension":[{"url":"http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content","valueCode":"full-resource"}]}}}`

func TestSocket(t *testing.T) {
	bothServed(t, func(t *testing.T, base string) {
		b := bulkClient{t, base, "system"}
		b.put(maria)
		res, text := b.do("POST", "/Subscription", wished, "Content-Type: application/fhir+json")
		if res.StatusCode != http.StatusCreated || res.Header.Get("X-Hale-Signature-Secret") == "" {
			t.Fatalf("create = %d: %s", res.StatusCode, text)
		}
		id := answer{body: string(text)}.at("id").(string)
		dial := func() *websocket.Conn {
			_, text := b.do("GET", "/Subscription/"+id+"/$get-ws-binding-token", "")
			token, _ := answer{body: string(text)}.at("parameter", 0, "valueString").(string)
			conn, _, err := websocket.Dial(t.Context(), strings.Replace(base, "http", "ws", 1)+"/$subscription-socket", nil)
			if err != nil {
				t.Fatalf("dial: %v (%s)", err, text)
			}
			conn.SetReadLimit(1 << 20)
			if err := conn.Write(t.Context(), websocket.MessageText, []byte("bind-with-token "+token)); err != nil {
				t.Fatal(err)
			}
			return conn
		}
		next := func(conn *websocket.Conn, want ...string) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			_, body, err := conn.Read(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range want {
				if !bytes.Contains(body, []byte(w)) {
					t.Errorf("the socket says %s, want %q in it", body, w)
				}
			}
		}
		conn := dial()
		next(conn, `"handshake"`)
		b.put(lab)
		next(conn, `"event-notification"`, `"event-number","valueString":"1"`, `"Observation"`, "4548-4")
		conn.CloseNow()
		b.put(strings.Replace(lab, `"id":"lab"`, `"id":"lab2"`, 1), vital)
		conn = dial()
		next(conn, `"handshake"`)
		next(conn, `"event-notification"`, `"event-number","valueString":"2"`, "lab2")
		_, text = b.do("GET", "/Subscription/"+id+"/$events?eventsSinceNumber=1&content=id-only", "")
		if !bytes.Contains(text, []byte(`"event-number","valueString":"1"`)) || !bytes.Contains(text, []byte("/Observation/lab2")) || bytes.Contains(text, []byte("4548-4")) {
			t.Errorf("$events = %s, want both again by id", text)
		}
		_, text = b.do("GET", "/Subscription/"+id+"/$status", "")
		if got := (answer{body: string(text)}).at("entry", 0, "resource", "parameter", 1, "valueCode"); got != "active" {
			t.Errorf("$status says %v, want active: %s", got, text)
		}
		if res, _ := b.do("DELETE", "/Subscription/"+id, ""); res.StatusCode != http.StatusNoContent {
			t.Errorf("DELETE = %d", res.StatusCode)
		}
		if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
			t.Errorf("after DELETE the socket says %v, want it closed", err)
		}
		b.token = "reader"
		if res, _ := b.do("POST", "/Subscription", wished, "Content-Type: application/fhir+json"); res.StatusCode != http.StatusForbidden {
			t.Errorf("create without the scope = %d, want 403", res.StatusCode)
		}
	})
}
