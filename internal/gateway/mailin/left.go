package mailin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/reach"
	"hale/internal/reach/dialog"
	"hale/internal/reach/wish"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// Left is a letter that nobody could place: Hale found nobody whom it is
// about, or could not deal with it.
type Left struct {
	ID      string
	At      time.Time
	Failed  bool   // it could not be dealt with; else it is about nobody whom we know
	Kind    string // bounce, delayed, delivered, complaint, reply, none, or "" where that is not known
	Verdict string // whether its sender was proven
	Cause   string // of a failure
	Tries   int
	Shut    bool // it cannot be opened: its key is gone, or the row is damaged

	From, Subject string
	Text          string // plain, without what it quotes; of a report the beginning of the letter as it came
	Files         []LeftFile
}

// LeftFile is what was attached.
type LeftFile struct {
	Name, Media string
	Size        int // bytes
}

// Reasons are what a letter is put aside with.
func Reasons() []string {
	return []string{"advertising", "a report about nobody we know", "sent to us by mistake", "dealt with elsewhere", "cannot be read"}
}

// The errors.
var (
	errReason = errs.New(errs.Invalid, "Please say why it is put aside.")
	errDealt  = errs.New(errs.Conflict, "Somebody has dealt with this letter since you opened the page.")
	errShut   = errs.New(errs.Conflict, "This letter cannot be opened, so it cannot be given to anybody.")
)

const waits = `state in ('unknown', 'failed') and closed_at = 0 and length(sealed) > 0`

// LeftCount returns how many letters wait for somebody of the staff.
func (d *Desk) LeftCount(ctx context.Context, pass access.Pass) (int, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return 0, err
	}
	n, err := db.One(ctx, d.DB, db.Value[int], `select count(*) from mail_in where `+waits)
	if err != nil {
		return 0, fmt.Errorf("mailin: left: %w", err)
	}
	return n, nil
}

const leftColumns = `id, at, state, kind, verdict, cause, tries, sealed`

func readLeft(scan db.Scan) (x leftRow, err error) {
	var at int64
	var state string
	err = scan(&x.ID, &at, &state, &x.Kind, &x.Verdict, &x.Cause, &x.Tries, &x.sealed)
	x.At, x.Failed = db.Time(at), state == "failed"
	return x, err
}

type leftRow struct {
	Left
	sealed []byte
}

// Left returns the first n letters that wait, the longest first.
func (d *Desk) Left(ctx context.Context, pass access.Pass, n int) ([]Left, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, d.DB, readLeft, `select `+leftColumns+` from mail_in where `+waits+` order by at, id limit $1`, n)
	if err != nil {
		return nil, fmt.Errorf("mailin: left: %w", err)
	}
	out := make([]Left, len(list))
	for i, x := range list {
		out[i], _ = d.opened(ctx, x)
	}
	return out, nil
}

// LeftOne returns one letter that waits.
func (d *Desk) LeftOne(ctx context.Context, pass access.Pass, id string) (Left, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return Left{}, err
	}
	x, err := db.One(ctx, d.DB, readLeft, `select `+leftColumns+` from mail_in where id = $1 and `+waits, id)
	if err != nil {
		return Left{}, fmt.Errorf("mailin: left %s: %w", id, err)
	}
	out, _ := d.opened(ctx, x)
	return out, nil
}

// raw is how much of a letter in which no words were found is shown, in bytes.
const raw = 8 << 10

// opened opens what of a row is sealed. A letter that cannot be opened is
// listed all the same.
func (d *Desk) opened(ctx context.Context, x leftRow) (Left, said) {
	plain, err := d.Keys.Open(ctx, x.sealed, "mail_in", "sealed", x.ID)
	var l Letter
	if err == nil {
		l, err = unpacked(plain)
	}
	if err != nil {
		if !errors.Is(err, keys.ErrShredded) {
			d.Log.Error("mailin: letter cannot be opened", "letter", x.ID, "error", err)
		}
		x.Shut = true
		return x.Left, said{}
	}
	s := read(l.Raw)
	x.From, x.Subject, x.Text = s.from, s.subject, s.text
	if x.From == "" {
		x.From = l.From
	}
	if strings.TrimSpace(x.Text) == "" && len(s.files) == 0 {
		x.Text = strings.ToValidUTF8(string(l.Raw[:min(len(l.Raw), raw)]), "?")
	}
	for _, f := range s.files {
		x.Files = append(x.Files, LeftFile{Name: f.name, Media: f.media, Size: len(f.body)})
	}
	return x.Left, s
}

