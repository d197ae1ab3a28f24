package haletest

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/jackc/pgx/v5"

	"hale/internal/store/db"
	"hale/internal/store/schema"
)

// template is the migrated database that this test binary copies.
var template = "hale_template_" + token()

var postgresTemplate = sync.OnceValue(func() error {
	ctx := context.Background()
	server := os.Getenv("HALE_TEST_POSTGRES")
	if err := create(ctx, server, template, "template0"); err != nil {
		return err
	}
	d, err := db.Open(ctx, at(server, template), Key)
	if err != nil {
		return err
	}
	defer d.Close()
	_, err = schema.Up(ctx, d)
	return err
})

func create(ctx context.Context, server, name, from string) error {
	return admin(ctx, server, fmt.Sprintf("create database %s template %s", name, from))
}

func drop(ctx context.Context, server, name string) error {
	return admin(ctx, server, fmt.Sprintf("drop database if exists %s with (force)", name))
}

// admin runs one statement on the server itself.
func admin(ctx context.Context, server, q string) error {
	c, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, q)
	return err
}
