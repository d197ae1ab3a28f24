package portal

import (
	"hale/internal/base/money"
	"hale/internal/care/bill"
)

// insuranceWords says what insurance paid, where it did.
func insuranceWords(s sheet, b bill.Bill) string {
	if b.Insurance.Cents <= 0 {
		return ""
	}
	return s.T("Insurance paid %s", b.Insurance.String())
}

// dueBy says by when a bill is to be paid.
func dueBy(s sheet, b bill.Bill) string {
	if b.Late(s.Now()) {
		return s.T("Was due on %s", s.day(b.Due))
	}
	return s.T("Due on %s", s.day(b.Due))
}

// numberWords says the number of a bill.
func numberWords(s sheet, number string) string {
	if number == "" {
		return ""
	}
	return s.T("Bill number %s", number)
}

// minus writes what was paid as what it takes off.
func minus(sum money.Sum) string {
	sum.Cents = -sum.Cents
	return sum.String()
}

// owedNow is what is owed, never below nothing.
func owedNow(b bill.Bill) money.Sum {
	left := b.Left()
	left.Cents = max(0, left.Cents)
	return left
}

// typedOr is what somebody typed, or the least as a beginning.
func typedOr(d payPlanData) string {
	if d.Typed != "" {
		return d.Typed
	}
	return d.Least.Decimal()
}
