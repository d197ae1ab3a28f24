package reach

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

// Block is an address that nothing may go to, of all or of one purpose.
type Block struct {
	Channel Channel
	Value   string // the address; never kept: of a block that is read it is empty
	Hash    string
	Mask    string // ending in 42, m…@example.org; empty for old ones
	Scope   string // a purpose's key, or *
	Reason  string // stop, complaint, wrong_person, staff, import, provider
	Why     string // in somebody's words
	By      string // the account, or recipient
	At      time.Time
	Until   time.Time // zero: until it is lifted
}

// BlockReasons are the reasons that staff may give.
func BlockReasons() []string { return []string{"staff", "stop", "complaint", "wrong_person", "import"} }

var (
	errBlock   = errs.New(errs.Invalid, "Please give an email address or a telephone number with its area code.")
	errBlockOf = errs.New(errs.Invalid, "Please say why, and what the block is for.")
	errNoBlock = errs.New(errs.NotFound, "This address is not blocked.")
)

// suppress blocks an address inside the transaction of the cause. It returns
// 0 where it was blocked so already.
func (e *Engine) suppress(ctx context.Context, tx *db.Tx, b Block) (int64, error) {
	const q = `
		insert into suppression (channel, address_hash, scope, reason, at, until, mask, why, by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (channel, address_hash, scope) do nothing`
	if b.Value == "" {
		return 0, nil // the message that it was in is no longer kept
	}
	var until int64
	if !b.Until.IsZero() {
		until = db.Micro(b.Until)
	}
	n, err := db.Changed(tx.ExecContext(ctx, q, string(b.Channel), e.hash(b.Channel, b.Value), b.Scope, b.Reason, db.Micro(e.Now()), until,
		contact.Mask(contact.Kind(b.Channel), b.Value), b.Why, b.By))
	if err != nil || n == 0 {
		return n, err
	}
	return n, e.logBlock(ctx, tx, b, "add")
}

