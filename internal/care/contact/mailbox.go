package contact

import (
	"context"
	"fmt"

	"hale/internal/store/db"
)

// Mailbox is an e-mail address that works, and whose it is.
type Mailbox struct{ Patient, Value string }

// Mailboxes returns the next n e-mail addresses in use after one, by patient.
// It is for parts of Hale that look at everybody's at once and hold a right
// to.
func Mailboxes(ctx context.Context, c db.Conn, after Mailbox, n int) ([]Mailbox, error) {
	const q = `select patient, value from contact_point
		where kind = 'email' and status = 'active' and (patient, value) > ($1, $2)
		order by patient, value limit $3`
	list, err := db.All(ctx, c, func(scan db.Scan) (m Mailbox, err error) {
		err = scan(&m.Patient, &m.Value)
		return m, err
	}, q, after.Patient, after.Value, n)
	if err != nil {
		return nil, fmt.Errorf("contact: mailboxes: %w", err)
	}
	return list, nil
}
