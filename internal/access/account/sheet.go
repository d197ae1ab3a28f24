package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed" // the words of recovery sheets
	"encoding/base32"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"

	"hale/internal/store/db"
)

// SheetCode is a new recovery code. It is shown once.
type SheetCode struct {
	Groups []string // six groups of two words, to print large and to type
	QR     string   // the same for a QR code
}

// sheetPrefix begins what the sheet's QR code says.
const sheetPrefix = "HALE1-"

//go:embed words.txt
var wordsText string

// words are 2,048 short words; the first four letters tell each from all
// others.
//
// Spec: https://github.com/bitcoin/bips/blob/master/bip-0039.mediawiki
var words = sync.OnceValue(func() []string { return strings.Fields(wordsText) })

var sheetBase32 = base32.StdEncoding.WithPadding(base32.NoPadding)

// writeSheet writes 128 bits as twelve words, the last four bits of which
// are a checksum.
func writeSheet(secret [16]byte) SheetCode {
	sum := sha256.Sum256(secret[:])
	n := new(big.Int).SetBytes(secret[:])
	n.Lsh(n, 4).Or(n, big.NewInt(int64(sum[0]>>4)))
	list := make([]string, 12)
	mask := big.NewInt(2047)
	for i := 11; i >= 0; i-- {
		list[i] = words()[new(big.Int).And(n, mask).Int64()]
		n.Rsh(n, 11)
	}
	var groups []string
	for pair := range slices.Chunk(list, 2) {
		groups = append(groups, strings.Join(pair, " "))
	}
	return SheetCode{Groups: groups, QR: sheetPrefix + sheetBase32.EncodeToString(append(secret[:], sum[0]))}
}

// readSheet reads what somebody typed or scanned: twelve words, of each at
// least its first four letters, or the QR code's text.
func readSheet(text string) (secret [16]byte, ok bool) {
	if len(text) > 400 {
		return secret, false
	}
	if code, is := strings.CutPrefix(strings.ToUpper(strings.TrimSpace(text)), sheetPrefix); is {
		b, err := sheetBase32.DecodeString(code)
		if err != nil || len(b) != 17 {
			return secret, false
		}
		secret = [16]byte(b[:16])
		return secret, sha256.Sum256(secret[:])[0] == b[16]
	}
	typed := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' })
	if len(typed) != 12 {
		return secret, false
	}
	n := new(big.Int)
	for _, t := range typed {
		i := wordAt(t)
		if i < 0 {
			return secret, false
		}
		n.Lsh(n, 11).Or(n, big.NewInt(int64(i)))
	}
	check := byte(new(big.Int).And(n, big.NewInt(15)).Int64())
	n.Rsh(n, 4).FillBytes(secret[:])
	return secret, sha256.Sum256(secret[:])[0]>>4 == check
}

// wordAt returns the number of a word, or -1.
func wordAt(typed string) int {
	i, found := slices.BinarySearch(words(), typed)
	if found {
		return i
	}
	if len(typed) >= 4 && i < len(words()) && strings.HasPrefix(words()[i], typed[:4]) {
		return i
	}
	if len(typed) >= 4 && i > 0 && strings.HasPrefix(words()[i-1], typed[:4]) {
		return i - 1
	}
	return -1
}

// hashSheet is what the database keeps of a sheet.
func (s *Store) hashSheet(secret [16]byte) string { return s.key.Hash("sheet/" + string(secret[:])) }

// MakeSheet makes the account's recovery sheet; the one before is void.
func (s *Store) MakeSheet(ctx context.Context, in Session) (SheetCode, error) {
	if err := s.mayTakeOver(ctx, in); err != nil {
		return SheetCode{}, err
	}
	a, err := s.Get(ctx, in.Account)
	if err != nil {
		return SheetCode{}, err
	}
	var secret [16]byte
	_, _ = rand.Read(secret[:]) // never fails
	now := s.now()
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		had, err := db.Changed(tx.ExecContext(ctx, `delete from account_sheet where account = $1`, a.ID))
		if err != nil {
			return err
		}
		const q = `insert into account_sheet (hash, account, created_at) values ($1, $2, $3)`
		if _, err := tx.ExecContext(ctx, q, s.hashSheet(secret), a.ID, now.UnixMicro()); err != nil {
			return err
		}
		note := Notice{Kind: CredentialAdded, Account: a, What: "recovery sheet"}
		if had > 0 {
			note.Kind = CredentialChanged
		}
		if err := s.tell(ctx, tx, note); err != nil {
			return err
		}
		return s.log.AddIn(ctx, tx, happened(SheetMade, a, true))
	})
	if err != nil {
		return SheetCode{}, fmt.Errorf("account: sheet of %s: %w", a.ID, err)
	}
	return writeSheet(secret), nil
}

// Sheet takes the code of a recovery sheet, once, as typed or as scanned. The
// session that it begins must make a passkey; nothing that could take the
// account over is open before the hold ends, and the owner is told at once.
func (s *Store) Sheet(ctx context.Context, code string) (Entry, error) {
	secret, ok := readSheet(code)
	hash := s.hashSheet(secret)
	if !ok {
		hash = "" // the same statements for what cannot be one
	}
	return s.recover(ctx, BySheet, errSheet, `delete from account_sheet where hash = $1 and created_at <= $2 returning account`, hash)
}

// recover takes what the statement q finds by hash as a way back in, once.
func (s *Store) recover(ctx context.Context, how How, wrong error, q, hash string) (Entry, error) {
	var a Account
	allowed, now := false, s.now()
	err := s.db.Tx(ctx, func(tx *db.Tx) (err error) {
		if allowed, err = s.mayTry(ctx, tx, false); err != nil || !allowed {
			return err
		}
		id, err := db.One(ctx, tx, db.Value[string], q, hash, now.UnixMicro())
		if errors.Is(err, db.ErrNone) {
			return nil
		}
		if err != nil {
			return err
		}
		a, err = db.One(ctx, tx, read, `select `+columns+` from account a where id = $1 and status = 'active'`, id)
		if errors.Is(err, db.ErrNone) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.recovered(ctx, tx, a, how)
	})
	switch {
	case err != nil:
		return Entry{}, fmt.Errorf("account: recover: %w", err)
	case !allowed:
		return Entry{}, errTooMany
	case a.ID == "":
		return Entry{}, anyErr(errors.Join(s.failed(ctx), s.refused(ctx, nil)), wrong)
	}
	return Entry{Account: a, How: how}, nil
}

// recovered notes a recovery: the hold begins where there is anything to take
// over, and the owner is told on all channels.
func (s *Store) recovered(ctx context.Context, tx *db.Tx, a Account, how How) error {
	strong, err := s.strong(ctx, tx, a.ID)
	if err != nil {
		return err
	}
	if strong || how == BySheet || how == ByStaff { // else it is the first thing that is ever enrolled
		if err := s.hold(ctx, tx, a.ID); err != nil {
			return err
		}
	}
	now := s.now()
	note := Notice{Kind: RecoveryBegun, Account: a, What: string(how), Until: now.Add(s.rules.hold()).UTC()}
	if err := s.tellCancel(ctx, tx, note, cancelRecovery, now); err != nil {
		return err
	}
	row := happened(Recovered, a, true)
	row.Reason = string(how)
	return s.log.AddIn(ctx, tx, row)
}
