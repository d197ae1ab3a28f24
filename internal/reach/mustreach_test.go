package reach_test

import (
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/todo"
	"hale/internal/store/db"
)

// Whom no message of a recall or a safety notice reaches is called by the
// staff, whatever channels its author chose; of what need not arrive nobody
// is called.
func TestMustReachCalls(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		voice := &fake{channel: reach.Voice}
		w.gate[reach.Voice] = voice
		w.e = engine(d, w.clock, w.gate[reach.Email], w.gate[reach.SMS], w.gate[reach.Inbox], voice)
		w.add(who{id: "ada", family: "Byron", sms: "+13125550142"}, who{id: "bob", family: "Bell"}, who{id: "cyd", family: "Letter"})
		do(w, `insert into contact_point (patient, kind, value, shared, rank, updated_at) values ('bob', 'voice', '+13125550143', 0, 1, 0)`)
		for _, purpose := range []string{"recall", "care"} {
			o := care()
			o.Purpose, o.Channels = purpose, []reach.Channel{reach.SMS}
			o.Service = ""
			for i := range o.Template.Parts {
				o.Template.Parts[i].Body = "Please call us about your inhaler."
			}
			w.start(o)
		}
		w.send()
		if got := voice.got(); len(got) != 1 || got[0].To != "+13125550143" {
			t.Fatalf("calls at once: %+v, want one to who has only a telephone", got)
		}
		w.at(w.clock().Add(5 * time.Hour))
		w.sweep()
		w.send()
		if got := voice.got(); len(got) != 2 || got[1].To != "+13125550142" {
			t.Errorf("calls after the text stayed unseen: %+v, want one about the recall", got)
		}
		// Who has neither is listed for a letter, of the recall alone.
		list, err := todo.NewStore(d, w.clock).Open(t.Context(), w.run(access.AnswerPatients), todo.Failed, 9)
		if err != nil || len(list) != 1 || list[0].Patient != "cyd" || list[0].At.IsZero() || list[0].Phone != "" {
			t.Errorf("not reached at all: %+v, %v", list, err)
		}
		if n := w.count(`select count(*) from message where channel = 'voice' and purpose <> 'recall'`); n != 0 {
			t.Errorf("%d calls about what need not arrive", n)
		}
	})
}
