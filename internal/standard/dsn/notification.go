package dsn

import (
	"encoding/json"
	"strings"
)

// notification reads what some services mail instead of a report: the facts
// as JSON. Only the fields that say what happened to whom are looked at.
func notification(text string) ([]Item, bool) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") {
		return nil, false
	}
	var n struct {
		Kind   string `json:"notificationType"`
		Bounce struct {
			Type string `json:"bounceType"`
			List []struct {
				Address, Status, Action string
				Diagnostic              string `json:"diagnosticCode"`
				Email                   string `json:"emailAddress"`
			} `json:"bouncedRecipients"`
		} `json:"bounce"`
		Complaint struct {
			Type string `json:"complaintFeedbackType"`
			List []struct {
				Email string `json:"emailAddress"`
			} `json:"complainedRecipients"`
		} `json:"complaint"`
		Delivery struct {
			List     []string `json:"recipients"`
			Response string   `json:"smtpResponse"`
		} `json:"delivery"`
	}
	if json.NewDecoder(strings.NewReader(text)).Decode(&n) != nil {
		return nil, false
	}
	var list []Item
	for _, r := range n.Bounce.List {
		said := verdict(typed.ReplaceAllString(r.Diagnostic, ""), status(r.Status), "")
		it := Item{Kind: Bounce, Recipient: first(r.Email), Reason: said.reason, Status: said.status, Code: said.code, Diagnostic: oneLine(r.Diagnostic)}
		it.Hard = hard(it.Reason, it.Status, it.Code)
		list = append(list, it)
	}
	for _, r := range n.Complaint.List {
		list = append(list, Item{Kind: Complaint, Reason: Feedback, Feedback: n.Complaint.Type, Recipient: first(r.Email)})
	}
	for _, r := range n.Delivery.List {
		said := verdict(n.Delivery.Response, "", "")
		list = append(list, Item{Kind: Delivered, Reason: Arrived, Status: said.status, Code: said.code, Recipient: first(r), Diagnostic: oneLine(n.Delivery.Response)})
	}
	return list, len(list) > 0
}
