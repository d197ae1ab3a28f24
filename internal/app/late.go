package app

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/lang"
	"hale/internal/care/task"
	"hale/internal/face/web"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// lateJob looks for what patients were promised and did not get.
const lateJob = "task.late"

// lateMost is how many promises one turn raises; the next turn has the rest.
const lateMost = 200

// lateWorks raises promises that passed.
type lateWorks struct{ a *App }

// Handlers returns what the queue does.
func (w lateWorks) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{lateJob: w.a.raiseLate}
}

// Periodic returns when it does so without being asked.
func (lateWorks) Periodic() []jobs.Periodic {
	return []jobs.Periodic{{Kind: lateJob, Every: time.Minute}}
}

// raising is one turn: whom it can tell, and whom it has told. Whoever has
// several things that are late hears of them once.
type raising struct {
	app   *App
	staff []account.Account
	leads map[string]string
	told  map[string]bool // accounts and patients
}

// raiseLate raises each promise that passed, once.
func (a *App) raiseLate(ctx context.Context, _ json.RawMessage) error {
	actor := access.SystemActor("promises", access.AnswerPatients, access.WriteRecord)
	all, err := a.Doors.CheckAll(ctx, actor, access.AnswerPatients)
	if err != nil {
		return err
	}
	list, err := a.Tasks.Unraised(ctx, all, lateMost)
	if err != nil {
		return err
	}
	r := raising{app: a, told: map[string]bool{}}
	if r.staff, err = a.Accounts.Staff(ctx); err != nil {
		return err
	}
	if r.leads, err = a.Tasks.Leads(ctx); err != nil {
		return err
	}
	for _, t := range list {
		pass, err := a.Doors.Check(ctx, actor, access.AnswerPatients, t.Patient)
		if err != nil {
			return err
		}
		if err := r.raise(ctx, pass, t); err != nil {
			return err
		}
	}
	return r.translations(ctx)
}

// raise raises one, and tells who can do something about it, and the patient.
func (r raising) raise(ctx context.Context, pass access.Pass, t task.Task) error {
	to, name, whom := "", t.Team, r.crew(t.Team)
	if lead, ok := r.lead(t.Team); ok {
		to, name, whom = lead.ID, lead.Name, []account.Account{lead}
	}
	var heard []string
	done, err := r.app.Tasks.Raise(ctx, pass, t.ID, to, name, func(tx *db.Tx, t task.Task) error {
		heard = heard[:0] // a transaction may begin anew
		for _, one := range whom {
			if r.told[one.ID] {
				continue
			}
			n := account.Notice{Kind: account.TaskRaised, Account: one, Link: r.app.c.base() + "/desk/queue?who=late"}
			if err := r.app.Accounts.Tell(ctx, tx, n); err != nil {
				return err
			}
			heard = append(heard, one.ID)
		}
		if r.told[t.Patient] {
			return nil
		}
		heard = append(heard, t.Patient)
		return r.app.tellNotice(ctx, tx, t.Patient, account.Notice{Kind: account.RequestLate, Until: t.Due})
	})
	if err != nil || !done {
		return err
	}
	for _, id := range heard {
		r.told[id] = true
	}
	return nil
}

// lead is who leads a team, while they work here.
func (r raising) lead(team string) (account.Account, bool) {
	i := slices.IndexFunc(r.staff, func(a account.Account) bool { return a.ID == r.leads[team] })
	if i < 0 {
		return account.Account{}, false
	}
	return r.staff[i], true
}

// crew is everybody of a team that nobody leads, and the administrators.
func (r raising) crew(team string) []account.Account {
	for _, role := range task.Roles(team) {
		list := r.withRole(role)
		if len(list) == 0 {
			continue
		}
		for _, one := range r.withRole(access.Admin) {
			if !slices.ContainsFunc(list, func(a account.Account) bool { return a.ID == one.ID }) {
				list = append(list, one)
			}
		}
		return list
	}
	return r.withRole(access.Admin)
}

func (r raising) withRole(role access.Role) (list []account.Account) {
	for _, one := range r.staff {
		if slices.Contains(one.Roles, role) {
			list = append(list, one)
		}
	}
	return list
}

// late says that a promise is over, to the patient and to the staff. Neither
// text says what was asked.
func (s notices) late(l lang.Lang, n account.Notice) string {
	clinic := s.app.c.Clinic.Name
	var lines []string
	switch n.Kind {
	case account.TaskRaised:
		return l.T("%s: answers that patients were promised are late. See which, and who has them: %s", clinic, n.Link)
	case account.TranslationRaised:
		return s.lateWords(l, n)
	case account.TranslationLate:
		lines = append(lines, s.lateWords(l, n))
	default:
		lines = append(lines, l.T("%s: we said you would hear from us by %s. We are late, and we are sorry. We asked for somebody to look at it now. Sign in to see who.",
			clinic, s.at(l, n.Until)))
	}
	if s.app.c.Clinic.Phone != "" {
		lines = append(lines, l.T("If it cannot wait, call us: %s.", web.Phone(s.app.c.Clinic.Phone)))
	}
	return strings.Join(lines, " ")
}
