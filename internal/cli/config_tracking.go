package cli

import (
	"fmt"
	"path/filepath"

	"hale/internal/app"
)

// trackingSettings is the section tracking of hale.toml.
type trackingSettings struct {
	Off      bool   `toml:"off"`
	Networks string `toml:"networks"`
}

// into fills in what mails report, and says what is wrong with it. A file
// without a folder lies beside the data.
func (t trackingSettings) into(data string, c *app.Config) (wrong []string) {
	c.Tracking = app.Tracking{Off: t.Off, Networks: t.Networks}
	if t.Networks != "" && !filepath.IsAbs(t.Networks) {
		c.Tracking.Networks = filepath.Join(data, t.Networks)
	}
	if len(t.Networks) > 1000 {
		wrong = append(wrong, fmt.Sprintf("tracking.networks: a path of %d characters", len(t.Networks)))
	}
	return wrong
}
