package dialog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// Store keeps conversations.
type Store struct {
	db  *db.DB
	ids *ids.Source
	now func() time.Time
	key seal.Key // hashes addresses
	box *keys.Ring

	// Bodies opens what a message says; nil: it is not shown.
	Bodies func(ctx context.Context, message string, sealed []byte) (Body, error)
	// Threads takes what answers a thread in the portal, in the transaction of
	// its cause; it says whether it did. nil: nothing does.
	Threads func(ctx context.Context, tx *db.Tx, h Heard) (taken bool, err error)
}

// NewStore returns a store on d that seals under ring and finds addresses by
// hashes under key.
func NewStore(d *db.DB, source *ids.Source, now func() time.Time, key seal.Key, ring *keys.Ring) *Store {
	return &Store{db: d, ids: source, now: now, key: key.For("dialog"), box: ring}
}

// words is what an entry holds, sealed.
type words struct {
	From        string       `json:"from,omitempty"`
	Subject     string       `json:"subject,omitempty"`
	Text        string       `json:"text,omitempty"`
	Attachments []Attachment `json:"files,omitempty"`
}

// longest is how much of what somebody said is kept, in bytes.
const longest = 64 << 10

// Heard adds what somebody said to their conversation, in the transaction of
// its cause, and has it wait for an answer. What has been brought before, by
// its Key, changes nothing. An answer in words to a thread goes there instead.
func (s *Store) Heard(ctx context.Context, tx *db.Tx, h Heard) error {
	if h.From == "" && h.Patient == "" && h.Message == "" || h.At.IsZero() || h.Channel == "" {
		return errHeard
	}
	patient, err := s.whose(ctx, tx, h)
	if err != nil {
		return fmt.Errorf("dialog: heard: %w", err)
	}
	if s.Threads != nil && h.Message != "" && patient != "" && h.Meaning == "" && len(h.Attachments) == 0 {
		const ours = `select count(*) from dialog_entry where message = $1 and kind = 'said'`
		n, err := db.One(ctx, tx, db.Value[int], ours, h.Message)
		if err != nil {
			return fmt.Errorf("dialog: heard: %w", err)
		}
		h.Here = n > 0
		if taken, err := s.Threads(ctx, tx, h); err != nil || taken {
			return err
		}
	}
	if len(h.Files) > 0 { // a conversation has no place for them: nothing is lost, it is brought again
		return errFiles
	}
	id, err := s.find(ctx, tx, patient, h)
	if err != nil {
		return fmt.Errorf("dialog: heard: %w", err)
	}
	w := words{From: h.From, Subject: cut(h.Subject, 1000), Text: cut(h.Text, longest), Attachments: h.Attachments}
	e := entry{dialog: id, patient: patient, kind: "heard", channel: h.Channel, message: h.Message, at: h.At, meaning: h.Meaning, words: w, key: h.Key}
	added, err := s.add(ctx, tx, e)
	if err != nil || !added {
		return err
	}
	return s.ring(ctx, tx, id, h)
}

// whose returns the patient who said h, or "" where nobody knows: of an
// address that several have, only the message that was answered tells.
func (s *Store) whose(ctx context.Context, tx *db.Tx, h Heard) (string, error) {
	if h.Patient != "" {
		return h.Patient, nil
	}
	q, args := `select distinct patient from contact_point where value = $1 and kind = $2 limit 2`, []any{h.From, string(h.Channel)}
	if h.Message != "" {
		q, args = `select patient from message where id = $1`, []any{h.Message}
	}
	list, err := db.All(ctx, tx, db.Value[string], q, args...)
	if err != nil || len(list) != 1 {
		return "", err
	}
	return list[0], nil
}

