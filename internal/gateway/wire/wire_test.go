package wire_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"hale/internal/gateway/wire"
)

// talk returns a session whose peer says what it is given.
func talk(t testing.TB, says string) *wire.Session {
	t.Helper()
	here, there := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.WriteString(there, says)
		_ = there.Close()
	}()
	s := wire.New(here, 5*time.Second)
	t.Cleanup(func() { s.Close(); <-done })
	return s
}

func TestRead(t *testing.T) {
	tests := []struct {
		name, says string
		want       int
		code       int
		text       string
		ok         bool
		garbled    bool
	}{
		{"one line", "250 ok\r\n", 250, 250, "ok", true, false},
		{"several lines", "250-one\r\n250-two\r\n250 three\r\n", 250, 250, "one\ntwo\nthree", true, false},
		{"a code alone", "354\r\n", 354, 354, "", true, false},
		{"any of a kind", "251 elsewhere\r\n", 25, 251, "elsewhere", true, false},
		{"any of a class", "235 hello\r\n", 2, 235, "hello", true, false},
		{"another answer", "550 5.1.1 no such user\r\n", 250, 550, "5.1.1 no such user", false, false},
		{"codes that change", "250-one\r\n550 two\r\n", 250, 0, "", false, true},
		{"no code", "hello\r\n", 220, 0, "", false, true},
		{"a code that is none", "999 x\r\n", 220, 0, "", false, true},
		{"no end of a line", strings.Repeat("2", 10_000), 220, 0, "", false, true},
		{"no end of lines", strings.Repeat("250-x\r\n", 1000), 250, 0, "", false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := talk(t, tt.says)
			a, err := s.Read(tt.want)
			if (err == nil) != tt.ok || errors.Is(err, wire.ErrGarbled) != tt.garbled {
				t.Fatalf("Read = %+v, %v; want ok %t, garbled %t", a, err, tt.ok, tt.garbled)
			}
			if !tt.garbled && (a.Code != tt.code || a.Text != tt.text) {
				t.Errorf("Read = %d %q, want %d %q", a.Code, a.Text, tt.code, tt.text)
			}
		})
	}
}

func TestAnswerEnhanced(t *testing.T) {
	for text, want := range map[string]string{"5.1.1 no such user": "5.1.1", "no such user": "", "1.2 x": "", "4.7.28 slow": "4.7.28", "a.b.c d": ""} {
		if got := (&wire.Answer{Code: 550, Text: text}).Enhanced(); got != want {
			t.Errorf("Enhanced of %q = %q, want %q", text, got, want)
		}
	}
}

// What the peer said before TLS is not read as if it came by it.
func TestStartTLSInjected(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	s := wire.New(here, 5*time.Second)
	defer s.Close()
	go func() {
		buf := make([]byte, 512)
		_, _ = there.Write([]byte("220 hello\r\n"))
		_, _ = there.Read(buf)
		_, _ = there.Write([]byte("250-hi\r\n250 STARTTLS\r\n"))
		_, _ = there.Read(buf)
		_, _ = there.Write([]byte("220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n"))
	}()
	if err := s.Greet("hale.example"); err != nil {
		t.Fatal(err)
	}
	if err := s.StartTLS(t.Context(), nil, "hale.example"); !errors.Is(err, wire.ErrInjected) {
		t.Errorf("StartTLS = %v, want ErrInjected", err)
	}
}

// Dots are doubled at the beginning of lines and nowhere else, and the end
// of the message is the dot that we set.
func TestLines(t *testing.T) {
	for in, want := range map[string]string{
		"a\r\n":             "a\r\n.\r\n",
		"a":                 "a\r\n.\r\n",
		".\r\n":             "..\r\n.\r\n",
		"a\r\n.\r\nb.c\r\n": "a\r\n..\r\nb.c\r\n.\r\n",
		"a\n.\nMAIL\r\n":    "a\n..\nMAIL\r\n.\r\n",
		"":                  "\r\n.\r\n",
	} {
		here, there := net.Pipe()
		s := wire.New(here, 5*time.Second)
		got := make(chan string, 1)
		go func() {
			b, _ := io.ReadAll(there)
			got <- string(b)
		}()
		if err := s.Lines([]byte(in)); err != nil {
			t.Fatal(err)
		}
		s.Dot()
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
		s.Close()
		if g := <-got; g != want {
			t.Errorf("Lines(%q) sent %q, want %q", in, g, want)
		}
	}
}

// Whatever a peer says, what is read is an answer or an error, and bounded.
func FuzzRead(f *testing.F) {
	f.Add("250 ok\r\n")
	f.Add("250-a\r\n250 b\r\n")
	f.Add("2\n")
	f.Fuzz(func(t *testing.T, says string) {
		s := talk(t, says)
		a, err := s.Read(250)
		if err == nil && (a.Code != 250 || len(a.Text) > 1<<20) {
			t.Errorf("Read(%q) = %+v", says, a)
		}
	})
}
