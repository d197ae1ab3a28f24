package document_test

import (
	"encoding/base64"
	"fmt"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/document"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

func open(t *testing.T, d *db.DB) (*document.Store, func(typ, id, rest string)) {
	t.Helper()
	clock := haletest.Clock(haletest.Noon)
	s := record.New(d, haletest.IDs(), clock, event.NewLog(haletest.IDs(), clock), document.View())
	put := func(typ, id, rest string) {
		t.Helper()
		err := d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := s.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test")},
				[]record.Draft{{Type: typ, ID: id, Body: fmt.Appendf(nil, `{"resourceType":%q,"id":%q,%s}`, typ, id, rest)}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return document.NewStore(d, s), put
}

const ofP1 = `"subject":{"reference":"Patient/p1"},`

func TestStore(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, put := open(t, d)
		note := base64.StdEncoding.EncodeToString([]byte("Keep walking."))
		put("Patient", "p1", `"active":true`)
		put("Patient", "p2", `"active":true`)
		put("DocumentReference", "d1", ofP1+`"status":"current","type":{"text":"Visit note"},"date":"2026-02-01T10:00:00Z","content":[{"attachment":{"contentType":"text/plain; charset=utf-8","data":"`+note+`"}}]`)
		put("DocumentReference", "d2", ofP1+`"status":"current","type":{"text":"Scan"},"date":"2026-01-01T10:00:00Z","content":[{"attachment":{"contentType":"application/pdf","data":"JVBERi0xLjQK"}}]`)
		put("DocumentReference", "gone", ofP1+`"status":"superseded","type":{"text":"Old"},"content":[{"attachment":{}}]`)
		put("DiagnosticReport", "panel", ofP1+`"status":"final","code":{"text":"Basic panel"},"result":[{"reference":"Observation/x"}]`)
		put("DiagnosticReport", "scan", ofP1+`"status":"final","code":{"text":"Chest X-ray"},"conclusion":"Clear lungs.","effectiveDateTime":"2025-02-01"`)
		put("CarePlan", "cp", ofP1+`"status":"active","intent":"order","category":[{"text":"Diabetes self management plan"}],"period":{"start":"2024-01-01"},"activity":[{"detail":{"status":"in-progress","code":{"text":"Diabetic diet"}}}]`)
		put("DocumentReference", "other", `"subject":{"reference":"Patient/p2"},"status":"current","type":{"text":"Secret"},"content":[{"attachment":{"contentType":"text/plain","data":"`+note+`"}}]`)
		ctx, mine := t.Context(), haletest.Pass(t, d, "p1", access.ReadRecord)
		list, err := s.List(ctx, mine, 10)
		var ids []string
		for _, doc := range list {
			ids = append(ids, doc.ID)
		}
		if fmt.Sprint(ids) != "[d1 d2 scan cp]" || err != nil {
			t.Fatalf("List = %v, %v, want d1 d2 scan cp", ids, err)
		}
		texts := map[string]string{"d1": "[{paragraph Keep walking.}]", "d2": "[]", "scan": "[{heading What was found} {paragraph Clear lungs.}]",
			"cp": "[{heading What to do} {item Diabetic diet}]"}
		for id, want := range texts {
			r, err := s.Read(ctx, mine, id)
			if got := fmt.Sprint(r.Blocks); got != want || err != nil || r.File != (id == "d2") {
				t.Errorf("Read(%s) = %s, file %v, %v, want %s", id, got, r.File, err, want)
			}
		}
		if media, body, err := s.File(ctx, mine, "d2"); media != "application/pdf" || string(body) != "%PDF-1.4\n" || err != nil {
			t.Errorf("File = %q, %q, %v", media, body, err)
		}
		for _, pass := range []access.Pass{{}, haletest.Pass(t, d, "p1", access.ReadVisits), haletest.Pass(t, d, "p2", access.ReadRecord)} {
			_, e1 := s.Read(ctx, pass, "d1")
			_, _, e2 := s.File(ctx, pass, "d2")
			if errs.KindOf(e1) != errs.NotFound || errs.KindOf(e2) != errs.NotFound {
				t.Errorf("with another's pass: %v, %v, want not found", e1, e2)
			}
		}
		if _, err := s.List(ctx, access.Pass{}, 1); errs.KindOf(err) != errs.NotFound {
			t.Errorf("List with no pass = %v", err)
		}
		if n, _, err := s.Count(ctx, mine); n != 4 || err != nil {
			t.Errorf("Count = %d, %v, want 4", n, err)
		}
	})
}
