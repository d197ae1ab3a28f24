package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"hale/internal/app"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/care/patient"
	"hale/internal/reach"
	"hale/internal/reach/link"
	"hale/internal/reach/track"
	"hale/internal/store/db"
)

// fresh returns an empty database on engine, and what takes it away again.
func fresh(ctx context.Context, engine, folder string) (database string, drop func(), err error) {
	if engine == "sqlite" {
		return "sqlite:" + filepath.Join(folder, "hale.db"), func() {}, nil
	}
	server := os.Getenv("HALE_TEST_POSTGRES")
	if server == "" {
		return "", nil, errNoServer
	}
	admin, err := sql.Open("pgx", server)
	if err != nil {
		return "", nil, err
	}
	name := "trackload" + strings.ToLower(strings.Map(letters, seal.Token(9)))
	if _, err := admin.ExecContext(ctx, "create database "+name); err != nil {
		_ = admin.Close()
		return "", nil, err
	}
	u, err := url.Parse(server)
	if err != nil {
		_ = admin.Close()
		return "", nil, err
	}
	u.Path = "/" + name
	return u.String(), func() {
		_, _ = admin.ExecContext(context.WithoutCancel(ctx), "drop database "+name+" with (force)")
		_ = admin.Close()
	}, nil
}

func letters(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return -1
}

const person = `{"resourceType":"Patient","id":"ada","name":[{"family":"Alder","given":["Ada"]}],"birthDate":"1957-03-09","gender":"female"}` + "\n"

// serve serves database with the key that comes in first, says where and by
// which link there is a message, and counts when it is asked to.
func serve(ctx context.Context, database string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in := bufio.NewScanner(os.Stdin)
	if !in.Scan() {
		return fmt.Errorf("no key")
	}
	key, err := seal.ParseKey(in.Text())
	if err != nil {
		return err
	}
	c := app.Config{
		Addr: "127.0.0.1:0", Database: database, Key: key, Now: time.Now, Rand: rand.Reader,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	c.Clinic.Name, c.Clinic.Zone = "Alder Clinic", time.UTC
	token, err := settle(ctx, c)
	if err != nil {
		return err
	}
	go func() {
		for in.Scan() {
			n, err := count(ctx, database, key)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
			fmt.Println(n)
		}
		cancel() // who asked has gone
	}()
	return app.Serve(ctx, c, func(addr string) {
		_, host, _ := strings.Cut(addr, "://")
		fmt.Println(host, token)
	})
}

// settle makes one patient and one message with a link.
func settle(ctx context.Context, c app.Config) (token string, err error) {
	a, err := app.New(ctx, c)
	if err != nil {
		return "", err
	}
	defer a.Close()
	if _, err := a.Importer("trackload").ImportStream(ctx, "ada", strings.NewReader(person), nil); err != nil {
		return "", err
	}
	err = a.Reach.SendNow(ctx, reach.Direct{
		Purpose: "clinical_result", Channel: reach.Inbox, Patient: "ada", Lang: "en", Subject: "A note from your care team", Text: "Please bring your medicines to your next visit.",
	})
	if err != nil {
		return "", err
	}
	d, err := db.Open(ctx, c.Database, c.Key)
	if err != nil {
		return "", err
	}
	defer d.Close()
	message, err := db.One(ctx, d, db.Value[string], `select id from message where patient = 'ada'`)
	if err != nil {
		return "", err
	}
	links := link.NewStore(d, ids.NewSource(time.Now, rand.Reader), time.Now, rand.Reader, patient.NewStore(d))
	err = d.Tx(ctx, func(tx *db.Tx) error {
		token, err = links.Create(ctx, tx, link.New{Message: message, Patient: "ada", Factor: link.None, Expires: time.Now().AddDate(0, 0, 7)})
		return err
	})
	return token, err
}

// count returns how many fetches are kept, applied or not.
func count(ctx context.Context, database string, key seal.Key) (int64, error) {
	d, err := db.Open(ctx, database, key)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	const q = `select (select coalesce(sum(hits), 0) from track_log) + (select coalesce(sum(n), 0) from track_hit)`
	return db.One(ctx, d, db.Value[int64], q)
}

// addresses returns the paths that the mails of n messages fetch.
func addresses(key seal.Key, n int) ([]string, error) {
	source, signer := ids.NewSource(time.Now, rand.Reader), track.NewSigner(key, "")
	list := make([]string, n)
	for i := range list {
		if list[i] = signer.URL(source.New(), track.Picture); list[i] == "" {
			return nil, fmt.Errorf("no address")
		}
	}
	return list, nil
}
