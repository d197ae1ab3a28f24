package thread_test

import (
	"slices"
	"testing"

	"hale/internal/access"
	"hale/internal/care/thread"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// The front desk and the billing office see the threads of their own team,
// in lists and one by one, and nobody else's.
func TestThreadsByTeam(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		r := open(t, d)
		ctx, ids := t.Context(), map[string]string{}
		for _, reason := range []string{"medicine", "appointment", "bill"} {
			id, err := r.threads.Start(ctx, r.pass("maria", access.SendMessages), thread.New{Reason: reason, Words: thread.Words{Text: "About " + reason + "."}})
			if err != nil {
				t.Fatal(err)
			}
			ids[reason] = id
		}
		tests := []struct {
			role  access.Role
			right access.Right
			sees  []string
		}{
			{access.FrontDesk, access.AnswerVisits, []string{"appointment"}},
			{access.Billing, access.AnswerBills, []string{"bill"}},
			{access.Nurse, access.AnswerPatients, []string{"appointment", "bill", "medicine"}},
		}
		for _, tt := range tests {
			who := access.Actor{Kind: access.Staff, ID: string(tt.role), Name: "Somebody", Roles: []access.Role{tt.role}, Proof: access.Proof{Zone: access.PortalZone, At: haletest.Noon}}
			doors := haletest.Doors(d)
			all, err := doors.CheckAll(ctx, who, tt.right)
			if err != nil {
				t.Fatal(err)
			}
			one, err := doors.Check(ctx, who, tt.right, "maria")
			if err != nil {
				t.Fatal(err)
			}
			list, err := r.threads.Desk(ctx, all, thread.Waits, 10)
			if err != nil {
				t.Fatal(err)
			}
			var sees []string
			for _, x := range list {
				sees = append(sees, x.Reason)
			}
			if slices.Sort(sees); !slices.Equal(sees, tt.sees) {
				t.Errorf("%s sees threads about %v, want %v", tt.role, sees, tt.sees)
			}
			for reason, id := range ids {
				_, _, get := r.threads.Get(ctx, one, id)
				_, whose := r.threads.Whose(ctx, all, id)
				see, note := r.threads.See(ctx, one, id), r.threads.AddNote(ctx, one, id, "Looked.")
				if want := slices.Contains(tt.sees, reason); (get == nil) != want || (whose == nil) != want || (see == nil) != want || (note == nil) != want {
					t.Errorf("%s at a thread about %s: %v, %v, %v, %v", tt.role, reason, get, whose, see, note)
				}
			}
		}
	})
}
