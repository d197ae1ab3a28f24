package portal

import "hale/internal/care/bill"

// paymentWords says what one row of the ledger was.
func paymentWords(s sheet, p bill.Payment) string {
	if p.Kind == bill.Refund && p.Sum.Cents > 0 {
		return s.T("Money could not be paid back to you. We will call you about it")
	}
	return paidWords(s, p.Kind)
}
