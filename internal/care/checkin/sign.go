package checkin

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"hale/internal/access"
	"hale/internal/care/task"
	"hale/internal/record"
	"hale/internal/store/db"
)

// Paper returns what is signed now.
func (s *Store) Paper(ctx context.Context) (Paper, error) { return paper(ctx, s.DB) }

func paper(ctx context.Context, c db.Conn) (Paper, error) {
	const q = `select id, kind, n, title, text, title_es, text_es, at from paper where kind = $1 order by n desc limit 1`
	p, err := db.One(ctx, c, func(scan db.Scan) (p Paper, err error) {
		var at int64
		err = scan(&p.ID, &p.Kind, &p.N, &p.Title, &p.Text, &p.TitleES, &p.TextES, &at)
		p.At = db.Time(at)
		return p, err
	}, q, Treatment)
	if errors.Is(err, db.ErrNone) {
		return usual, nil
	}
	if err != nil {
		return p, fmt.Errorf("checkin: paper: %w", err)
	}
	return p, nil
}

// SetPaper writes a new version of what is signed. Older ones stay.
func (s *Store) SetPaper(ctx context.Context, pass access.Pass, p Paper) error {
	if err := pass.OpenAllOne(access.AnswerVisits, access.AnswerPatients); err != nil {
		return err
	}
	for _, t := range []*string{&p.Title, &p.Text, &p.TitleES, &p.TextES} {
		*t = strings.TrimSpace(strings.ReplaceAll(*t, "\r\n", "\n"))
	}
	if p.Title == "" || p.Text == "" || utf8.RuneCountInString(p.Text+p.TextES) > 20000 || len(p.Title+p.TitleES) > 400 || (p.TitleES == "") != (p.TextES == "") {
		return errPaper
	}
	return s.DB.Tx(ctx, func(tx *db.Tx) error {
		now, err := paper(ctx, tx)
		if err != nil {
			return err
		}
		const q = `insert into paper (id, kind, n, title, text, title_es, text_es, by, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
		_, err = tx.ExecContext(ctx, q, s.IDs.New(), Treatment, now.N+1, p.Title, p.Text, p.TitleES, p.TextES, pass.Actor().ID, s.Now().UnixMicro())
		if err != nil {
			return fmt.Errorf("checkin: set paper: %w", err)
		}
		return nil
	})
}

// Signature is how somebody signs.
type Signature struct {
	Version int    // that they read
	Lang    string // in which language: en, es
	Name    string // as they typed it
	Agree   bool
}

// Sign keeps a signature as a FHIR Consent that holds the very words.
func (s *Store) Sign(ctx context.Context, pass access.Pass, id string, in Signature) error {
	in.Name = strings.Join(strings.Fields(strings.ToValidUTF8(in.Name, "")), " ")
	switch {
	case !in.Agree:
		return errAgree
	case utf8.RuneCountInString(in.Name) < 3 || !strings.Contains(in.Name, " "):
		return errName
	case len(in.Name) > 200:
		return errLong
	}
	return s.do(ctx, pass, id, Sign, func(tx *db.Tx, patient string) error {
		p, err := paper(ctx, tx)
		if err != nil {
			return err
		}
		if p.N != in.Version {
			return errVersion
		}
		res := s.IDs.New()
		body, err := json.Marshal(s.consent(res, patient, id, p, in, pass.Actor()))
		if err != nil {
			return err
		}
		shown, err := json.Marshal(s.paperOf(res, patient, p, in))
		if err != nil {
			return err
		}
		_, err = s.Records.PutAll(ctx, tx, record.Source{Actor: pass.Actor()}, []record.Draft{
			{Type: "Consent", ID: res, Body: body}, {Type: "DocumentReference", ID: res, Body: shown},
		})
		return err
	})
}

// words are what was signed, with the name under it.
func words(p Paper, in Signature) (title, text string) {
	title, text = p.In(in.Lang)
	return fmt.Sprintf("%s, version %d", title, p.N), title + "\n\n" + text + "\n\nSigned: " + in.Name
}

// paperOf returns what was signed as a document, to be read among the others.
func (s *Store) paperOf(id, patient string, p Paper, in Signature) map[string]any {
	title, text := words(p, in)
	now := s.Now().UTC().Format("2006-01-02T15:04:05Z")
	return map[string]any{
		"resourceType": "DocumentReference", "id": id, "status": "current",
		"type":     map[string]any{"coding": []any{map[string]string{"system": "http://loinc.org", "code": "59284-0", "display": "Consent Document"}}, "text": title},
		"category": []any{map[string]any{"coding": []any{map[string]string{"system": "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "code": "clinical-note"}}}},
		"subject":  map[string]string{"reference": "Patient/" + patient}, "date": now, "author": []any{map[string]string{"reference": "Patient/" + patient}},
		"content": []any{map[string]any{"attachment": map[string]any{
			"contentType": "text/plain; charset=utf-8", "language": in.Lang, "data": base64.StdEncoding.EncodeToString([]byte(text)), "title": title, "creation": now,
		}}},
		"context": map[string]any{"related": []any{map[string]string{"reference": "Consent/" + id}}},
	}
}

// consent returns the signature as FHIR.
func (s *Store) consent(id, patient, visit string, p Paper, in Signature, by access.Actor) map[string]any {
	title, full := words(p, in)
	hash := sha1.Sum([]byte(full)) // Attachment.hash is SHA-1 in FHIR R4
	performer := map[string]string{"reference": "Patient/" + patient}
	if by.Patient != patient {
		performer = map[string]string{"type": "RelatedPerson", "display": in.Name}
	}
	now := s.Now().UTC().Format("2006-01-02T15:04:05Z")
	return map[string]any{
		"resourceType": "Consent", "id": id, "status": "active",
		"scope":    map[string]any{"coding": []any{map[string]string{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "treatment"}}},
		"category": []any{map[string]any{"coding": []any{map[string]string{"system": "http://loinc.org", "code": "59284-0", "display": "Consent Document"}}}},
		"patient":  map[string]string{"reference": "Patient/" + patient}, "dateTime": now, "performer": []any{performer},
		"policyRule": map[string]string{"text": title},
		"sourceAttachment": map[string]any{
			"contentType": "text/plain; charset=utf-8", "language": in.Lang, "title": title, "creation": now,
			"data": base64.StdEncoding.EncodeToString([]byte(full)), "hash": base64.StdEncoding.EncodeToString(hash[:]),
		},
		"verification": []any{map[string]any{"verified": true, "verifiedWith": performer, "verificationDate": now}},
		"extension":    []any{map[string]any{"url": "https://hale.example/fhir/signed-for", "valueReference": map[string]string{"reference": "Appointment/" + visit}}},
	}
}

// Apply writes the details of a task into the record, as somebody of the
// clinic has looked at them, and closes the task: pass is one for
// AnswerPatients, edit one for EditContacts on the same patient.
func (s *Store) Apply(ctx context.Context, pass, edit access.Pass, id string) error {
	patient, err := pass.OpenOne(access.AnswerVisits, access.AnswerPatients)
	if err != nil {
		return err
	}
	if mine, err := edit.Open(access.EditContacts); err != nil || mine != patient {
		return errStep
	}
	t, err := s.Tasks.Get(ctx, pass, id)
	if err != nil {
		return err
	}
	if t.Kind != task.CheckIn || t.Values["about"] != "details" {
		return errStep
	}
	return s.DB.Tx(ctx, func(tx *db.Tx) error {
		res, err := s.Records.GetIn(ctx, tx, edit, "Patient", patient)
		if err != nil {
			return err
		}
		body, err := renew(res.Body, t.Values)
		if err != nil {
			return fmt.Errorf("checkin: apply %s: %w", id, err)
		}
		_, err = s.Records.PutAll(ctx, tx, record.Source{Actor: edit.Actor()}, []record.Draft{{Type: "Patient", ID: patient, Body: body, IfVersion: res.Version}})
		if err != nil {
			return err
		}
		return s.Tasks.CloseTx(ctx, tx, pass, id, task.Finished, "Thank you. Your new details are in your record now.")
	})
}

// renew returns a Patient with new details.
func renew(body []byte, values map[string]string) ([]byte, error) {
	var p map[string]json.RawMessage
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, err
	}
	var address, telecom []map[string]any
	for key, to := range map[string]*[]map[string]any{"address": &address, "telecom": &telecom} {
		if raw, ok := p[key]; ok {
			if err := json.Unmarshal(raw, to); err != nil {
				return nil, err
			}
		}
	}
	address = moved(address, values)
	for _, c := range [...][3]string{{"phone", "phone", "mobile"}, {"email", "email", ""}} {
		if now := values["now-"+c[0]]; now != "" {
			telecom = reached(telecom, c[1], c[2], values["was-"+c[0]], now)
		}
	}
	for key, list := range map[string][]map[string]any{"address": address, "telecom": telecom} {
		if len(list) == 0 {
			continue
		}
		raw, err := json.Marshal(list)
		if err != nil {
			return nil, err
		}
		p[key] = raw
	}
	return json.Marshal(p)
}

// moved returns the addresses with new parts of the one at home.
func moved(list []map[string]any, values map[string]string) []map[string]any {
	set := map[string]any{}
	for field, key := range map[string]string{"line": "line", "city": "city", "state": "state", "zip": "postalCode"} {
		if now := values["now-"+field]; now != "" {
			set[key] = now
		}
	}
	if len(set) == 0 {
		return list
	}
	if line, ok := set["line"]; ok {
		set["line"] = []any{line}
	}
	at := -1
	for i, a := range list {
		if use, _ := a["use"].(string); use == "home" || at < 0 && use != "old" && use != "billing" {
			at = i
			if use == "home" {
				break
			}
		}
	}
	if at < 0 {
		list = append(list, map[string]any{"use": "home"})
		at = len(list) - 1
	}
	for key, value := range set {
		list[at][key] = value
	}
	delete(list[at], "text") // it would say the old one
	return list
}

// reached returns the ways to reach somebody with one replaced, or added.
func reached(list []map[string]any, system, use, was, now string) []map[string]any {
	for _, t := range list {
		if s, _ := t["system"].(string); s != system && !(system == "phone" && s == "sms") {
			continue
		}
		if v, _ := t["value"].(string); v == was || same(v, was) {
			t["value"] = now
			return list
		}
	}
	add := map[string]any{"system": system, "value": now}
	if use != "" {
		add["use"] = use
	}
	return append(list, add)
}

// same says whether two phone numbers have the same last ten digits.
func same(a, b string) bool {
	digits := func(s string) string {
		s = strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, s)
		return s[max(0, len(s)-10):]
	}
	x := digits(a)
	return len(x) == 10 && x == digits(b)
}
