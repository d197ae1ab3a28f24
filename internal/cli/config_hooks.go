package cli

import (
	"fmt"
	"strings"

	"hale/internal/app"
)

// hookSettings is the section webhooks of hale.toml.
type hookSettings struct {
	Hosts []string `toml:"hosts"`
}

// into says at which hosts webhooks may be: those that are named, in the
// clinic's own network or not; where none is, any public one.
func (h hookSettings) into(c *app.Config) (wrong []string) {
	c.HookHosts = h.Hosts
	for _, name := range h.Hosts {
		if name == "" || strings.ContainsAny(name, "/: ") {
			wrong = append(wrong, fmt.Sprintf("webhooks.hosts: %q is no name of a host", name))
		}
	}
	return wrong
}
