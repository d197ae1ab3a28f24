package app

import (
	"bytes"
	"html"
	"mime/multipart"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/access/account"
)

// knee is a form with a photo, signed at its end.
const knee = `{"resourceType":"Questionnaire","status":"draft","title":"Your knee","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/questionnaire-signatureRequired","valueCodeableConcept":{"coding":[{"code":"1.2.840.10065.1.12.1.1"}]}}],"item":[
	{"linkId":"a","type":"group","text":"Knee","item":[{"linkId":"how","type":"string","text":"How is the knee?","required":true},{"linkId":"photo","type":"attachment","text":"A photo of the knee","required":true}]}]}`

// helper makes a caregiver of ada who may do what rights say, and signs them
// in.
func (k *served) helper(t *testing.T, name string, rights []access.Right, parts ...access.Category) {
	t.Helper()
	a := account.Account{Kind: access.Proxy, Name: strings.ToUpper(name[:1]) + name[1:] + " Kind", Email: name + "@x.example"}
	made, err := k.app.Accounts.Add(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	g := access.Grant{Patient: "ada", Name: "Ada Byron", Rights: rights, Categories: parts, Basis: access.ByPatient}
	if err := k.app.Accounts.Grant(t.Context(), made.ID, g, k.clock.Now().AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	k.signIn(name, made)
}

// attach sends a page of a form with one file.
func (k *served) attach(t *testing.T, who, path, field string, file []byte, pairs ...string) page {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i+1 < len(pairs); i += 2 {
		if err := form.WriteField(pairs[i], pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	w, err := form.CreateFormFile(field, "photo.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	p := k.read(k.who[who].Post(k.base+path, form.FormDataContentType(), &body))
	p.body = html.UnescapeString(p.body)
	return p
}

// A caregiver fills in a form for somebody, with a photo, and signs for them;
// one whose help does not go so far finds no form.
func TestFormsFor(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k := newClinic(t, database)
		k.helper(t, "dora", []access.Right{access.SendMessages, access.ReadMessages, access.ReadRecord}, access.Messages, access.Documents)
		k.helper(t, "emil", []access.Right{access.ReadVisits}, access.Visits)
		mine := k.askForm(t, knee, "ada")
		hers := "/for/ada" + mine
		for _, who := range []string{"emil", "rosa", "cleo", "nobody"} {
			for _, path := range []string{hers, hers + "/1", hers + "/check", "/for/ada/forms"} {
				if p := k.see(who, path); strings.Contains(p.body, "knee") {
					t.Errorf("%s sees %s: %d", who, path, p.status)
				}
			}
			if p := k.fill(who, hers+"/send", "sign", "Somebody Else"); p.status == 200 && strings.Contains(p.body, "We have your form") {
				t.Errorf("%s sent it", who)
			}
		}
		shows(t, "the form for Ada", k.see("dora", hers), "How is the knee?", `type="file"`, "Ada Byron")
		if strings.Contains(k.see("dora", hers+"/1").body, "Go on without signing in") || k.fill("dora", hers+"/elsewhere").status != 404 {
			t.Error("a caregiver gets a link that asks for the patient's date of birth")
		}
		if p := k.attach(t, "dora", hers+"/1", "file:photo", []byte("not a photo"), "seen", "how", "q:how", "Swollen", "seen", "photo"); p.status != 422 || !strings.Contains(p.body, "Swollen") {
			t.Errorf("a file that is no photo is %d", p.status)
		}
		if p := k.fill("dora", hers+"/1", "seen", "how", "q:how", "Swollen", "seen", "photo"); p.status != 422 {
			t.Errorf("without the photo it is %d", p.status)
		}
		check := k.attach(t, "dora", hers+"/1", "file:photo", picture(t), "seen", "how", "q:how", "Swollen", "seen", "photo")
		shows(t, "everything once more", check, "Is everything right?", "Swollen", "You sign for Ada Byron")
		if p := k.see("ada", mine+"/1"); strings.Contains(p.body, "Swollen") {
			t.Error("what a caregiver has begun shows to the patient before it is sent")
		}
		if p := k.fill("dora", hers+"/send"); p.status != 422 {
			t.Errorf("without a signature it is %d", p.status)
		}
		shows(t, "what was sent", k.fill("dora", hers+"/send", "sign", "Dora Kind"), "We have your form")
		list := k.responses("ada")
		if len(list) != 1 || !strings.Contains(list[0], `"onBehalfOf"`) || !strings.Contains(list[0], "DocumentReference/") || strings.Contains(list[0], `"author"`) {
			t.Fatalf("the record has %s", list)
		}
		shows(t, "what the patient sees of it", k.see("ada", mine+"/done"), "Swollen", "Signed by Dora Kind for Ada Byron")
		read := k.see("nia", "/desk/forms/responses/"+strings.TrimPrefix(mine, "/forms/"))
		shows(t, "what the desk sees of it", read, "Swollen", "Dora Kind", "for Ada Byron")

		forged := k.askForm(t, strings.Replace(knee, "Your knee", "Your knee again", 1), "cleo")
		photo := found(t, "the record", `(DocumentReference/[0-9A-Za-z-]+)`, page{body: list[0]})
		k.fill("cleo", forged+"/1", "seen", "how", "q:how", "Mine", "seen", "photo", "q:photo", photo+"\timage/jpeg\tPhoto")
		if p := k.fill("cleo", forged+"/send", "sign", "Cleo Stander"); !strings.Contains(p.body, "could not find the photo") {
			t.Errorf("another's photo in one's own form is %d", p.status)
		}
	})
}
