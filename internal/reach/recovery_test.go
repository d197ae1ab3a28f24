package reach_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// What was sent is taken back with the outreach: no link opens, and the
// portal shows nothing of it.
func TestStopTakesBack(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", sms: "+13125550142"})
		id := w.start(care())
		w.send()
		m := w.gate[reach.SMS].got()[0].Message
		if list, err := w.e.Inbox(t.Context(), haletest.Pass(t, d, "ada", access.ReadMessages)); err != nil || len(list) != 1 {
			t.Fatalf("Inbox before the stop = %v, %v, want one message", list, err)
		}
		must(w, w.e.Stop(t.Context(), w.run(access.RunOutreach), id))
		if n := w.count(`select count(*) from link where retracted_at = 0`); n != 0 {
			t.Errorf("%d links still open after the stop", n)
		}
		if list, err := w.e.Inbox(t.Context(), haletest.Pass(t, d, "ada", access.ReadMessages)); err != nil || len(list) != 0 {
			t.Errorf("Inbox after the stop = %v, %v, want none", list, err)
		}
		if _, err := w.e.Content(t.Context(), haletest.Pass(t, d, "ada", access.ReadMessages), m); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Content after the stop = %v, want not found", err)
		}
		w.progress(id)
	})
}

// A number that is somebody else's opens nothing that went there.
func TestWrongNumberTakesBack(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", sms: "+13125550142"}, who{id: "bob", sms: "+13125550143"})
		w.start(care())
		w.send()
		must(w, w.e.Receipt(t.Context(), reach.Receipt{Channel: reach.SMS, From: "+13125550142", Kind: "replied", Text: "wrong number"}))
		if got := w.text(`select patient from link where retracted_at > 0`); got != "ada" {
			t.Errorf("links taken back = %q, want ada's alone", got)
		}
	})
}

// A place under a cap is given back however a message ends that never left.
func TestCapsComeBack(t *testing.T) {
	tests := []struct {
		name string
		end  func(w *world)
	}{
		{name: "refused before the claim", end: func(w *world) {
			_, err := w.d.ExecContext(w.t.Context(), `insert into consent_event (id, patient, channel, purpose, action, method, actor, at) values ('c', 'ada', '*', 'care', 'revoke', 'staff', 'x', 1)`)
			must(w, err)
			w.send()
		}},
		{name: "opted out by another link", end: func(w *world) {
			must(w, w.e.Mark(w.t.Context(), haletest.Pass(w.t, w.d, "ada", access.ReadMessage), w.text(`select id from message`), "opted_out", "all"))
		}},
		{name: "STOP", end: func(w *world) {
			must(w, w.e.Receipt(w.t.Context(), reach.Receipt{Channel: reach.SMS, From: "+13125550142", Kind: "replied", Text: "STOP"}))
		}},
		{name: "expired", end: func(w *world) {
			w.at(w.clock().Add(31 * 24 * time.Hour))
			must(w, w.e.Sweep(w.t.Context()))
		}},
		{name: "rejected by the carrier", end: func(w *world) {
			w.gate[reach.SMS].answer = func(reach.Handoff) reach.Result { return reach.Result{Outcome: reach.Rejected, Code: "30006"} }
			w.send()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				w.add(who{id: "ada", sms: "+13125550142"})
				id := w.start(care())
				if n := w.count(`select coalesce(sum(n), 0) from cap_ledger`); n != 2 {
					t.Fatalf("promised at first: %d, want 2", n)
				}
				tt.end(w)
				if n := w.count(`select coalesce(sum(n), 0) from cap_ledger`); n != 0 {
					t.Errorf("still promised: %d, want 0; message %s", n, w.text(`select state || ' ' || reason from message where purpose <> 'security'`))
				}
				w.progress(id)
			})
		})
	}
}

// A place that a message may have used is not given back.
func TestCapsStayInDoubt(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", sms: "+13125550142"})
		w.start(care())
		w.gate[reach.SMS].answer = func(reach.Handoff) reach.Result {
			must(w, w.e.Receipt(t.Context(), reach.Receipt{Channel: reach.SMS, From: "+13125550142", Kind: "replied", Text: "STOP"}))
			return reach.Result{Outcome: reach.Uncertain}
		}
		w.send()
		if n := w.count(`select coalesce(sum(n), 0) from cap_ledger`); n != 2 {
			t.Errorf("promised: %d, want 2 for a message that may have arrived", n)
		}
	})
}

