package review_test

import (
	"fmt"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/review"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// A list goes on where it was left, whoever was looked at meanwhile: each
// patient comes once, out of range first.
func TestStoreTurns(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h, ctx := newHouse(d), t.Context()
		add := func(patient, result string, place, at int) {
			t.Helper()
			for _, q := range []string{
				`insert into review_wait (patient, result, place, at, again) values ($1, $2, $3, $4, 0)`,
				`insert into result (patient, id, category, code, name, status, at, issued, unit, said, range_text, flag, performer, note, parts, source, updated_at) values ($1, $2, 'laboratory', '', $2, 'final', cast($4 as bigint) + cast($3 as bigint), 0, '', '', '', '', '', '', '', '', 0)`,
			} {
				if _, err := d.ExecContext(ctx, q, patient, result, place, at); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i := range 7 {
			add(fmt.Sprint("p", i), "b", i%2, 100-i)
			add(fmt.Sprint("p", i), "a.1", 1, 50)
		}
		all := haletest.Everyone(t, d, access.AnswerPatients)
		var order string
		var last review.Turn
		for mark, n := "", 0; n < 9; n++ {
			list, err := h.reviews.Turns(ctx, all, mark, 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(list) == 0 {
				break
			}
			for _, one := range list {
				order += one.Patient + " "
				if len(one.Names) != 2 {
					t.Errorf("%s has %v", one.Patient, one.Names)
				}
			}
			last = list[len(list)-1]
			if mark = last.Mark(); n == 0 { // somebody looks at one of the page before
				if _, err := d.ExecContext(ctx, `delete from review_wait where patient = $1`, list[0].Patient); err != nil {
					t.Fatal(err)
				}
			}
		}
		if want := "p6 p4 p2 p0 p1 p3 p5 "; order != want {
			t.Errorf("the order is %q, want %q", order, want)
		}
		const hide = `insert into shield (patient, typ, id, own, labels, cared_at, held_until, hold) values ('p4', 'Observation', 'b', $1, $1, 0, 0, '')`
		if _, err := d.ExecContext(ctx, hide, int64(access.PsychNotes)); err != nil {
			t.Fatal(err)
		}
		if list, err := h.reviews.Turns(ctx, all, "", 2); err != nil || len(list) != 2 || list[0].Patient != "p2" {
			t.Errorf("with one that nobody may see the list is %+v, %v", list, err)
		}
		for _, bad := range []string{"x", "0~1~p", "2~1~p~r", "0~x~p~r", "0~1~p~r~s"} {
			if _, err := h.reviews.Turns(ctx, all, bad, 2); errs.KindOf(err) != errs.NotFound {
				t.Errorf("Turns after %q = %v, want no such page", bad, err)
			}
		}
		if _, err := h.reviews.Turns(ctx, access.Pass{}, "", 2); err == nil {
			t.Error("the zero pass lists")
		}
	})
}
