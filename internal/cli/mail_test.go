package cli

import (
	"strings"
	"testing"

	"hale/internal/base/seal"
	"hale/internal/reach/verp"
)

// Keys that sign mail are made, wait, sign and are turned; each time the
// command says what to publish.
func TestMailKeys(t *testing.T) {
	each(t, func(t *testing.T, s *shell) {
		s.run(0, "init")
		s.vars["HALE_MAIL_FROM"] = "Riverside <care@clinic.example>"
		out, _ := s.run(0, "mail", "keys")
		contains(t, "keys", out, "There are no keys")
		out, _ = s.run(0, "mail", "keys", "make", "h1", "--domain", "clinic.example")
		contains(t, "make", out, "h1._domainkey.clinic.example. IN TXT", "k=rsa; p=", "h1-e._domainkey.clinic.example.", "k=ed25519; p=", "waits")
		_, fault := s.run(1, "mail", "keys", "make", "h1", "--domain", "clinic.example")
		contains(t, "make again", fault, "in use already")
		out, _ = s.run(0, "mail", "keys", "use", "h1", "--domain", "clinic.example")
		contains(t, "use", out, "signed with h1 from now on")
		s.run(0, "mail", "keys", "make", "h2", "--domain", "clinic.example")
		s.run(0, "mail", "keys", "use", "h2", "--domain", "clinic.example")
		out, _ = s.run(0, "mail", "keys")
		contains(t, "turned", out, "retired", "signs")
		if strings.Contains(out, "h1._domainkey") {
			t.Errorf("a retired key is still to be published: %s", out)
		}
		s.run(2, "mail", "keys", "burn")
		s.run(2, "mail")
	})
}

// A letter from a pipe is on the disk when the command ends with 0; one for
// nobody is refused for good, and what fails for now ends with 75.
func TestMailIn(t *testing.T) {
	s := newShell(t)
	s.run(0, "init")
	s.vars["HALE_MAIL_IN_HOST"] = "bounce.clinic.example"
	s.in = "From: MAILER-DAEMON@x.example\nTo: nobody@bounce.clinic.example\n\nhello\n"
	_, fault := s.run(1, "mail-in")
	contains(t, "for nobody", fault, "no such address")
	s.run(1, "mail-in", "--to", verp.New(seal.NewKey(), "bounce.clinic.example").Address(verp.Bounce, "0123"))
	s.vars["HALE_DATABASE"] = "postgres://postgres@127.0.0.1:1/none?connect_timeout=1"
	s.run(75, "mail-in", "--to", "b+x@bounce.clinic.example")
}
