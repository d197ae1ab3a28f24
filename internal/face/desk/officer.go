package desk

import (
	"net/http"
	"strings"

	"hale/internal/access"
	"hale/internal/access/proxy"
)

// trustView is what a privacy officer sees of one patient: who is let in,
// who looked, what was asked and given away. Nothing clinical is in it.
type trustView struct {
	Name, Lead, Log string
	Watched         bool
	Links           []linkRow
	Asked           []requestRow
	Helpers         []helperItem
	Given           []eventRow
	Looks           []eventRow
	Ledger, Grants  bool // the clinic keeps these
}

// showTrust shows one patient to whoever answers for privacy.
func (d *Desk) showTrust(w http.ResponseWriter, r *http.Request, id string) error {
	looks, err := d.Audit.Of(r.Context(), id, 60) // before this look is one of them
	if err != nil {
		return err
	}
	if _, err := d.one(r, access.ReadLooks, id); err != nil {
		return err
	}
	people, err := d.named(r, id)
	if err != nil {
		return err
	}
	p := people[id]
	if p.Full == "" {
		return errNowhere
	}
	v := trustView{Name: p.Full, Lead: strings.Join(nonEmpty("Born "+bornWords(p.Born), p.MRN), " · ")}
	if d.Log != nil {
		v.Log = "/desk/audit?patient=" + id
	}
	for _, fill := range []func(*http.Request, string, *trustView) error{d.fillFlag, d.fillAsked, d.fillHelpers, d.fillGiven} {
		if err := fill(r, id, &v); err != nil {
			return err
		}
	}
	if v.Looks, err = d.looks(r, looks); err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, trustPage(d.view(r, p.Full, "patients"), v))
}

func nonEmpty(words ...string) []string {
	var list []string
	for _, s := range words {
		if s != "" {
			list = append(list, s)
		}
	}
	return list
}

// fillFlag says whether the record is watched.
func (d *Desk) fillFlag(r *http.Request, id string, v *trustView) error {
	if d.Findings == nil || d.Emergencies == nil {
		return nil
	}
	pass, err := d.one(r, access.ReviewAccess, id)
	if err != nil {
		return err
	}
	f, err := d.Findings.Flag(r.Context(), pass)
	if err != nil {
		return err
	}
	row := linkRow{Href: "/desk/patients/" + id + "/watch", Icon: "eye", Title: "Not watched", Sub: "Watch it more closely"}
	if v.Watched = f.On; f.On {
		row.Title, row.Sub = "Watched more closely", "Since "+d.day(f.SetAt)
	}
	v.Links = append(v.Links, row)
	return nil
}

// fillAsked adds what the patient asked, and the restrictions in force.
func (d *Desk) fillAsked(r *http.Request, id string, v *trustView) error {
	if d.Requests == nil {
		return nil
	}
	v.Ledger = true
	pass, err := d.one(r, access.AnswerPrivacy, id)
	if err != nil {
		return err
	}
	list, err := d.Requests.Of(r.Context(), pass)
	if err != nil {
		return err
	}
	for _, one := range list {
		row := requestRow{Href: "/desk/requests/" + one.ID, Who: kindWord(one.Kind), Sub: strings.Join(nonEmpty("Asked "+d.day(one.Asked), one.Details.Title), " · ")}
		row.Chip, row.Tone = d.requestChip(one)
		v.Asked = append(v.Asked, row)
	}
	return nil
}

// fillHelpers adds who helps.
func (d *Desk) fillHelpers(r *http.Request, id string, v *trustView) error {
	if d.Helpers == nil {
		return nil
	}
	v.Grants = true
	v.Links = append(v.Links, linkRow{Href: "/desk/patients/" + id + "/proxies", Icon: "heart-handshake", Title: "Caregivers", Sub: "Who helps, who is kept out, add a caregiver"})
	pass, err := d.one(r, access.SeeProxies, id)
	if err != nil {
		return err
	}
	list, err := d.Helpers.Of(r.Context(), pass)
	if err != nil {
		return err
	}
	for _, p := range list {
		v.Helpers = append(v.Helpers, caregiverItem(p))
	}
	return nil
}

// caregiverItem is one caregiver in a list of one patient's.
func caregiverItem(p proxy.Proxy) helperItem {
	row := helperItem{Href: "/desk/proxies/" + p.ID, Who: p.Helper, Sub: basisWord(p.Basis) + " · " + strings.Join(shareWords(p.Limits), ", "), Chip: helperState(p.State)}
	if p.State == proxy.Active {
		row.Tone = "good"
	}
	return row
}

// fillGiven adds the last disclosures.
func (d *Desk) fillGiven(r *http.Request, id string, v *trustView) error {
	if d.Requests == nil {
		return nil
	}
	v.Links = append(v.Links, linkRow{Href: "/desk/patients/" + id + "/disclosures", Icon: "send", Title: "Disclosures", Sub: "Note one, print or save the list"})
	pass, err := d.one(r, access.AnswerPrivacy, id)
	if err != nil {
		return err
	}
	rows, err := d.ledger(r, pass)
	if err != nil {
		return err
	}
	for _, row := range rows[:min(len(rows), 5)] {
		words := row.Recipient + ": " + row.What
		if row.Void != "" {
			words += " (void)"
		}
		v.Given = append(v.Given, eventRow{When: row.When, Words: words})
	}
	return nil
}
