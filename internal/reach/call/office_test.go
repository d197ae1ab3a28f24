package call_test

import (
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/call"
	"hale/internal/store/db"
)

// The front desk calls about visits and the office. A call about care, or one
// that is specially protected, is not there for it.
func TestCallsAtTheFrontDesk(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c, ctx := open(t, d), t.Context()
		e := c.sent()
		fran := access.Actor{Kind: access.Staff, ID: "fran", Name: "fran", Roles: []access.Role{access.FrontDesk}, Proof: access.Proof{Zone: access.PortalZone}}
		all, err := haletest.Doors(d).CheckAll(ctx, fran, access.AnswerVisits)
		if err != nil {
			t.Fatal(err)
		}
		one, err := haletest.Doors(d).Check(ctx, fran, access.AnswerVisits, "ada")
		if err != nil {
			t.Fatal(err)
		}
		opens := func(what string, want bool) {
			t.Helper()
			list, err := c.s.List(ctx, all, 9)
			if err != nil || (len(list) == 1) != want {
				t.Errorf("%s: List = %+v, %v", what, list, err)
			}
			if n, err := c.s.Due(ctx, all); err != nil || (n == 1) != want {
				t.Errorf("%s: Due = %d, %v", what, n, err)
			}
			if _, _, err := c.s.Get(ctx, one, e.ID); (err == nil) != want {
				t.Errorf("%s: Get = %v", what, err)
			}
			if err := c.s.Take(ctx, one, e.ID); (err == nil) != want {
				t.Errorf("%s: Take = %v", what, err)
			}
			if !want {
				if _, err := c.s.Say(ctx, one, c.e, e.ID, call.Result{Outcome: reach.Told, Number: "+13125550142"}); errs.KindOf(err) != errs.NotFound {
					t.Errorf("%s: Say = %v, want nothing there", what, err)
				}
			}
		}
		opens("a call about care", false)
		c.exec(`update call set purpose = 'appointment'`)
		c.exec(`insert into shield (patient, typ, id, own, labels, cared_at, held_until, hold) values ('ada', 'Message', $1, 4, 4, 0, 0, '')`, e.Message)
		opens("a protected call", false)
		c.exec(`delete from shield`)
		opens("a call about a visit", true)
		if s, err := c.e.Script(ctx, one, e.Message); err != nil || s.Text == "" {
			t.Errorf("Script = %+v, %v", s, err)
		}
		if got, err := c.s.Say(ctx, one, c.e, e.ID, call.Result{Outcome: reach.Told, Number: "+13125550142"}); err != nil || got.State != call.Done {
			t.Errorf("Say = %+v, %v", got, err)
		}
		if list, err := c.s.Closed(ctx, all, midday, 9); err != nil || len(list) != 1 {
			t.Errorf("Closed = %+v, %v", list, err)
		}
	})
}
