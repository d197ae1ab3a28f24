package document_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/document"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// photo is a small picture.
func photo(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// scanner finds what says virus, and cannot look where it is broken.
type scanner struct{ broken bool }

func (s scanner) Scan(_ context.Context, body []byte) (string, error) {
	if s.broken {
		return "", errors.New("nobody answers")
	}
	if bytes.Contains(body, []byte("virus")) {
		return "Test-Signature", nil
	}
	return "", nil
}

func postBox(t testing.TB, d *db.DB, scan document.Scanner) (*document.Letterbox, *document.Store) {
	t.Helper()
	now := haletest.Clock(haletest.Noon)
	records := record.New(d, haletest.IDs(), now, event.NewLog(haletest.IDs(), now), document.View())
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := records.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test", access.WriteRecord), Feed: "test"}, []record.Draft{
			{Type: "Patient", ID: "ada", Body: []byte(`{"resourceType":"Patient","id":"ada"}`)}, {Type: "Patient", ID: "bob", Body: []byte(`{"resourceType":"Patient","id":"bob"}`)},
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return document.NewLetterbox(d, records, haletest.IDs(), now, scan), document.NewStore(d, records)
}

func staff(t testing.TB, d *db.DB, right access.Right, patient string) access.Pass {
	t.Helper()
	nurse := access.Actor{Kind: access.Staff, ID: "nurse", Name: "A nurse", Roles: []access.Role{access.Nurse}, Proof: access.Proof{Zone: access.AccountZone, At: haletest.Noon}}
	check := func() (access.Pass, error) { return haletest.Doors(d).Check(t.Context(), nurse, right, patient) }
	if patient == "" {
		check = func() (access.Pass, error) { return haletest.Doors(d).CheckAll(t.Context(), nurse, right) }
	}
	pass, err := check()
	if err != nil {
		t.Fatal(err)
	}
	return pass
}

// What a patient sends is in the record, says who sent it, and waits until
// somebody has looked.
func TestLetterbox(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		box, docs := postBox(t, d, scanner{})
		id, err := box.Send(t.Context(), haletest.Pass(t, d, "ada", access.SendMessages), document.Letter{Sort: "insurance", Note: "the new one\u202e", Body: photo(t)})
		if err != nil {
			t.Fatal(err)
		}
		r, err := docs.Read(t.Context(), haletest.Pass(t, d, "ada", access.ReadRecord), id)
		if err != nil || r.Title != "Insurance card: the new one" || !r.File || r.Media != "image/png" || r.Author != "Patient/ada" && r.Author != "" {
			t.Errorf("the document reads %+v, %v", r, err)
		}
		media, body, err := docs.File(t.Context(), haletest.Pass(t, d, "ada", access.ReadRecord), id)
		if _, decode := png.Decode(bytes.NewReader(body)); err != nil || media != "image/png" || decode != nil {
			t.Errorf("the file is %s, %v, %v", media, err, decode)
		}
		list, n, err := box.New(t.Context(), staff(t, d, access.AnswerPatients, ""), 10)
		if err != nil || n != 1 || len(list) != 1 || list[0].Document != id || list[0].Patient != "ada" || list[0].Title != r.Title {
			t.Fatalf("what waits is %+v, %d, %v", list, n, err)
		}
		for range 2 {
			if err := docs.Looked(t.Context(), staff(t, d, access.ReadRecord, "bob"), id, haletest.Noon); errs.KindOf(err) != errs.NotFound {
				t.Fatalf("looking with a pass for somebody else: %v", err)
			}
			if _, n, _ := box.New(t.Context(), staff(t, d, access.AnswerPatients, ""), 10); n != 1 {
				t.Fatal("a pass for somebody else took it off the list")
			}
		}
		if err := docs.Looked(t.Context(), staff(t, d, access.ReadRecord, "ada"), id, haletest.Noon); err != nil {
			t.Fatal(err)
		}
		if _, n, _ := box.New(t.Context(), staff(t, d, access.AnswerPatients, ""), 10); n != 0 {
			t.Errorf("%d wait after somebody looked", n)
		}
		if _, _, err := box.New(t.Context(), haletest.Pass(t, d, "ada", access.SendMessages), 10); err == nil {
			t.Error("a patient's pass lists what others sent")
		}
	})
}

func TestLetterboxRefuses(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		box, _ := postBox(t, d, scanner{})
		pass := haletest.Pass(t, d, "ada", access.SendMessages)
		for name, l := range map[string]document.Letter{
			"no sort":       {Body: photo(t)},
			"a long note":   {Sort: "photo", Note: strings.Repeat("x", 300), Body: photo(t)},
			"no file":       {Sort: "photo"},
			"a program":     {Sort: "photo", Body: []byte("MZ…")},
			"a harmful one": {Sort: "letter", Body: []byte("%PDF-1.7 virus\n%%EOF")},
		} {
			if _, err := box.Send(t.Context(), pass, l); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		blind, _ := postBox(t, d, scanner{broken: true})
		if _, err := blind.Send(t.Context(), pass, document.Letter{Sort: "photo", Body: photo(t)}); errs.KindOf(err) != errs.Unavailable {
			t.Errorf("without a scanner's answer: %v", err)
		}
		if _, err := box.Send(t.Context(), haletest.Pass(t, d, "ada", access.ReadRecord), document.Letter{Sort: "photo", Body: photo(t)}); err == nil {
			t.Error("a pass for reading sends")
		}
		if n, err := db.One(t.Context(), d, db.Value[int], `select count(*) from upload`); err != nil || n != 0 {
			t.Errorf("%d were kept all the same, %v", n, err)
		}
	})
}