func (e *Engine) logBlock(ctx context.Context, tx *db.Tx, b Block, action string) error {
	const q = `insert into suppression_log (id, channel, address_hash, mask, scope, action, reason, why, by, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	hash, mask := b.Hash, b.Mask
	if b.Value != "" {
		hash, mask = e.hash(b.Channel, b.Value), contact.Mask(contact.Kind(b.Channel), b.Value)
	}
	_, err := tx.ExecContext(ctx, q, e.IDs.New(), string(b.Channel), hash, mask, b.Scope, action, b.Reason, b.Why, b.By, db.Micro(e.Now()))
	return err
}

// unblock lifts a block inside the transaction of the cause.
func (e *Engine) unblock(ctx context.Context, tx *db.Tx, b Block) (int64, error) {
	if b.Value != "" {
		b.Hash, b.Mask = e.hash(b.Channel, b.Value), contact.Mask(contact.Kind(b.Channel), b.Value)
		b.Value = ""
	}
	n, err := db.Changed(tx.ExecContext(ctx, `delete from suppression where channel = $1 and address_hash = $2 and scope = $3`, string(b.Channel), b.Hash, b.Scope))
	if err != nil || n == 0 {
		return n, err
	}
	return n, e.logBlock(ctx, tx, b, "lift")
}

// whole completes a block that somebody asks for.
func (b *Block) whole() error {
	kind := contact.SMS
	if strings.Contains(b.Value, "@") {
		kind = contact.Email
	}
	b.Channel = cmp.Or(b.Channel, Channel(kind))
	if b.Channel == Email != (kind == contact.Email) {
		return errBlock
	}
	if b.Value = contact.Normal(contact.Kind(b.Channel), b.Value); b.Value == "" {
		return errBlock
	}
	b.Scope, b.Why = cmp.Or(b.Scope, consent.Any), strings.TrimSpace(b.Why)
	if _, ok := policy.PurposeOf(b.Scope); !ok && b.Scope != consent.Any || b.Why == "" || len(b.Why) > 500 {
		return errBlockOf
	}
	return nil
}

// Block blocks an address: what is queued to it is cancelled.
func (e *Engine) Block(ctx context.Context, pass access.Pass, list ...Block) (added int, err error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return 0, err
	}
	for i := range list {
		if err := list[i].whole(); err != nil {
			return 0, err
		}
		list[i].By = pass.Actor().ID
	}
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		added = 0
		for _, b := range list {
			n, err := e.suppress(ctx, tx, b)
			if err != nil {
				return err
			}
			added += int(n)
			if b.Scope == consent.Any {
				err = e.cancelAt(ctx, tx, b.Channel, b.Value, "suppressed", "")
			} else {
				err = e.cancelTopic(ctx, tx, b.Channel, b.Value, b.Scope)
			}
			if err != nil {
				return err
			}
		}
		row := pass.Actor().Row("suppression.add", "", true)
		row.Reason = fmt.Sprintf("%d addresses: %s", len(list), list[0].Why)
		return e.log.AddIn(ctx, tx, row)
	})
	if err != nil {
		return 0, fmt.Errorf("reach: block: %w", err)
	}
	return added, nil
}

// Lift lifts a block, and says why. A STOP that somebody answered comes back
// by their own START, or by a consent that staff write down: a block alone
// does not undo it.
func (e *Engine) Lift(ctx context.Context, pass access.Pass, b Block) error {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return err
	}
	if b.Why = strings.TrimSpace(b.Why); b.Why == "" {
		return errBlockOf
	}
	err := e.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `select reason, mask from suppression where channel = $1 and address_hash = $2 and scope = $3`
		_, err := db.One(ctx, tx, func(scan db.Scan) (int, error) { return 0, scan(&b.Reason, &b.Mask) }, q, string(b.Channel), b.Hash, b.Scope)
		if errors.Is(err, db.ErrNone) {
			return errNoBlock
		}
		if err != nil {
			return err
		}
		b.By = pass.Actor().ID
		if _, err := e.unblock(ctx, tx, b); err != nil {
			return err
		}
		row := pass.Actor().Row("suppression.lift", "", true)
		row.Reason = b.Why
		return e.log.AddIn(ctx, tx, row)
	})
	if err != nil {
		return fmt.Errorf("reach: lift: %w", err)
	}
	return nil
}

// Blocks returns the blocked addresses, newest first, at most n. With an
// address, only what is about it.
func (e *Engine) Blocks(ctx context.Context, pass access.Pass, address string, n int) (list []Block, count int, err error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, 0, err
	}
	where, args := `1 = 1`, []any{n}
	if address != "" {
		b := Block{Value: address, Why: "-"}
		if err := b.whole(); err != nil {
			return nil, 0, err
		}
		where, args = `address_hash = $2`, append(args, e.hash(b.Channel, b.Value))
	}
	q := `select channel, address_hash, mask, scope, reason, why, by, at, until from suppression where ` + where + ` order by at desc, address_hash, scope limit $1`
	list, err = db.All(ctx, e.DB, readBlock, q, args...)
	if err == nil {
		count, err = db.One(ctx, e.DB, db.Value[int], `select count(*) from suppression`)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reach: blocks: %w", err)
	}
	return list, count, nil
}

func readBlock(scan db.Scan) (b Block, err error) {
	var at, until int64
	err = scan(&b.Channel, &b.Hash, &b.Mask, &b.Scope, &b.Reason, &b.Why, &b.By, &at, &until)
	b.At = db.Time(at)
	if until > 0 {
		b.Until = db.Time(until)
	}
	return b, err
}

// blocksMost is how many rows one file may bring.
const blocksMost = 100_000

// ReadBlocks reads a file of addresses to block: one a line, and after a
// comma, if somebody knows it, the reason. A first line that is no address is
// taken for the heading.
func ReadBlocks(r io.Reader, why string) (list []Block, bad []int, err error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord, c.TrimLeadingSpace, c.LazyQuotes = -1, true, true
	for line := 1; ; line++ {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return list, bad, nil
		}
		if err != nil || len(list) > blocksMost {
			return nil, nil, errs.New(errs.Invalid, "This is no list of addresses that we can read, or it is too long.").Because(err)
		}
		b := Block{Value: strings.TrimPrefix(strings.TrimSpace(row[0]), "\ufeff"), Reason: "import", Why: why}
		if len(row) > 1 && strings.TrimSpace(row[1]) != "" {
			b.Why = cut(why+": "+strings.TrimSpace(row[1]), 300)
		}
		switch err := b.whole(); {
		case err == nil:
			list = append(list, b)
		case line > 1 && strings.TrimSpace(row[0]) != "":
			bad = append(bad, line)
		}
	}
}

// noted takes what somebody wrote out of an event's data.
func noted(data string) string {
	var d struct {
		Note string `json:"note"`
	}
	if err := json.Unmarshal([]byte(data), &d); err != nil {
		return ""
	}
	return d.Note
}
