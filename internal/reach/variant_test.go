package reach_test

import (
	"math"
	"testing"

	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

// Several texts are drawn by their shares, for those held out as well, and
// each person gets the text that was drawn.
func TestEngineVariants(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		const n = 600
		w.add(many(n)...)
		o := care()
		o.Holdout = 0.2
		for key, title := range map[string]string{"a": "Time for your eye exam", "b": "Your eyes matter"} {
			text := o.Template
			text.Parts = []template.Part{{Channel: template.Page, Lang: "en", Subject: title, Body: "Please book a visit."}, {Channel: template.Page, Lang: "es", Subject: title, Body: "Haga una cita."}}
			share := map[string]float64{"a": 0.7, "b": 0.3}[key]
			o.Variants = append(o.Variants, reach.Variant{Key: key, Share: share, Template: text})
		}
		o.Channels = []reach.Channel{reach.Email}
		w.start(o)
		for key, share := range map[string]float64{"a": 0.7, "b": 0.3} {
			got := w.count(`select count(*) from intent where variant = $1 and abs(variant_p - $2) < 0.0001`, key, share)
			if sd := math.Sqrt(n * share * (1 - share)); math.Abs(float64(got)-n*share) > 5*sd {
				t.Errorf("%d of %d drew %s, whose share is %.1f", got, n, key, share)
			}
			if w.count(`select count(*) from intent where variant = $1 and assignment = 'holdout'`, key) == 0 {
				t.Errorf("nobody held out drew %s", key)
			}
		}
		w.send()
		titles := map[string]int{}
		for _, h := range w.gate[reach.Email].got() {
			titles[h.Subject]++
		}
		a := w.count(`select count(*) from intent where variant = 'a' and assignment = 'treat'`)
		if got := titles["Time for your eye exam"]; got != a {
			t.Errorf("%d mails carry text a, want %d: %v", got, a, titles)
		}
	})
}
