package mailin_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"hale/internal/gateway/email"
	"hale/internal/gateway/mailin"
	"hale/internal/haletest"
)

// townserver is the mail server of the people we write to: it takes and
// refuses by the name before the @.
type townserver struct{}

func (townserver) NewSession(*smtp.Conn) (smtp.Session, error) { return townsession{}, nil }

type townsession struct{}

func (townsession) Reset()        {}
func (townsession) Logout() error { return nil }

func (townsession) Mail(string, *smtp.MailOptions) error { return nil }

func (townsession) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch local, _, _ := strings.Cut(to, "@"); local {
	case "gone":
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "<" + to + ">: no such user here"}
	case "full":
		return &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 2, 2}, Message: "mailbox is over its quota"}
	case "blocked":
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "your IP is on our blocklist"}
	}
	return nil
}

func (townsession) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// town starts the people's mail server and returns its port.
func town(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(townserver{})
	server.Domain, server.ErrorLog = "mx.town.example", log.New(io.Discard, "", 0)
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(l) })
	t.Cleanup(func() { _ = server.Close(); served.Wait() })
	return port(l)
}

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// comesBack sends through a real mail server, which finds out that some
// addresses are no good, reports it in its own words to our listener, and
// checks what became of each message.
func comesBack(t *testing.T, start func(t *testing.T, out, back int) (addr string, logs func() string)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	addr, logs := start(t, town(t), port(l))
	g, err := email.New(email.Config{Addr: addr, TLS: email.Opportunistic, Insecure: true, From: "care@clinic.example", Now: func() time.Time { return midday }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	want := map[string]string{
		"gone@town.example": "undelivered bounced_hard bounced", "full@town.example": "undelivered bounced_soft active",
		"blocked@town.example": "undelivered bounced_block active", "fine@town.example": "accepted  active",
	}
	var to []string
	for a := range want {
		to = append(to, a)
	}
	c := open(t, haletest.SQLite(t), g, to...)
	ctx, stop := context.WithCancel(t.Context())
	var served sync.WaitGroup
	served.Go(func() { _ = (&mailin.Server{Desk: c.desk, Domain: "bounce.clinic.example"}).Serve(ctx, l) })
	t.Cleanup(func() { stop(); served.Wait() })
	for range 200 {
		if c.count(`select count(*) from mail_in where state = 'done'`) == 3 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	for a, w := range want {
		if got := c.state(a); got != w {
			t.Errorf("%s = %q, want %q", a, got, w)
		}
	}
	if t.Failed() {
		t.Logf("the mail server's log:\n%s", logs())
	}
}

// folder makes a folder that other users may enter, which t.TempDir is not.
func folder(t *testing.T, parts ...string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hale-mailin")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 20 { // its processes end a little after it says so
			os.RemoveAll(dir)
			time.Sleep(50 * time.Millisecond)
			if _, err := os.Stat(dir); err != nil {
				return
			}
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		if err := os.Mkdir(filepath.Join(dir, p), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// answers waits until something answers at addr.
func answers(t *testing.T, addr string, logs func() string) {
	t.Helper()
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Skipf("skipped: the mail server does not start here:\n%s", logs())
}

func needs(t *testing.T, user string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("skipped: a mail server starts as root only")
	}
	if err := exec.Command("id", user).Run(); err != nil {
		t.Skipf("skipped: there is no user %s (scripts/install-test-tools.sh)", user)
	}
}

func TestServerPostfix(t *testing.T) {
	bin, err := exec.LookPath("postfix")
	if err != nil {
		t.Skip("skipped: Postfix is not installed (scripts/install-test-tools.sh)")
	}
	needs(t, "postfix")
	comesBack(t, func(t *testing.T, out, back int) (string, func() string) {
		addr := fmt.Sprintf("127.0.0.1:%d", haletest.FreePort(t))
		dir := folder(t, "conf", "queue", "data")
		logs := func() string { text, _ := os.ReadFile(filepath.Join(dir, "log")); return string(text) }
		write(t, filepath.Join(dir, "conf", "main.cf"), fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = %[1]s/log
maillog_file_prefixes = /tmp, /var/tmp, %[1]s
mail_owner = postfix
setgid_group = postdrop
myhostname = relay.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
tls_config_file = none
smtpd_tls_session_cache_database =
smtp_dns_support_level = disabled
smtp_tls_security_level = none
default_transport = smtp:[127.0.0.1]:%[2]d
transport_maps = inline:{bounce.clinic.example=smtp:[127.0.0.1]:%[3]d}
smtpd_relay_restrictions = permit_mynetworks, reject
`, dir, out, back))
		write(t, filepath.Join(dir, "conf", "master.cf"), addr+` inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`)
		if out, err := exec.Command("chown", "postfix", filepath.Join(dir, "data")).CombinedOutput(); err != nil {
			t.Skipf("skipped: chown: %v %s", err, out)
		}
		conf := filepath.Join(dir, "conf")
		if out, err := exec.Command(bin, "-c", conf, "start").CombinedOutput(); err != nil {
			t.Skipf("skipped: Postfix does not start here: %v %s", err, out)
		}
		t.Cleanup(func() { _ = exec.Command(bin, "-c", conf, "stop").Run() })
		answers(t, addr, logs)
		return addr, logs
	})
}

// exim is where Exim is: installed, or unpacked beside another mail server.
func exim() string {
	for _, name := range []string{"exim4", "exim"} {
		if bin, err := exec.LookPath(name); err == nil {
			return bin
		}
	}
	if bin, err := filepath.Abs("../../../.bin/exim/usr/sbin/exim4"); err == nil {
		if _, err := os.Stat(bin); err == nil {
			return bin
		}
	}
	return ""
}

func TestServerExim(t *testing.T) {
	bin := exim()
	if bin == "" {
		t.Skip("skipped: Exim is not there (scripts/install-test-tools.sh)")
	}
	needs(t, "Debian-exim")
	comesBack(t, func(t *testing.T, out, back int) (string, func() string) {
		at := haletest.FreePort(t)
		dir := folder(t, "spool", "log")
		logs := func() string { text, _ := os.ReadFile(filepath.Join(dir, "log", "main")); return string(text) }
		if out, err := exec.Command("chown", "Debian-exim", filepath.Join(dir, "spool"), filepath.Join(dir, "log")).CombinedOutput(); err != nil {
			t.Skipf("skipped: chown: %v %s", err, out)
		}
		write(t, filepath.Join(dir, "conf"), fmt.Sprintf(`primary_hostname = exim.example
exim_path = %[2]s
spool_directory = %[1]s/spool
log_file_path = %[1]s/log/%%s
pid_file_path = %[1]s/pid
daemon_smtp_ports = %[3]d
local_interfaces = 127.0.0.1
acl_smtp_rcpt = accept
acl_smtp_data = accept
tls_advertise_hosts =
host_lookup =
rfc1413_hosts =
keep_environment =
begin routers
back:
  driver = manualroute
  domains = bounce.clinic.example
  transport = back
  route_list = * 127.0.0.1
  self = send
out:
  driver = manualroute
  transport = out
  route_list = * 127.0.0.1
  self = send
begin transports
back:
  driver = smtp
  port = %[5]d
  allow_localhost
out:
  driver = smtp
  port = %[4]d
  allow_localhost
begin retry
* * F,2h,15m
`, dir, bin, at, out, back))
		daemon := exec.Command(bin, "-C", filepath.Join(dir, "conf"), "-bdf")
		if err := daemon.Start(); err != nil {
			t.Skipf("skipped: Exim does not start here: %v", err)
		}
		t.Cleanup(func() { _ = daemon.Process.Kill(); _ = daemon.Wait() })
		addr := fmt.Sprintf("127.0.0.1:%d", at)
		answers(t, addr, logs)
		return addr, logs
	})
}