// find returns the conversation of patient, or of the address that h came
// from, and makes it where there is none.
func (s *Store) find(ctx context.Context, tx *db.Tx, patient string, h Heard) (string, error) {
	hash := ""
	if patient == "" {
		hash = s.Hash(h.Channel, h.From)
	}
	const q = `select id from dialog where patient = $1 and address_hash = $2`
	const insert = `
		insert into dialog (id, patient, address_hash, channel, contact, state, heard_at, last_at, made_at)
		values ($1, $2, $3, $4, $5, 'open', $6, $6, $6) on conflict do nothing`
	list, err := db.All(ctx, tx, db.Value[string], q, patient, hash)
	if err != nil || len(list) > 0 {
		return first(list), err
	}
	id := s.ids.New()
	sealed, err := s.seal(ctx, tx, "dialog", "contact", id, words{From: h.From})
	if err != nil {
		return "", err
	}
	if _, err := tx.ExecContext(ctx, insert, id, patient, hash, string(h.Channel), sealed, db.Micro(h.At)); err != nil {
		return "", err
	}
	return db.One(ctx, tx, db.Value[string], q, patient, hash) // another may have been faster
}

// Hash finds an address without keeping it.
func (s *Store) Hash(c policy.Channel, address string) string {
	return s.key.Hash(string(c) + " " + address)
}

// ring has a conversation wait for an answer to h.
func (s *Store) ring(ctx context.Context, tx *db.Tx, id string, h Heard) error {
	at, due, n := db.Micro(h.At), db.Micro(h.At.Add(AnswerWithin)), 1
	if h.Quiet {
		n, due = 0, 0
	}
	stop, wrong := 0, 0
	switch h.Meaning {
	case "stop":
		stop = 1
	case "wrong_person":
		wrong = 1
	}
	const q = `
		update dialog set channel = $2, heard_at = $3, last_at = case when last_at > $3 then last_at else $3 end, unread = unread + $4,
			state = case when $4 = 1 then 'open' else state end,
			waiting_at = case when $4 = 0 or waiting_at > 0 then waiting_at else $3 end,
			due_at = case when $4 = 0 or due_at > 0 then due_at else $5 end,
			stop = case when $6 = 1 then 1 else stop end, wrong = case when $7 = 1 then 1 else wrong end
		where id = $1`
	if _, err := tx.ExecContext(ctx, q, id, string(h.Channel), at, n, due, stop, wrong); err != nil {
		return fmt.Errorf("dialog: %s: %w", id, err)
	}
	if h.From == "" {
		return nil
	}
	sealed, err := s.seal(ctx, tx, "dialog", "contact", id, words{From: h.From})
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `update dialog set contact = $2 where id = $1`, id, sealed)
	return err
}

// entry is a row of a conversation before it is in its table.
type entry struct {
	dialog, patient, kind, message, by, meaning, key string
	channel                                          policy.Channel
	at                                               time.Time
	words                                            words
}

// add adds an entry unless it is there.
func (s *Store) add(ctx context.Context, tx *db.Tx, e entry) (added bool, err error) {
	id := s.ids.New()
	if e.key == "" {
		e.key = id
	}
	sealed, err := s.seal(ctx, tx, "dialog_entry", "body", id, e.words)
	if err != nil {
		return false, err
	}
	const q = `
		insert into dialog_entry (id, dialog, patient, kind, channel, message, at, by, meaning, body, dedupe)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict (dedupe) do nothing`
	dedupe := seal.Hash(string(e.channel) + "|" + e.kind + "|" + e.key)
	n, err := db.Changed(tx.ExecContext(ctx, q, id, e.dialog, e.patient, e.kind, string(e.channel), e.message, db.Micro(e.at), e.by, e.meaning, sealed, dedupe))
	if err != nil {
		return false, fmt.Errorf("dialog: add to %s: %w", e.dialog, err)
	}
	return n > 0, nil
}

func (s *Store) seal(ctx context.Context, c db.Conn, table, column, row string, w words) ([]byte, error) {
	plain, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	return s.box.Seal(ctx, c, keys.Messages, table, column, row, plain)
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// cut returns at most n bytes of text, whole characters only.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
