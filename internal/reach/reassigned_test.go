package reach_test

import (
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/store/db"
)

// A number that was given up is used no more, unless it was proven later than
// the day that was asked about.
func TestReassign(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", family: "Byron", sms: "+13125550142"}, who{id: "bea", family: "Bell", sms: "+13125550143"}, who{id: "cyd", family: "Cole", sms: "+13125550144"})
		do(w, `update contact_point set since_at = $1`, db.Micro(midday.AddDate(-1, 0, 0)))
		do(w, `update contact_point set confirmed_at = $1 where patient = 'bea'`, db.Micro(midday.AddDate(0, -1, 0)))
		numbers, err := w.e.Numbers(t.Context(), w.run(access.AnswerPatients))
		if err != nil || len(numbers) != 3 || numbers[1].Number != "+13125550143" || !numbers[1].Day.Equal(midday.AddDate(0, -1, 0)) {
			t.Errorf("numbers: %+v, %v", numbers, err)
		}
		got, err := w.e.Reassign(t.Context(), w.run(access.AnswerPatients), strings.NewReader(strings.Join([]string{
			"number,date,result", "3125550142,2025-03-02,yes", "(312) 555-0143,03/02/2025,YES", "+13125550144,20250302,no", "3125550199,2025-03-02,yes", "3125550142,2025-03-02,no data", "what,is,this"}, "\n")))
		want := reach.Reassigned{Gone: 1, Proven: 1, NoData: 1, Older: 1, Unknown: 1, Bad: []int{7}}
		if err != nil || got.Gone != want.Gone || got.Proven != want.Proven || got.NoData != want.NoData || got.Older != want.Older || got.Unknown != want.Unknown || len(got.Bad) != 1 || got.Bad[0] != 7 {
			t.Fatalf("Reassign = %+v, %v; want %+v", got, err, want)
		}
		if s := w.text(`select status from contact_point where patient = 'ada'`) + w.text(`select status from contact_point where patient = 'bea'`); s != "wrong_personactive" {
			t.Errorf("the numbers are %s", s)
		}
		if n := w.count(`select count(*) from contact_point where patient = 'cyd' and confirmed_at = $1`, db.Micro(midday)); n != 1 {
			t.Error("a number that was not given up is not proven")
		}
		if _, err := w.e.Reassign(t.Context(), w.pass("ada", access.AnswerPatients), strings.NewReader("")); err == nil {
			t.Error("a pass for one patient took in a file for all")
		}
		if _, err := w.e.Reassign(t.Context(), w.run(access.AnswerPatients), strings.NewReader("a,\"b\n")); errs.KindOf(err) != errs.Invalid && err != nil {
			t.Errorf("a torn file = %v", err)
		}
	})
}

// A number that nobody proved for two years gets a notice whose link asks who
// is there; once they answered, it gets the whole text again.
func TestUnproven(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", family: "Byron", sms: "+13125550142"}, who{id: "bea", family: "Bell", sms: "+13125550143"})
		do(w, `update contact_point set since_at = $1 where patient = 'ada'`, db.Micro(midday.AddDate(0, 0, -731)))
		do(w, `update contact_point set since_at = $1 where patient = 'bea'`, db.Micro(midday.AddDate(0, 0, -729)))
		o := care()
		o.Purpose, o.Template.Sensitivity, o.Channels = "appointment", 1, []reach.Channel{reach.SMS}
		for i := range o.Template.Parts {
			o.Template.Parts[i].Body = "Please call us about your visit."
		}
		o.Service = ""
		w.start(o)
		const mode = `select m.mode || ' ' || l.factor from message m join link l on l.message = m.id where m.patient = $1 order by m.id desc limit 1`
		if got := w.text(mode, "ada") + ", " + w.text(mode, "bea"); got != "notice dob, full none" {
			t.Errorf("the old number and the newer one get %s", got)
		}
		message := w.text(`select id from message where patient = 'ada'`)
		if err := w.e.Passed(t.Context(), haletest.Pass(t, d, "ada", access.ReadMessage), message, "dob", "first", true); err != nil {
			t.Fatal(err)
		}
		w.at(w.clock().Add(8 * 24 * time.Hour))
		w.start(o)
		if got := w.text(mode, "ada"); got != "full none" {
			t.Errorf("after she answered she gets %s", got)
		}
	})
}
