package cli

import (
	"fmt"
	"path/filepath"

	"hale/internal/app"
)

// reachSettings is the section reach of hale.toml.
type reachSettings struct {
	Law string `toml:"law"` // a file of the clinic's own rows beside those that come with Hale
}

// into takes the file, which stands beside the data unless its path is whole.
func (s reachSettings) into(data string, c *app.Config) (wrong []string) {
	if s.Law == "" {
		return nil
	}
	if c.Law = s.Law; !filepath.IsAbs(c.Law) {
		c.Law = filepath.Join(data, c.Law)
	}
	if err := c.CheckLaw(); err != nil {
		wrong = append(wrong, fmt.Sprintf("reach.law: %v", err))
	}
	return wrong
}
