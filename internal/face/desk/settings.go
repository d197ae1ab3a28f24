package desk

import (
	"net/http"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/reach"
)

// showSettings shows what the clinic runs on and who has access.
func (d *Desk) showSettings(w http.ResponseWriter, r *http.Request) error {
	if _, err := d.all(r, access.ManageUsers); err != nil {
		return err
	}
	staff, err := d.Accounts.Staff(r.Context())
	if err != nil {
		return err
	}
	c := d.Site.Latest().Clinic
	v := settingsView{Users: d.Members != nil, Clinic: slices.DeleteFunc([][2]string{{"Name", c.Name}, {"Phone", phoneWords(c.Phone)}, {"Address", c.Address}, {"Time zone", c.Zone.String()}, {"Color", c.Brand}},
		func(f [2]string) bool { return f[1] == "" })}
	for _, s := range staff {
		row := personRow{Name: s.Name, Roles: roleNames(s.Roles), Opens: roleWords(s.Roles), Since: d.day(s.Created)}
		if d.Findings != nil {
			row.Own = "/desk/users/" + s.ID + "/own"
		}
		v.People = append(v.People, row)
	}
	if v.Apps, err = d.appsWords(r); err != nil {
		return err
	}
	v.Mail = d.Mail.Standing != nil
	v.Brand = d.Clinic != nil
	v.Rules, v.Fee = d.RuleBook != nil && may(r, access.SetRules), d.Talk != nil && may(r, access.SetRules)
	v.Traffic = d.Traffic.Exports != nil && may(r, access.ReadAudit)
	for _, s := range d.Senders() {
		v.Senders = append(v.Senders, senderView(s))
	}
	return d.Site.Render(w, r, http.StatusOK, settingsPage(d.view(r, "Settings", "settings"), v))
}

func senderView(s Sender) senderRow {
	row := senderRow{Icon: channelIcon(string(s.Channel)), Name: channelLabel(string(s.Channel)), State: "Ready", Tone: "good"}
	if s.Channel == reach.SMS {
		row.Name = "Text"
	}
	var words []string
	if s.Through != "" {
		words = append(words, "through "+s.Through)
	}
	if s.From != "" {
		words = append(words, "from "+phoneWords(s.From))
	}
	if s.Note != "" {
		words = append(words, s.Note)
	}
	row.Words = sentenceCase(strings.Join(words, ", "))
	if !s.OK {
		row.State, row.Tone = "Cannot send", "act"
	}
	return row
}

func roleNames(roles []access.Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
		switch r {
		case access.Admin:
			words[i] = "administrator"
		case access.FrontDesk:
			words[i] = "front desk"
		case access.Privacy:
			words[i] = "privacy officer"
		}
	}
	return sentenceCase(strings.Join(words, ", "))
}

// roleWords says what roles open.
func roleWords(roles []access.Role) string {
	var words []string
	for _, r := range roles {
		switch r {
		case access.Nurse:
			words = append(words, "open records, book visits, write to patients, run and measure outreach")
		case access.FrontDesk:
			words = append(words, "keep the schedule, check people in, book visits, help people sign in, answer what is about visits, without opening a record")
		case access.Billing:
			words = append(words, "keep bills, payment plans and prices, answer what is about them, without opening a record")
		case access.Marketer:
			words = append(words, "run and measure outreach, without opening a record")
		case access.Admin:
			words = append(words, "see who has access and who looked, find patients, see measures")
		case access.Interpreter:
			words = append(words, "put what colleagues wrote into the languages they are down for, without opening a record")
		case access.Privacy:
			words = append(words, "review access, answer privacy requests, read the audit log, without opening a record")
		}
	}
	return sentenceCase(strings.Join(words, "; "))
}
