package db_test

import (
	"strings"
	"testing"

	"hale/internal/store/db"
)

func TestVerified(t *testing.T) {
	for address, want := range map[string]string{
		"postgres://hale@db.example.org/hale":                   "sslmode=verify-full",
		"postgres://hale@10.0.0.7:5432/hale?application_name=x": "sslmode=verify-full",
		"postgres://hale@localhost,db.example.org/hale":         "sslmode=verify-full",
		"postgresql://hale@/hale?host=db.example.org":           "sslmode=verify-full",
		"postgres://hale@db.example.org/hale?sslmode=disable":   "sslmode=disable",
		"postgres://hale@db.example.org/hale?sslmode=verify-ca": "sslmode=verify-ca",
		"postgres://hale@localhost/hale":                        "",
		"postgres://hale@127.0.0.1:54329/hale":                  "",
		"postgres://hale@[::1]:5432/hale":                       "",
		"postgres:///hale?host=/run/postgresql":                 "",
	} {
		got := db.Verified(address)
		if want == "" && got != address || want != "" && !strings.Contains(got, want) {
			t.Errorf("Verified(%s) = %s, want %q in it", address, got, want)
		}
	}
	for address, want := range map[string]bool{
		"postgres://db.example.org/hale?sslmode=disable": true, "postgres://db.example.org/hale?sslmode=require": true,
		"postgres://db.example.org/hale?sslmode=verify-full": false, "postgres://db.example.org/hale": false,
		"postgres://localhost/hale?sslmode=disable": false, "sqlite:/var/hale.db": false,
	} {
		if got := db.Unverified(address); got != want {
			t.Errorf("Unverified(%s) = %t", address, got)
		}
	}
}
