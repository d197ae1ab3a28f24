package reach

import (
	"context"

	"hale/internal/base/errs"
	"hale/internal/reach/spend"
	"hale/internal/store/db"
)

var errSpent = errs.New(errs.Unavailable, "We cannot send more texts just now. Please wait a little, or call us.")

// asked counts a text that a stranger can bring about. It says whether there
// may be one; where not, the transaction must be kept all the same, so that
// the refusal counts.
func (e *Engine) asked(ctx context.Context, tx *db.Tx, c Channel, to string) (bool, error) {
	if c != SMS {
		return true, nil
	}
	refused, err := spend.Take(ctx, tx, e.Key, e.Limits, to, e.Now())
	if err != nil {
		return false, err
	}
	if refused != "" {
		e.Log.Warn("reach: a text that was asked for is not sent", "limit", refused)
	}
	return refused == "", nil
}

// Spent is how many texts strangers had sent, and how many were refused, in
// this hour and the last.
func (e *Engine) Spent(ctx context.Context) (spend.Hour, error) {
	return spend.Last(ctx, e.DB, e.Now())
}
