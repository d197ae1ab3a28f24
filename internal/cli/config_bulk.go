package cli

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"hale/internal/app"
)

// bulkSettings is the section bulk of hale.toml.
type bulkSettings struct {
	Folder  string   `toml:"folder"`
	Hours   int      `toml:"keep_hours"`
	AtATime int      `toml:"exports_at_a_time"`
	Hosts   []string `toml:"import_hosts"`
}

// into fills in where large files lie and from where they may come, and says
// what is wrong with it.
func (b bulkSettings) into(data string, c *app.Config) (wrong []string) {
	c.Bulk = app.Bulk{Folder: b.Folder, Life: time.Duration(b.Hours) * time.Hour, AtATime: b.AtATime, Hosts: b.Hosts}
	if b.Folder == "" {
		c.Bulk.Folder = filepath.Join(data, "files")
	}
	if b.Hours < 0 || b.Hours > 24*365 {
		wrong = append(wrong, "bulk.keep_hours must be 1 to 8760")
	}
	if b.AtATime < 0 || b.AtATime > 16 {
		wrong = append(wrong, "bulk.exports_at_a_time must be 1 to 16")
	}
	for _, h := range b.Hosts {
		if h == "" || strings.ContainsAny(h, "/: ") {
			wrong = append(wrong, fmt.Sprintf("bulk.import_hosts: %q is no name of a host", h))
		}
	}
	return wrong
}
