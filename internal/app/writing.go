package app

import (
	"net/url"

	"hale/internal/face/desk"
	"hale/internal/reach"
	"hale/internal/reach/approval"
	"hale/internal/reach/library"
	"hale/internal/reach/policy"
	"hale/internal/reach/template"
)

// Writing is what a clinic sets about the texts of its outreach.
type Writing struct {
	Approve reach.Threshold // from where on it takes two people
	Cents   float64         // what one text costs; 0: not said
	Samples []string        // texts that the carriers were told of (10DLC)
	Langs   []string        // to be written in; empty: English and Spanish
}

// DefaultApproval is from where on an outreach takes two people, where a
// clinic says nothing: results and diagnoses, or a thousand people.
func DefaultApproval() reach.Threshold { return reach.Threshold{People: 1000, Class: policy.S3} }

// writes sets up an engine's rules about texts.
func (a *App) writes(e *reach.Engine) {
	host := ""
	if u, err := url.Parse(a.c.base()); err == nil {
		host = u.Hostname()
	}
	w := a.c.Writing
	e.Approvals, e.Approve = approval.NewStore(a.db, a.ids, a.c.Now), w.Approve
	e.Style = template.Rules{Clinic: a.c.Clinic.Name, Address: a.c.Clinic.Address, Host: host, Samples: w.Samples, Cents: w.Cents, Langs: w.Langs}
}

// deskWriting adds the pages of writing to the desk.
func (a *App) deskWriting(c desk.Config) desk.Config {
	c.Writing = desk.Writing{Engine: a.Reach, Approvals: approval.NewStore(a.db, a.ids, a.c.Now), Library: library.NewStore(a.db, a.ids, a.c.Now)}
	return c
}
