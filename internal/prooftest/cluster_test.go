package prooftest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// cluster is a PostgreSQL of a test's own that keeps what it acknowledges,
// and that the test may kill.
type cluster struct {
	t        testing.TB
	bin, dir string
	port     int
	who      *syscall.Credential
}

// newCluster makes a server with fsync=on and starts it, or skips where none
// is installed.
func newCluster(t testing.TB) *cluster {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_ctl") // Debian and Ubuntu
	if path, err := exec.LookPath("pg_ctl"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		t.Skip("skipped: no PostgreSQL is installed")
	}
	dir, err := os.MkdirTemp("", "hale-cluster")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	c := &cluster{t: t, bin: filepath.Dir(slices.Max(found)), dir: dir, who: unprivileged(t, dir)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	c.run("initdb", "-D", c.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
	c.start()
	t.Cleanup(c.kill)
	return c
}

// unprivileged is who may run a server: PostgreSQL refuses to run as root.
func unprivileged(t testing.TB, dir string) *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Skip("skipped: PostgreSQL does not run as root, and there is no user postgres")
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *cluster) url() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", c.port)
}

func (c *cluster) run(name string, args ...string) {
	c.t.Helper()
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = c.dir, &syscall.SysProcAttr{Setpgid: true, Credential: c.who}
	if name == "initdb" {
		if out, err := cmd.CombinedOutput(); err != nil {
			c.t.Fatalf("%s: %v\n%s", name, err, out)
		}
		return
	}
	if err := cmd.Run(); err != nil { // the server keeps an inherited pipe open
		log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
		c.t.Fatalf("%s %v: %v\n%s", name, args, err, log)
	}
}

// start starts the server and waits until it has recovered and answers.
func (c *cluster) start() {
	c.t.Helper()
	options := fmt.Sprintf("-p %d -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=on -c max_connections=100 -c log_min_messages=fatal", c.port)
	c.run("pg_ctl", "-D", c.data(), "-l", filepath.Join(c.dir, "log"), "-o", options, "-w", "start")
}

// kill ends the server at once, as if the machine had gone; what its
// processes held in memory is lost.
func (c *cluster) kill() {
	c.run("pg_ctl", "-D", c.data(), "-m", "immediate", "-w", "stop")
}
