package journey_test

import (
	"context"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/haletest"
	"hale/internal/reach/journey"
	"hale/internal/reach/template"
)

// What Hale comes with can be published as it is, in both languages, in words
// that most people read with ease.
func TestReadyMade(t *testing.T) {
	d := haletest.SQLite(t)
	c := open(t, d)
	list, err := journey.ReadyMade()
	if err != nil || len(list) != 7 {
		t.Fatalf("ReadyMade = %d, %v, want 7", len(list), err)
	}
	ctx, pass := context.Background(), haletest.Everyone(t, d, access.RunOutreach)
	for _, r := range list {
		id, err := c.s.Save(ctx, pass, "", r.Definition)
		if err == nil {
			err = c.s.Publish(ctx, pass, id)
		}
		if err != nil {
			t.Errorf("%s: %v", r.Key, err)
		}
		for _, n := range r.Definition.Nodes {
			if n.Reach == nil {
				continue
			}
			langs := map[string]int{}
			for _, p := range n.Reach.Template.Parts {
				if p.Channel != template.Page {
					continue
				}
				langs[p.Lang]++
				if p.Lang == "en" {
					text := strings.NewReplacer("{{", "", "}}", "").Replace(p.Body)
					if g := lang.Grade(text); g > 8 {
						t.Errorf("%s/%s reads like grade %.1f", r.Key, n.ID, g)
					}
				}
			}
			if langs["en"] != 1 || langs["es"] != 1 {
				t.Errorf("%s/%s is written in %v", r.Key, n.ID, langs)
			}
		}
	}
}
