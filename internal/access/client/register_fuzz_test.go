package client

import (
	"net/url"
	"testing"
)

// An address that an app may register is one that a browser reads the same
// way: whole, https or of the device, and with nothing hidden in it.
func FuzzAddress(f *testing.F) {
	for _, text := range []string{"https://app.example/back", "http://127.0.0.1/back", "http://localhost:80/", "https://me@app.example/", "https://app.example/#x", "app.example:/back", "https:///x", "//x", "https://*.example/", "javascript:alert(1)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		secure, device := secureAddress(text), loopback(text)
		if !secure && !device {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.User != nil || u.Fragment != "" || u.Hostname() == "" || len(text) > 500 {
			t.Errorf("%q is taken as an address", text)
		}
		if secure && u.Scheme != "https" || device && u.Scheme != "http" {
			t.Errorf("%q is taken, with the scheme %q", text, u.Scheme)
		}
	})
}
