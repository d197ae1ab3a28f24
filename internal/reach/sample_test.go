package reach_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/policy"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

// A dry run shows the hardest of each kind and five by lot, each channel by
// channel: what it would carry, or why it is closed.
func TestSamples(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.gate[reach.Email].noTLS = true
		people := many(30)
		people[0].given, people[0].family = "Maximiliano Bartholomew", "Featherstonehaugh-Cholmondeley"
		people[1].given, people[1].family = "محمد", "الأحمد"
		people[2].given, people[2].family = "小明", "王"
		people[3].email = ""
		people[4].lang = "vi"
		people[5].lang = "es"
		people[6].shared = true
		w.add(people...)
		w.tx(execs(`update person set given = '', full_name = 'Number 7' where id = 'p000007'`))
		w.tx(execs(`update person set born = '2018-01-01' where id = 'p000008'`))
		w.tx(execs(`update contact_point set status = 'opted_out' where patient = 'p000009' and kind = 'sms'`))
		pass := w.run(access.RunOutreach)
		o := care()
		o.Template.Parts[0].Body += ` {{ visit.place | default: "" }}`
		o, err := w.e.Save(t.Context(), pass, o)
		if err != nil {
			t.Fatal(err)
		}
		w.e.Style.Cents = 2
		f, err := w.e.DryRun(t.Context(), pass, o.ID)
		if err != nil {
			t.Fatal(err)
		}
		by := map[string]reach.Sample{}
		ordinary := 0
		for _, s := range f.Samples {
			by[s.Why] = s
			if !s.Worst {
				ordinary++
			}
			if len(s.Ways) == 0 && s.Channel != "" {
				t.Errorf("%q has no channels", s.Why)
			}
			for _, way := range s.Ways {
				if (way.Mode == policy.None) != (way.Why != "") || way.Mode != policy.None && way.Text == "" {
					t.Errorf("%q: %+v", s.Why, way)
				}
			}
		}
		for _, why := range []string{"Longest name", "Name written from the right", "Name in Chinese, Japanese or Korean letters", "No e-mail address", "Language not written in: vi", "Reads Spanish",
			"Address shared with another patient", "Nothing on record for first_name", "Nothing on record for visit.place", "A child", "Opted out on one address", "E-mail goes unencrypted"} {
			if _, ok := by[why]; !ok {
				t.Errorf("nobody is shown for %q", why)
			}
		}
		if ordinary != 5 {
			t.Errorf("%d are shown by lot, want 5", ordinary)
		}
		out := by["Opted out on one address"]
		if i := slices.IndexFunc(out.Ways, func(w reach.Way) bool { return w.Channel == reach.SMS }); i < 0 || out.Ways[i].Why == "" {
			t.Errorf("who opted out of texts: %+v", out.Ways)
		}
		if s := by["Longest name"]; !strings.Contains(fmt.Sprint(s.Ways), "https://rfm.example/m/0123456789AB") {
			t.Errorf("the link is %+v", s.Ways)
		}
		if f.Cents != 2*float64(f.Segments) || f.Segments == 0 {
			t.Errorf("%d texts cost %.1f¢", f.Segments, f.Cents)
		}
		if again, err := w.e.DryRun(t.Context(), pass, o.ID); err != nil || fmt.Sprint(again.Samples) != fmt.Sprint(f.Samples) {
			t.Error("another dry run shows others")
		}
	})
}

// A specimen needs nobody and says how long the text is.
func TestSpecimen(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		s, err := w.e.Specimen(care().Template, "eye-exam", "en")
		if err != nil || s.Segments != 1 || s.Wide || s.Letters < 60 || !strings.Contains(s.Mail.Text, "eye exam") || strings.Contains(s.Notice.HTML, "eye exam") || !strings.Contains(s.Text, "STOP") {
			t.Errorf("Specimen = %+v, %v", s, err)
		}
		if _, err := w.e.Specimen(template.Template{Parts: []template.Part{{Channel: template.Page, Lang: "en", Body: "{{ x }}"}}}, "", "en"); err == nil {
			t.Error("a text that cannot be read has a specimen")
		}
	})
}

// execs is a transaction of one statement.
func execs(q string) func(context.Context, *db.Tx) error {
	return func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, q)
		return err
	}
}