// A worker that comes back after its lease changes nothing of what another
// does with the same messages, and nothing is stuck afterwards.
func TestLateResultChangesNothing(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(2)...)
		w.start(care())
		w.e.Senders = 1
		slow := w.gate[reach.SMS]
		next := &fake{channel: reach.SMS}
		other := engine(d, w.clock, next)
		ctx, cancel := context.WithCancel(t.Context())
		entered, release, done := make(chan struct{}, 2), make(chan struct{}), make(chan error, 1)
		next.free = func(reach.Handoff) reach.Result {
			entered <- struct{}{}
			<-release
			return reach.Result{Outcome: reach.Accepted}
		}
		otherCtx, stopOther := context.WithCancel(t.Context())
		slow.answer = func(reach.Handoff) reach.Result {
			w.at(w.clock().Add(3 * time.Minute))
			go func() { done <- other.RunSender(otherCtx) }()
			<-entered
			<-entered
			cancel()
			return reach.Result{Outcome: reach.Temp}
		}
		must(w, w.e.RunSender(ctx))
		if n := w.count(`select count(*) from message where state = 'handing_off' and attempts = 2`); n != 2 {
			t.Errorf("%d of 2 messages are still in the hands of the second worker: %s", n, w.text(`select min(state) || ' ' || min(attempts) from message`))
		}
		close(release)
		for range 1000 {
			if w.count(`select count(*) from message where state = 'accepted'`) == 2 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		stopOther()
		must(w, <-done)
		if n := w.count(`select count(*) from message where state = 'accepted' and attempts = 2 and in_doubt = 1`); n != 2 {
			t.Errorf("%d of 2 messages were accepted in their second attempt and listed as in doubt", n)
		}
	})
}

// What was seen on one channel is not tried again on another, although that
// one was under way.
func TestSeenEndsTheOtherTry(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", sms: "+13125550142", email: "ada@mail.example"})
		id := w.start(care())
		w.send()
		first := w.gate[reach.SMS].got()[0].Message
		w.at(w.clock().Add(49 * time.Hour))
		must(w, w.e.Sweep(t.Context()))
		w.gate[reach.Email].answer = func(reach.Handoff) reach.Result {
			must(w, w.e.Mark(t.Context(), haletest.Pass(t, d, "ada", access.ReadMessage), first, "revealed", nil))
			return reach.Result{Outcome: reach.Temp, RetryAfter: time.Microsecond}
		}
		w.send()
		w.at(w.clock().Add(time.Second))
		w.send()
		if n := len(w.gate[reach.Email].got()); n != 1 {
			t.Errorf("%d e-mails, want the one that was under way", n)
		}
		if p := w.progress(id); p.Messages[reach.Email]["cancelled"] != 1 || p.Intents["satisfied"] != 1 {
			t.Errorf("Progress = %+v", p)
		}
	})
}

// A sweep ends, whatever it finds to be awake.
func TestSweepEnds(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(220)...)
		w.start(care())
		_, err := d.ExecContext(t.Context(), `update intent set state = 'satisfied', wake_at = 1`)
		must(w, err)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		must(w, w.e.Sweep(ctx))
	})
}

// A code that somebody waits for goes before everything that is due.
func TestCodesOvertake(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(40)...)
		w.start(care())
		w.at(w.clock().Add(time.Second))
		must(w, w.e.SendNow(t.Context(), reach.Direct{Channel: reach.SMS, To: "+13125550199", Text: "123456"}))
		w.e.Batch, w.e.Senders = 5, 1
		w.send()
		at := slices.IndexFunc(w.gate[reach.SMS].got(), func(h reach.Handoff) bool { return h.Text == "123456" })
		if at < 0 || at >= 5 {
			t.Errorf("the code went as number %d of 41, want it in the first batch", at+1)
		}
	})
}

// fakeQueue remembers what was added, or takes nothing.
type fakeQueue struct {
	jobs.Queue
	err   error
	added []jobs.Job
}

func (q *fakeQueue) Add(_ context.Context, _ *db.Tx, j jobs.Job) error {
	q.added = append(q.added, j)
	return q.err
}

// An outreach that goes on has its planning job, or it does not go on.
func TestResumeAddsItsJob(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(3)...)
		pass := w.run(access.RunOutreach)
		o, err := w.e.Save(t.Context(), pass, care())
		must(w, err)
		must(w, w.e.Start(t.Context(), pass, o.ID))
		must(w, w.e.Pause(t.Context(), pass, o.ID))
		q := &fakeQueue{err: errors.New("full")}
		w.e.Use(q)
		if err := w.e.Resume(t.Context(), pass, o.ID); err == nil {
			t.Error("Resume without a queue = nil, want an error")
		}
		if o, err = w.e.Get(t.Context(), pass, o.ID); err != nil || o.State != reach.Paused {
			t.Errorf("after a failed Resume: %s, %v, want paused", o.State, err)
		}
		q.err = nil
		must(w, w.e.Resume(t.Context(), pass, o.ID))
		q.added = nil // and got lost
		must(w, w.e.Handlers()["reach.sweep"](t.Context(), json.RawMessage("null")))
		if len(q.added) != 1 || q.added[0].Unique != o.ID {
			t.Errorf("jobs added by a sweep = %v, want the lost one", fmt.Sprint(q.added))
		}
	})
}

