package reach

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Account is what became of one intent, without a word of what it says or of
// whom it is about.
type Account struct {
	Intent     string        `json:"intent"`
	Outreach   string        `json:"outreach"`
	Patient    string        `json:"patient"`
	Assignment string        `json:"assignment"`
	State      string        `json:"state"`
	Messages   []AccountLine `json:"messages"`
}

// AccountLine is one message of an intent.
type AccountLine struct {
	Message   string     `json:"message"`
	Channel   Channel    `json:"channel"`
	State     string     `json:"state"`
	Reason    string     `json:"reason,omitempty"`
	Mode      string     `json:"mode"`
	NotBefore time.Time  `json:"notBefore"`
	Accepted  *time.Time `json:"accepted,omitempty"`
	Delivered *time.Time `json:"delivered,omitempty"`
	Seen      *time.Time `json:"seen,omitempty"`
	Acted     *time.Time `json:"acted,omitempty"`
}

// Account says what became of an intent that a program asked for.
func (e *Engine) Account(ctx context.Context, pass access.Pass, intent string) (Account, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return Account{}, err
	}
	a, err := db.One(ctx, e.DB, func(scan db.Scan) (a Account, err error) {
		err = scan(&a.Intent, &a.Outreach, &a.Patient, &a.Assignment, &a.State)
		return a, err
	}, `select i.id, i.outreach, i.patient, i.assignment, i.state from intent i join outreach o on o.id = i.outreach where i.id = $1 and o.kind = 'api'`, intent)
	if err != nil {
		return a, fmt.Errorf("reach: account of %s: %w", intent, err)
	}
	const q = `select id, channel, state, reason, mode, not_before, accepted_at, delivered_at, first_seen_at, acted_at from message where intent = $1 order by step`
	a.Messages, err = db.All(ctx, e.DB, func(scan db.Scan) (l AccountLine, err error) {
		var before, accepted, delivered, seen, acted int64
		err = scan(&l.Message, &l.Channel, &l.State, &l.Reason, &l.Mode, &before, &accepted, &delivered, &seen, &acted)
		l.NotBefore, l.Accepted, l.Delivered, l.Seen, l.Acted = db.Time(before), at(accepted), at(delivered), at(seen), at(acted)
		return l, err
	}, q, intent)
	if err != nil {
		return a, fmt.Errorf("reach: account of %s: %w", intent, err)
	}
	return a, nil
}

// at is a time that may not have come.
func at(micro int64) *time.Time {
	if micro == 0 {
		return nil
	}
	t := db.Time(micro)
	return &t
}