// Place gives a letter to the patient whom pass opens: it stands in the
// conversation with them as what they wrote, and what was attached lies with
// what patients send. One that says STOP stops its address, too.
func (d *Desk) Place(ctx context.Context, all, pass access.Pass, id string) error {
	patient, err := pass.Open(access.AnswerPatients)
	if err != nil {
		return err
	}
	if err := all.OpenAll(access.AnswerPatients); err != nil {
		return err
	}
	k, x, s, err := d.waiting(ctx, id)
	if err != nil {
		return err
	}
	if err := d.meant(ctx, id, patient); err != nil {
		return fmt.Errorf("mailin: place %s: %w", id, err)
	}
	files, notes, err := d.enclose(ctx, k, patient, s.files)
	if err != nil {
		return fmt.Errorf("mailin: place %s: %w", id, err)
	}
	stops := wish.Read(x.Text).Meaning == reach.Stop && s.from != ""
	h := dialog.Heard{
		Channel: reach.Email, From: s.from, Patient: patient, Subject: x.Subject, Text: strings.TrimSpace(x.Text + notes),
		At: x.At, Key: "mail:" + id, Attachments: files,
	}
	if stops {
		h.Meaning = string(reach.Stop)
	}
	err = d.DB.Tx(ctx, func(tx *db.Tx) error {
		if stops {
			r := reach.Receipt{Channel: reach.Email, Kind: "replied", From: s.from, Text: x.Text, At: x.At, Actor: reach.Human, Dedupe: "mail|" + id, Facts: map[string]string{"proof": "placed by staff"}}
			if err := d.Reach.ReceiptIn(ctx, tx, r); err != nil {
				return err
			}
		}
		if err := d.Dialogs.Heard(ctx, tx, h); err != nil {
			return err
		}
		return d.closed(ctx, tx, id, patient, "placed", pass.Actor().ID)
	})
	if err != nil {
		return fmt.Errorf("mailin: place %s: %w", id, err)
	}
	return nil
}

// meant writes down whose a letter is to be before its files are put with
// theirs: of two who place one letter at once, the second is too late, and no
// file gets into two records.
func (d *Desk) meant(ctx context.Context, id, patient string) error {
	const q = `update mail_in set patient = $2 where id = $1 and (patient in ('', $2) or files = '') and ` + waits
	return d.DB.Tx(ctx, func(tx *db.Tx) error {
		n, err := db.Changed(tx.ExecContext(ctx, q, id, patient))
		if err == nil && n == 0 {
			err = errDealt
		}
		return err
	})
}

// waiting returns a letter that waits, with what was read of it.
func (d *Desk) waiting(ctx context.Context, id string) (k kept, x Left, s said, err error) {
	row, err := db.One(ctx, d.DB, readLeft, `select `+leftColumns+` from mail_in where id = $1 and `+waits, id)
	if errors.Is(err, db.ErrNone) {
		return k, x, s, errDealt
	}
	if err != nil {
		return k, x, s, fmt.Errorf("mailin: left %s: %w", id, err)
	}
	if x, s = d.opened(ctx, row); x.Shut {
		return k, x, s, errShut
	}
	k, _, err = d.row(ctx, id)
	return k, x, s, err
}

// Dismiss puts a letter aside for a reason, one of Reasons. What it said is
// kept no longer.
func (d *Desk) Dismiss(ctx context.Context, pass access.Pass, id, reason string) error {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return err
	}
	if !slices.Contains(Reasons(), reason) {
		return errReason
	}
	err := d.DB.Tx(ctx, func(tx *db.Tx) error { return d.closed(ctx, tx, id, "", reason, pass.Actor().ID) })
	if err != nil {
		return fmt.Errorf("mailin: dismiss %s: %w", id, err)
	}
	return nil
}

// Again deals with a letter once more that could not be dealt with. It says
// whether that was of use.
func (d *Desk) Again(ctx context.Context, pass access.Pass, id string) (dealt bool, err error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return false, err
	}
	const q = `update mail_in set state = 'new', tries = $2 where id = $1 and state = 'failed' and closed_at = 0`
	err = d.DB.Tx(ctx, func(tx *db.Tx) error {
		n, err := db.Changed(tx.ExecContext(ctx, q, id, maxTries-1))
		if err == nil && n == 0 {
			err = errDealt
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("mailin: again %s: %w", id, err)
	}
	if err := d.deal(ctx, id); err != nil {
		d.Log.Error("mailin: letter failed again", "letter", id, "error", err)
		return false, nil
	}
	state, err := db.One(ctx, d.DB, db.Value[string], `select state from mail_in where id = $1`, id)
	return state == "done", err
}

// closed ends the waiting of a letter.
func (d *Desk) closed(ctx context.Context, tx *db.Tx, id, patient, as, by string) error {
	const q = `
		update mail_in set state = 'done', patient = $2, closed_as = $3, closed_by = $4, closed_at = $5, sealed = $6
		where id = $1 and ($2 = '' or patient = $2) and ` + waits
	n, err := db.Changed(tx.ExecContext(ctx, q, id, patient, as, by, db.Micro(d.Now()), []byte{}))
	if err == nil && n == 0 {
		err = errDealt
	}
	return err
}