// A button pressed twice sends once, even at the same moment; another's same
// photo, another note and another day are sent anew.
func TestLetterboxTwice(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		box, letters := postBox(t, d, nil)
		send := func(patient, note string) string {
			id, err := box.Send(t.Context(), haletest.Pass(t, d, patient, access.SendMessages), document.Letter{Sort: "insurance", Note: note, Body: photo(t)})
			if err != nil {
				t.Error(err)
			}
			return id
		}
		var group sync.WaitGroup
		ids := make([]string, 6)
		for i := range ids {
			group.Go(func() { ids[i] = send("ada", "front") })
		}
		group.Wait()
		for _, id := range ids {
			if id != ids[0] || id == "" {
				t.Fatalf("sent twice: %q", ids)
			}
		}
		if back := send("ada", "back"); back == ids[0] {
			t.Error("the back of the card was taken for its front")
		}
		if bob := send("bob", "front"); bob == ids[0] {
			t.Error("another patient was given the same document")
		}
		list, err := letters.List(t.Context(), haletest.Pass(t, d, "ada", access.ReadRecord), 10)
		if err != nil || len(list) != 2 {
			t.Errorf("%d documents, %v, want 2", len(list), err)
		}
	})
}

// However many come at the same moment, a day's share is not exceeded.
func TestLetterboxQuota(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		box, _ := postBox(t, d, nil)
		pass := haletest.Pass(t, d, "ada", access.SendMessages)
		var group sync.WaitGroup
		var mu sync.Mutex
		taken, full := 0, 0
		for i := range 40 {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, err := box.Send(ctx, pass, document.Letter{Sort: "photo", Note: strings.Repeat("n", i), Body: photo(t)})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					taken++
				case errs.KindOf(err) == errs.TooMany:
					full++
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if taken != 20 || full != 20 {
			t.Errorf("%d were taken and %d refused, want 20 and 20", taken, full)
		}
		if _, err := box.Send(t.Context(), haletest.Pass(t, d, "bob", access.SendMessages), document.Letter{Sort: "photo", Body: photo(t)}); err != nil {
			t.Errorf("another patient: %v", err)
		}
	})
}

// The front desk opens the photo of an insurance card, and nothing else that a
// patient sent or has in the record.
func TestCardsAtTheFrontDesk(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		box, docs := postBox(t, d, scanner{})
		ctx, ada := t.Context(), haletest.Pass(t, d, "ada", access.SendMessages)
		fran := access.Actor{Kind: access.Staff, ID: "fran", Name: "Fran", Roles: []access.Role{access.FrontDesk}, Proof: access.Proof{Zone: access.AccountZone, At: haletest.Noon}}
		ids := map[string]string{}
		for _, sort := range []string{"insurance", "photo", "letter"} {
			id, err := box.Send(ctx, ada, document.Letter{Sort: sort, Body: photo(t)})
			if err != nil {
				t.Fatal(err)
			}
			ids[sort] = id
		}
		for patient, want := range map[string]map[string]bool{"ada": {"insurance": true}, "bob": {}} {
			pass, err := haletest.Doors(d).Check(ctx, fran, access.AnswerVisits, patient)
			if err != nil {
				t.Fatal(err)
			}
			for sort, id := range ids {
				_, read := docs.Read(ctx, pass, id)
				_, _, file := docs.File(ctx, pass, id)
				if (read == nil) != want[sort] || (file == nil) != want[sort] {
					t.Errorf("%s of ada with a pass for %s: %v, %v, want it open: %t", sort, patient, read, file, want[sort])
				}
			}
			if list, err := docs.List(ctx, pass, 9); err == nil {
				t.Errorf("the front desk lists %d documents of %s", len(list), patient)
			}
		}
		const hide = `insert into shield (patient, typ, id, own, labels, cared_at, held_until, hold) values ('ada', 'DocumentReference', $1, $2, $2, 0, 0, '')`
		if _, err := d.ExecContext(ctx, hide, ids["insurance"], int64(access.MentalHealth)); err != nil {
			t.Fatal(err)
		}
		pass, err := haletest.Doors(d).Check(ctx, fran, access.AnswerVisits, "ada")
		if _, read := docs.Read(ctx, pass, ids["insurance"]); err != nil || read == nil {
			t.Errorf("a card that is protected opens: %v", err)
		}
	})
}