// A receipt and the end of its attempt that did not see each other meet in
// the next sweep.
func TestReceiptMissesItsAttempt(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", sms: "+13125550142"})
		w.start(care())
		w.send()
		must(w, w.e.Receipt(t.Context(), reach.Receipt{Channel: reach.SMS, ProviderRef: "later", Kind: "delivered"}))
		_, err := d.ExecContext(t.Context(), `update message set provider_ref = 'later'`) // as the other transaction did
		must(w, err)
		must(w, w.e.Handlers()["reach.sweep"](t.Context(), json.RawMessage("null")))
		if got := w.text(`select state from message`); got != "delivered" {
			t.Errorf("state = %s, want delivered", got)
		}
	})
}

// A visit that was booked from a message counts as acted, although nobody
// lived to say so; and once, whoever says so.
func TestBookedCountsAsActed(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(2)...)
		id := w.start(care())
		w.send()
		for _, h := range w.gate[reach.SMS].got() {
			who := w.text(`select patient from message where id = $1`, h.Message)
			_, err := d.ExecContext(t.Context(), `
				insert into visit (id, patient, kind, status, service, title, start_at, end_at, practitioner, place, slot, booked_at, via, ref, source, updated_at)
				values ($1, $2, 'appointment', 'booked', 'eye-exam', '', 1, 1, '', '', '', $3, 'link', $4, '', 1)`, "v-"+who, who, w.clock().UnixMicro(), h.Message)
			must(w, err)
		}
		m := w.gate[reach.SMS].got()[0].Message
		must(w, w.e.Mark(t.Context(), haletest.Pass(t, d, w.text(`select patient from message where id = $1`, m), access.ReadMessage), m, "acted", nil))
		for range 2 {
			must(w, w.e.Handlers()["reach.sweep"](t.Context(), json.RawMessage("null")))
		}
		if n := w.count(`select count(*) from message_event where kind = 'acted'`); n != 2 {
			t.Errorf("%d events acted, want one for each message", n)
		}
		if p := w.progress(id); p.Messages[reach.SMS]["acted"] != 2 || p.Intents["satisfied"] != 2 {
			t.Errorf("Progress = %+v", p)
		}
	})
}

// However long nobody can be reached, nothing is lost: it goes when the peer
// is back.
func TestOutageLosesNothing(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(20)...)
		var down atomic.Bool
		down.Store(true)
		w.gate[reach.SMS].free = func(reach.Handoff) reach.Result {
			if down.Load() {
				return reach.Result{Outcome: reach.Temp, Code: "unreachable", RetryAfter: time.Minute}
			}
			return reach.Result{Outcome: reach.Accepted}
		}
		o := care()
		o.Channels, o.NextAfter = []reach.Channel{reach.SMS}, 20*24*time.Hour
		id := w.start(o)
		for range 15 { // more often than a peer is asked that answers
			w.send()
			w.at(w.clock().Add(61 * time.Minute))
			if h := w.clock().Hour(); h > 22 || h < 17 { // night in Chicago
				w.at(w.clock().Add(18 * time.Hour))
			}
		}
		if n := w.count(`select count(*) from message where state = 'scheduled' and attempts > 8`); n != 20 {
			t.Fatalf("%d messages wait after a long outage, want 20", n)
		}
		down.Store(false)
		w.send()
		if n := w.count(`select count(*) from message where outreach = $1 and state = 'accepted'`, id); n != 20 {
			t.Errorf("%d messages went when the peer was back, want 20", n)
		}
	})
}

// Of what a dead worker took, only what it had begun is in doubt; the rest
// goes out once, as if it had never been taken.
func TestNotBegunIsNotInDoubt(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(5)...)
		w.start(care())
		do(w, `update message set state = 'handing_off', attempts = 1, lease = 'dead', lease_until = 1`)
		do(w, `delete from message_queue`)
		var ids []string
		w.tx(func(ctx context.Context, tx *db.Tx) (err error) {
			ids, err = db.All(ctx, tx, db.Value[string], `select id from message order by id`)
			return err
		})
		do(w, `insert into message_claim (id, worker, lease_until, begun, messages) values ('c', 'dead', 1, 2, $1)`, strings.Join(ids, " "))
		w.send()
		if n := w.count(`select count(*) from message where in_doubt = 1`); n != 2 {
			t.Errorf("%d messages are in doubt, want the 2 that were begun", n)
		}
		if n := w.count(`select count(*) from attempt a join message m on m.id = a.message where m.in_doubt = 1 and a.n = 1 and a.worker = 'dead' and a.outcome = 'uncertain' and a.code = 'crashed' and a.started_at > 0 and a.ended_at > 0`); n != 2 {
			t.Errorf("the ledger tells of %d attempts whose end nobody knows, want 2", n)
		}
		if n := w.count(`select count(*) from message where in_doubt = 0 and attempts = 1 and state = 'accepted'`); n != 3 {
			t.Errorf("%d messages went at the first try, want the 3 that were not begun", n)
		}
	})
}

func do(w *world, q string, args ...any) {
	w.t.Helper()
	if _, err := w.d.ExecContext(w.t.Context(), q, args...); err != nil {
		w.t.Fatal(err)
	}
}
