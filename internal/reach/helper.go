package reach

import (
	"context"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/base/phone"
	"hale/internal/care/contact"
	"hale/internal/reach/policy"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

// ofAge is when nobody is a minor any more.
const ofAge = 18

// grantRow is a caregiver's grant with where they are reached.
type grantRow struct {
	access.Grant
	account, name, email, phone, state string
}

// helpers reads whom messages about each patient may go to beside them: whom
// a grant lets read messages, as the ages of the state leave it. What a
// grant opens does not cover the specially protected: Decide keeps to that.
func (e *Engine) helpers(ctx context.Context, c db.Conn, k *crowd, patients []string) error {
	now := e.Now()
	q := `select g.patient, g.account, a.name, a.email, a.phone, g.rights, g.categories, g.basis, p.state
		from account_grant g
			join account a on a.id = g.account
			join person p on p.id = g.patient
		where g.until_at > $1 and g.patient in (` + db.In(2, len(patients)) + `)
			and not exists (select 1 from proxy_block b where b.patient = g.patient and b.account = g.account)
		order by g.patient, g.created_at, g.account`
	list, err := db.All(ctx, c, func(scan db.Scan) (r grantRow, err error) {
		var rights, categories string
		err = scan(&r.Patient, &r.account, &r.name, &r.email, &r.phone, &rights, &categories, &r.Basis, &r.state)
		for _, one := range strings.Fields(rights) {
			r.Rights = append(r.Rights, access.Right(one))
		}
		for _, one := range strings.Fields(categories) {
			r.Categories = append(r.Categories, access.Category(one))
		}
		return r, err
	}, q, append([]any{db.Micro(now)}, db.Args(patients)...)...)
	if err != nil {
		return fmt.Errorf("reach: helpers: %w", err)
	}
	for _, r := range list {
		s := k.by[r.Patient]
		if s == nil || s.Missing {
			continue
		}
		g := r.Grant
		if e.Ages != nil {
			g = e.Ages.Narrow(g, s.born, r.state, now)
		}
		if !slices.Contains(g.Rights, access.ReadMessages) || !slices.Contains(g.Categories, access.Messages) {
			continue
		}
		if h := r.helper(); len(h.Points) > 0 {
			s.Helpers = append(s.Helpers, h)
		}
	}
	return nil
}

// helper is who r lets read messages, with where codes and words reach them.
func (r grantRow) helper() policy.Helper {
	h := policy.Helper{Account: r.account, Name: r.name, Parent: r.Basis == access.AsParent}
	add := func(kind contact.Kind, text string) {
		if value := contact.Normal(kind, text); value != "" {
			p := contact.Point{Patient: r.Patient, Kind: kind, Value: value, Status: contact.Active, Rank: len(h.Points) + 1}
			if kind == contact.SMS {
				p.Zone = phone.Number(value).Zone()
			}
			h.Points = append(h.Points, p)
		}
	}
	if r.phone != "" {
		add(contact.SMS, r.phone)
	}
	if r.email != "" {
		add(contact.Email, r.email)
	}
	return h
}

// minor says whether somebody born then is under age.
func minor(born string, now time.Time) bool {
	if _, err := time.Parse(time.DateOnly, born); err != nil {
		return false
	}
	return access.Age(born, now) < ofAge
}

// named says in a caregiver's message whose it is: the first name alone.
// Where even the clinic is not named, nobody is.
func named(m *template.Message, tag, given string, c policy.Candidate) {
	if c.For == "" || c.Mode == policy.Generic || given == "" {
		return
	}
	first, _, _ := strings.Cut(given, " ")
	about := lang.Pick("", tag).T("About %s:", first)
	if m.Subject != "" {
		m.Subject = about + " " + m.Subject
	}
	if m.Title != "" {
		m.Title = about + " " + m.Title
	}
	m.Text = about + " " + m.Text
	if c.Channel == SMS {
		m.Text = template.GSM(m.Text)
	}
	if at := strings.Index(m.HTML, "<body"); at >= 0 {
		if end := strings.Index(m.HTML[at:], ">"); end >= 0 {
			at += end + 1
			m.HTML = m.HTML[:at] + "<p>" + html.EscapeString(about) + "</p>" + m.HTML[at:]
		}
	} else if m.HTML != "" {
		m.HTML = "<p>" + html.EscapeString(about) + "</p>" + m.HTML
	}
}
