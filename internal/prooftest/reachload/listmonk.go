package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"hale/internal/prooftest/rig"
)

// peer measures listmonk: the same people on one list, a letter of the same
// size with a name, a tracked link and the picture that counts openings, and
// the same mail server, without TLS. It runs at the settings it was fastest
// with here: 50 workers, no limit that it reaches, 10,000 people at a time.
func (o options) peer(ctx context.Context) (r result, err error) {
	p, err := startPost(ctx, false)
	if err != nil {
		return r, err
	}
	defer p.stop()
	database, err := rig.NewDatabase(ctx)
	if err != nil {
		return r, err
	}
	folder, err := os.MkdirTemp("", "reach-peer")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(folder)
	config, err := peerConfig(folder, database)
	if err != nil {
		return r, err
	}
	installed, err := o.listmonkCommand(ctx, "--config", config, "--install", "--yes").CombinedOutput()
	if err == nil {
		err = o.peerFill(ctx, database, p.addr)
	}
	if err != nil {
		return r, fmt.Errorf("%w: %s", err, installed)
	}
	cmd := o.listmonkCommand(ctx, "--config", config)
	if err := cmd.Start(); err != nil {
		return r, err
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
	}()
	time.Sleep(2 * time.Second) // it starts
	before, sink := rig.Take(cmd.Process.Pid, "postgres"), rig.CPU(p.cmd.Process.Pid)
	if err := run(ctx, database, `update campaigns set status = 'running', started_at = now()`); err != nil {
		return r, err
	}
	c, err := p.quiet(ctx, o.limit)
	if err != nil {
		return r, err
	}
	used := before.Until(rig.Take(cmd.Process.Pid, "postgres"))
	return result{
		who: "listmonk", sent: c.all, took: c.last.Sub(c.first), server: used.Server, store: used.Database, steal: used.Steal,
		post: rig.CPU(p.cmd.Process.Pid) - sink, memory: rig.Peak(cmd.Process.Pid),
		line: fmt.Sprintf("%d people; the mail server counted %d; the time is from the first to the last that it took", o.people, c.all),
	}, nil
}

func (o options) listmonkCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, o.listmonk, args...)
	cmd.Dir = o.assets
	return cmd
}

// peerConfig writes the file that says where its database is.
func peerConfig(folder, database string) (string, error) {
	u, err := url.Parse(database)
	if err != nil {
		return "", err
	}
	address, err := rig.FreeAddr()
	if err != nil {
		return "", err
	}
	password, _ := u.User.Password()
	if password == "" {
		password = "none" // an empty one is read as no database
	}
	port := u.Port()
	if port == "" {
		port = "5432"
	}
	text := fmt.Sprintf("[app]\naddress = %q\nadmin_username = \"a\"\nadmin_password = \"a\"\n[db]\nhost = %q\nport = %s\nuser = %q\npassword = %q\ndatabase = %q\nssl_mode = \"disable\"\nmax_open = 25\nmax_idle = 25\nmax_lifetime = \"300s\"\n",
		address, u.Hostname(), port, u.User.Username(), password, strings.TrimPrefix(u.Path, "/"))
	path := filepath.Join(folder, "config.toml")
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// peerFill puts people, a list, a template and a campaign into its database.
func (o options) peerFill(ctx context.Context, database, relay string) error {
	host, port, ok := strings.Cut(relay, ":")
	if !ok {
		return errors.New("the mail server has no port")
	}
	smtp := fmt.Sprintf(`[{"enabled":true,"host":%q,"port":%s,"auth_protocol":"none","username":"","password":"","hello_hostname":"","max_conns":50,"idle_timeout":"15s","wait_timeout":"5s","max_msg_retries":2,"tls_enabled":false,"tls_skip_verify":true,"email_headers":[]}]`, host, port)
	return run(ctx, database,
		`update settings set value = '50' where key = 'app.concurrency'`,
		`update settings set value = '2000' where key = 'app.message_rate'`,
		`update settings set value = '10000' where key = 'app.batch_size'`,
		`update settings set value = 'false' where key = 'app.check_updates'`,
		`update settings set value = '`+smtp+`' where key = 'smtp'`,
		`delete from campaigns`, `delete from subscribers`, `delete from lists`,
		`insert into lists (id, uuid, name, type) values (100, md5('list')::uuid, 'all', 'public')`,
		fmt.Sprintf(`insert into subscribers (id, uuid, email, name) select n, md5('s' || n)::uuid, 'p' || n || '@d' || n %% 200 || '.example', 'Given' || n %% 700 || ' Family' || n %% 5000 from generate_series(1, %d) n`, o.people),
		`insert into subscriber_lists (subscriber_id, list_id, status) select id, 100, 'confirmed' from subscribers`,
		`insert into templates (id, name, body) values (100, 'load', '<!doctype html><html><body>{{ template "content" . }}{{ TrackView }}</body></html>')`,
		`insert into campaigns (id, uuid, name, subject, from_email, body, content_type, status, messenger, template_id)
			values (100, md5('c')::uuid, 'load', 'Your visit', 'Clinic <care@clinic.example>', '`+peerLetter()+`', 'html', 'draft', 'email', 100)`,
		`insert into campaign_lists (campaign_id, list_id, list_name) values (100, 100, 'all')`,
		`analyze`,
	)
}

// peerLetter is a text of htmlBytes with a name and a link that is tracked.
func peerLetter() string {
	const words = "<p>Please bring your insurance card and a list of the medicines you take. If the time does not suit you, choose another one on the page behind the link.</p>"
	head := `<p>Dear {{ .Subscriber.FirstName }},</p><p>your next visit is coming up.</p><p><a href="{{ TrackLink "https://clinic.example/visit" }}">Open</a></p>`
	return head + strings.Repeat(words, (htmlBytes-len(head))/len(words))
}

func run(ctx context.Context, database string, statements ...string) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, q := range statements {
		if _, err := conn.Exec(ctx, q); err != nil {
			return fmt.Errorf("%.60s: %w", q, err)
		}
	}
	return nil
}
