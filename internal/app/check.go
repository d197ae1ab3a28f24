package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/outbound"
	"hale/internal/store/db"
	"hale/internal/store/schema"
)

// State is what a check found.
type State string

// The states.
const (
	OK    State = "ok"
	Note  State = "note"  // works, and you should know
	Wrong State = "wrong" // must be mended before serving
)

// Finding is one thing that Check looked at.
type Finding struct {
	What  string `json:"what"`
	State State  `json:"state"`
	Say   string `json:"say"`
}

// checkTime bounds each look at something far away.
const checkTime = 5 * time.Second

// Check looks at everything that c names, and sends nothing.
func Check(ctx context.Context, c Config) []Finding {
	list := []Finding{checkDatabase(ctx, c), checkAddress(c), checkURL(c), checkMail(ctx, c), checkTexts(ctx, c)}
	if c.TLS.CertFile != "" {
		list = append(list, checkCertificate(c))
	}
	return append(list, checkScanner(ctx, c))
}

func checkDatabase(ctx context.Context, c Config) Finding {
	d, err := c.openFile(ctx)
	if err != nil {
		return Finding{"database", Wrong, errs.Say(err)}
	}
	defer d.Close()
	has, newest, err := schema.Version(ctx, d)
	switch {
	case err != nil:
		return Finding{"database", Wrong, "It opens, but its version cannot be read: " + err.Error()}
	case has > newest:
		return Finding{"database", Wrong, fmt.Sprintf("It was made by a newer Hale (version %d; this one knows %d).", has, newest)}
	case has < newest:
		return Finding{"database", Note, fmt.Sprintf("%s opens. It will be brought from version %d to %d on start.", d.Engine(), has, newest)}
	}
	if db.Unverified(c.Database) {
		return Finding{"database", Note, "It opens and is up to date, but whose it is is not checked: sslmode=verify-full mends it."}
	}
	return Finding{"database", OK, fmt.Sprintf("%s opens and is up to date.", d.Engine())}
}

func checkAddress(c Config) Finding {
	l, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return Finding{"address", Wrong, fmt.Sprintf("Nothing can listen on %s: is something else there?", c.Addr)}
	}
	_ = l.Close()
	return Finding{"address", OK, c.Addr + " is free."}
}

func checkURL(c Config) Finding {
	switch {
	case c.URL == "":
		return Finding{"url", Note, "Not set: links will begin with " + c.base() + ", which works on this machine only."}
	case !c.secure():
		return Finding{"url", Wrong, "Patients must come by https. Set url to an address that begins with https://."}
	}
	return Finding{"url", OK, "Links begin with " + c.URL + "."}
}

func checkMail(ctx context.Context, c Config) Finding {
	if c.Mail.Direct {
		return checkDirect(c)
	}
	if c.Mail.Server == "" {
		return Finding{"mail", Note, "Not set: nobody will get e-mail."}
	}
	if err := dial(ctx, c.Mail.Server); err != nil {
		return Finding{"mail", Wrong, c.Mail.Server + " cannot be reached."}
	}
	return Finding{"mail", OK, c.Mail.Server + " answers. " + c.Mail.words()}
}

func checkClient() (*http.Client, error) {
	return outbound.New(outbound.Config{Private: true, Timeout: checkTime})
}

func checkCertificate(c Config) Finding {
	pair, err := tls.LoadX509KeyPair(c.TLS.CertFile, c.TLS.KeyFile)
	if err != nil {
		return Finding{"tls", Wrong, "The certificate and key do not load: " + err.Error()}
	}
	if left := pair.Leaf.NotAfter.Sub(c.Now()); left < 14*24*time.Hour {
		return Finding{"tls", Note, fmt.Sprintf("The certificate ends in %d days.", int(left.Hours()/24))}
	}
	return Finding{"tls", OK, "The certificate is good until " + pair.Leaf.NotAfter.Format(time.DateOnly) + "."}
}

func dial(ctx context.Context, addr string) error {
	d := net.Dialer{Timeout: checkTime}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}
