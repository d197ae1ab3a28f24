package desk

import (
	"net/http"

	"hale/internal/access"
)

// failureWords say why a refund failed, in the codes of Stripe.
//
// Spec: https://docs.stripe.com/api/refunds/object#refund_object-failure_reason
func failureWords(code string) string {
	switch code {
	case "lost_or_stolen_card":
		return "the card was lost or stolen"
	case "expired_or_canceled_card":
		return "the card is no longer valid"
	case "charge_for_pending_refund_disputed":
		return "the patient disputes the payment with the bank"
	case "insufficient_funds":
		return "the clinic’s balance at Stripe was too low"
	case "declined":
		return "the bank refused it"
	case "merchant_request", "canceled":
		return "it was called off"
	}
	return "the bank gave no reason"
}

// fillFailed adds the refunds that did not reach the patient.
func (d *Desk) fillFailed(r *http.Request, pass access.Pass, v *deskBillsView) error {
	list, err := d.Bills.Failures(r.Context(), pass, billsMost)
	if err != nil {
		return err
	}
	ids := make([]string, len(list))
	for i, f := range list {
		ids[i] = f.Patient
	}
	names, err := d.payers(r, ids)
	for _, f := range list {
		v.Failed = append(v.Failed, moneyRow{
			Who: names[f.Patient], Sum: f.Sum.String(), Sub: "Failed on " + d.clock(f.At) + ": " + failureWords(f.Reason),
			Action: "/desk/patients/" + f.Patient + "/refunds/" + f.ID + "/settle", Do: "Settled",
		})
	}
	return err
}

// settleRefund notes that somebody saw to a refund that failed.
func (d *Desk) settleRefund(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.one(r, access.PayBills, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := d.Bills.SettleFailure(r.Context(), pass, r.PathValue("refund")); err != nil {
		return err
	}
	http.Redirect(w, r, billsPath+"?note=settled", http.StatusSeeOther)
	return nil
}
