package app

import (
	"bytes"
	"image"
	"image/jpeg"
	"strings"
	"testing"

	"hale/internal/base/intake"
	"hale/internal/store/db"
)

// shade is a photo unlike those of other widths.
func shade(t *testing.T, wide int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, wide, 16)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// letters counts what came for a patient.
func (k *served) letters(patient string) int {
	k.t.Helper()
	n, err := db.One(k.t.Context(), k.app.db, db.Value[int], `select count(*) from upload where patient = $1`, patient)
	if err != nil {
		k.t.Fatal(err)
	}
	return n
}

// linked makes a link to a form of a patient, opened on a phone of its own.
func (k *served) linked(t *testing.T, patient, form, phone string) string {
	t.Helper()
	at := found(t, "the link", `(/fill/[0-9A-Za-z]{12})<`, k.fill(patient, form+"/elsewhere"))
	k.who[phone] = k.browser("")
	shows(t, "the form by link", k.fill(phone, at, born(patient)...), "How is the knee?")
	shows(t, "its page", k.see(phone, at+"/1"), `type="file"`, `enctype="multipart/form-data"`)
	return at
}

// Whoever fills in a form by a link sends a photo with it, within the limits
// that hold after signing in; what is no harmless photo or PDF is refused,
// and nothing typed is lost.
func TestFormsElsewherePhoto(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k := newClinic(t, database)
		mine := k.askForm(t, knee, "ada")
		at := k.linked(t, "ada", mine, "phone")
		page := []string{"seen", "how", "q:how", "Swollen", "seen", "photo"}
		script := []byte("%PDF-1.7\n1 0 obj <</S /JavaScript /JS (app.alert)>> endobj\n%%EOF\n")
		for name, bad := range map[string]struct {
			file []byte
			say  string
		}{
			"no photo":          {[]byte("not a photo"), "not a photo or a PDF"},
			"a PDF with script": {script, "has a program in it"},
			"too large":         {append(shade(t, 16), make([]byte, intake.MaxFile)...), "too large"},
		} {
			if p := k.attach(t, "phone", at+"/1", "file:photo", bad.file, page...); p.status != 422 || !strings.Contains(p.body, bad.say) || !strings.Contains(p.body, "Swollen") {
				t.Errorf("%s is %d", name, p.status)
			}
		}
		if p := k.attach(t, "phone", at+"/1", "file:photo", append(shade(t, 16), make([]byte, 4*intake.MaxFile)...), page...); p.status != 422 || !strings.Contains(p.body, "That was too large for us to take.") {
			t.Errorf("a page of more than four files' size is %d", p.status)
		}
		k.who["stranger"] = k.browser("")
		if p := k.attach(t, "stranger", at+"/1", "file:photo", shade(t, 16), page...); !strings.Contains(p.body, "Date of birth") {
			t.Errorf("a photo from who did not open the link is %d", p.status)
		}
		if n := k.letters("ada"); n != 0 {
			t.Fatalf("%d files were kept of what was refused", n)
		}
		hidden := append(shade(t, 16), []byte("hidden behind it")...)
		for range 2 { // a second tap is no second photo
			shows(t, "everything once more", k.attach(t, "phone", at+"/1", "file:photo", hidden, page...), "Is everything right?", "Swollen")
		}
		if n := k.letters("ada"); n != 1 {
			t.Errorf("%d files are kept, want one", n)
		}
		shows(t, "the page again", k.see("phone", at+"/1"), "checked", "DocumentReference/")
		for i := range 9 {
			shows(t, "another photo", k.attach(t, "phone", at+"/1", "file:photo", shade(t, 20+i), page...), "Is everything right?")
		}
		if p := k.attach(t, "phone", at+"/1", "file:photo", shade(t, 40), page...); p.status != 422 || !strings.Contains(p.body, "all we can take with this form") {
			t.Errorf("an eleventh photo is %d", p.status)
		}
		shows(t, "with one of them", k.attach(t, "phone", at+"/1", "file:photo", shade(t, 28), page...), "Is everything right?")
		shows(t, "what was sent", k.fill("phone", at+"/send", "sign", "Ada Byron"), "We have your form")
		list := k.responses("ada")
		if len(list) != 1 || !strings.Contains(list[0], "DocumentReference/") {
			t.Fatalf("the record has %s", list)
		}
		k.attach(t, "phone", at+"/1", "file:photo", shade(t, 50), page...)
		if n := k.letters("ada"); n != 10 {
			t.Errorf("%d files after the form was sent, want those before", n)
		}
		shows(t, "what the desk sees", k.see("nia", "/desk/forms/responses/"+strings.TrimPrefix(mine, "/forms/")), "Swollen", "A photo of the knee")
	})
}

// A link takes the photos that came with its own form alone: neither another
// patient's nor the same patient's from elsewhere. What was sent with it after
// signing in goes along.
func TestFormsElsewhereBound(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k := newClinic(t, database)
		name := func(patient string) string {
			id, err := db.One(t.Context(), k.app.db, db.Value[string], `select document from upload where patient = $1 order by at desc, document desc limit 1`, patient)
			if err != nil {
				t.Fatal(err)
			}
			return "DocumentReference/" + id + "\timage/jpeg\tPhoto"
		}
		page := []string{"seen", "how", "q:how", "Sore", "seen", "photo"}
		first := k.askForm(t, knee, "ada")
		shows(t, "a photo after signing in", k.attach(t, "ada", first+"/1", "file:photo", shade(t, 16), page...), "Is everything right?")
		at := k.linked(t, "ada", first, "phone")
		first1 := name("ada")

		second := k.askForm(t, strings.Replace(knee, "Your knee", "Your other knee", 1), "ada")
		other := k.linked(t, "ada", second, "phone2")
		k.fill("phone2", other+"/1", append(page, "q:photo", first1)...)
		if p := k.fill("phone2", other+"/send", "sign", "Ada Byron"); p.status != 422 || !strings.Contains(p.body, "could not find the photo") {
			t.Errorf("a photo of another form of hers is %d", p.status)
		}
		theirs := k.askForm(t, strings.Replace(knee, "Your knee", "Your knee again", 1), "cleo")
		hers := k.linked(t, "cleo", theirs, "phone3")
		k.fill("phone3", hers+"/1", append(page, "q:photo", first1)...)
		if p := k.fill("phone3", hers+"/send", "sign", "Cleo Stander"); p.status != 422 || !strings.Contains(p.body, "could not find the photo") {
			t.Errorf("another patient's photo is %d", p.status)
		}
		if p := k.attach(t, "phone3", at+"/1", "file:photo", shade(t, 30), page...); !strings.Contains(p.body, "Date of birth") {
			t.Errorf("a photo through another person's link is %d", p.status)
		}
		if n := k.letters("cleo"); n != 0 {
			t.Errorf("%d files of Cleo's, want none", n)
		}
		shows(t, "her own form with her own photo", k.fill("phone", at+"/send", "sign", "Ada Byron"), "We have your form")
		shows(t, "a photo of its own", k.attach(t, "phone2", other+"/1", "file:photo", shade(t, 18), page...), "Is everything right?")
		shows(t, "the second form", k.fill("phone2", other+"/send", "sign", "Ada Byron"), "We have your form")
	})
}
