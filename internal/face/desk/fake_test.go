package desk

import (
	"context"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/care/patient"
	"hale/internal/care/visit"
	"hale/internal/measure"
	"hale/internal/reach"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
	"hale/internal/reach/todo"
	"hale/internal/store/audit"
)

var noon = time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC) // noon in Chicago

var errGone = errs.New(errs.NotFound, "We could not find that.")

// fakes answers for every package behind the desk, and holds the passes to
// the same rights as they do.
type fakes struct {
	outreaches []reach.Outreach
	effect     map[string]measure.Effect
	funnel     measure.Funnel
	channels   []measure.ChannelRow
	forecast   reach.Forecast
	progress   reach.Progress
	trail      reach.Trail
	copies     []reach.Content
	todo       map[todo.Kind][]todo.Entry
	members    []reach.Member
	people     []patient.Person
	visits     []visit.Visit
	booked     []visit.Visit
	points     []contact.Point
	wishes     []contact.Preference
	said       []consent.Event
	staff      []account.Account
	looked     []audit.Row
	count      int
	against    int
	did        []string // what was asked to change
}

func (f *fakes) Save(_ context.Context, pass access.Pass, o reach.Outreach) (reach.Outreach, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return o, err
	}
	if o.ID == "" {
		o.ID, o.Created = "new", noon
	}
	f.did = append(f.did, "save "+o.ID)
	f.outreaches = slices.DeleteFunc(f.outreaches, func(x reach.Outreach) bool { return x.ID == o.ID })
	f.outreaches = append(f.outreaches, o)
	return o, nil
}

func (f *fakes) Get(_ context.Context, pass access.Pass, id string) (reach.Outreach, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return reach.Outreach{}, err
	}
	for _, o := range f.outreaches {
		if o.ID == id {
			return o, nil
		}
	}
	return reach.Outreach{}, errGone
}

func (f *fakes) List(_ context.Context, pass access.Pass) ([]reach.Outreach, error) {
	return f.outreaches, pass.OpenAll(access.RunOutreach)
}

func (f *fakes) Sent(_ context.Context, pass access.Pass) ([]reach.Outreach, error) {
	sent := slices.DeleteFunc(slices.Clone(f.outreaches), func(o reach.Outreach) bool { return o.State == reach.Draft })
	return sent, pass.OpenAll(access.ReadMeasure)
}

func (f *fakes) note(pass access.Pass, verb, id string) error {
	f.did = append(f.did, verb+" "+id)
	return pass.OpenAll(access.RunOutreach)
}

func (f *fakes) Delete(_ context.Context, p access.Pass, id string) error {
	return f.note(p, "delete", id)
}
func (f *fakes) Start(_ context.Context, p access.Pass, id string) error {
	return f.note(p, "start", id)
}
func (f *fakes) Pause(_ context.Context, p access.Pass, id string) error {
	return f.note(p, "pause", id)
}
func (f *fakes) Resume(_ context.Context, p access.Pass, id string) error {
	return f.note(p, "resume", id)
}
func (f *fakes) Stop(_ context.Context, p access.Pass, id string) error { return f.note(p, "stop", id) }

func (f *fakes) DryRun(_ context.Context, pass access.Pass, _ string) (reach.Forecast, error) {
	return f.forecast, pass.OpenAll(access.RunOutreach)
}

func (f *fakes) Progress(_ context.Context, pass access.Pass, _ string) (reach.Progress, error) {
	return f.progress, pass.OpenAll(access.RunOutreach)
}

func (f *fakes) Bounces(_ context.Context, pass access.Pass) (map[contact.Kind]map[string]reach.Bounce, error) {
	_, err := pass.Open(access.ReadContacts)
	return map[contact.Kind]map[string]reach.Bounce{contact.Email: {"maria@example.net": {Kind: reach.HardBounce, Reason: "userunknown"}}}, err
}

func (f *fakes) Trail(_ context.Context, pass access.Pass, _ string) (reach.Trail, error) {
	_, err := pass.Open(access.ReadDecisions)
	return f.trail, err
}

func (f *fakes) Copies(_ context.Context, pass access.Pass, _ string) ([]reach.Content, error) {
	_, err := pass.Open(access.ReadMessages)
	return f.copies, err
}

func (f *fakes) Count(_ context.Context, pass access.Pass, e segment.Expr) (int, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return 0, err
	}
	_, _, err := segment.Compile(access.Pass{}, e, noon)
	return f.count, err
}

func (f *fakes) Members(_ context.Context, pass access.Pass, _, _, _ string, n int) ([]reach.Member, error) {
	return f.members[:min(n, len(f.members))], pass.OpenAll(access.FindPatients)
}

func (f *fakes) Met(_ context.Context, pass access.Pass) ([]reach.Member, error) {
	_, err := pass.Open(access.ReadDecisions)
	return f.members, err
}

// fakeTodos answers for package todo.
type fakeTodos struct{ *fakes }

func (f fakeTodos) Counts(_ context.Context, pass access.Pass) (map[todo.Kind]int, error) {
	n := map[todo.Kind]int{}
	for k, list := range f.todo {
		for _, e := range list {
			if e.Word == "" {
				n[k]++
			}
		}
	}
	return n, pass.OpenAll(access.RunOutreach)
}

func (f fakeTodos) Tallies(_ context.Context, pass access.Pass, k todo.Kind) ([]todo.Tally, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil || len(f.todo[k]) == 0 {
		return nil, err
	}
	return []todo.Tally{{Outreach: "recall", Name: "Diabetic eye exam recall", N: len(f.todo[k])}}, nil
}

func (f fakeTodos) Open(_ context.Context, pass access.Pass, k todo.Kind, _ int) ([]todo.Entry, error) {
	open := slices.DeleteFunc(slices.Clone(f.todo[k]), func(e todo.Entry) bool { return e.Word != "" })
	return open, pass.OpenAll(access.AnswerPatients)
}

func (f fakeTodos) Done(_ context.Context, pass access.Pass, k todo.Kind, _ time.Time, _ int) ([]todo.Entry, error) {
	done := slices.DeleteFunc(slices.Clone(f.todo[k]), func(e todo.Entry) bool { return e.Word == "" })
	return done, pass.OpenAll(access.AnswerPatients)
}

func (f fakeTodos) Close(_ context.Context, pass access.Pass, k todo.Kind, subject, word string) error {
	patient, err := pass.Open(access.AnswerPatients)
	f.did = append(f.did, "close "+string(k)+" "+subject+" of "+patient+": "+word)
	return err
}

func (f fakeTodos) Reopen(_ context.Context, pass access.Pass, k todo.Kind, subject string) error {
	patient, err := pass.Open(access.AnswerPatients)
	f.did = append(f.did, "open "+string(k)+" "+subject+" of "+patient)
	return err
}

func (f *fakes) Against(_ context.Context, pass access.Pass, _ string) (int, error) {
	return f.against, pass.OpenAll(access.RunOutreach)
}

func (f *fakes) Effect(_ context.Context, pass access.Pass, id string) (measure.Effect, error) {
	return f.effect[id], pass.OpenAll(access.ReadMeasure)
}

func (f *fakes) Funnel(_ context.Context, pass access.Pass, ids ...string) (measure.Funnel, error) {
	all := f.funnel
	for _, n := range [...]*int{&all.Patients, &all.Held, &all.Blocked, &all.Sent, &all.Delivered, &all.Seen, &all.Acted} {
		*n *= len(ids)
	}
	return all, pass.OpenAll(access.ReadMeasure)
}

func (f *fakes) ByChannel(_ context.Context, pass access.Pass, _ string) ([]measure.ChannelRow, error) {
	return f.channels, pass.OpenAll(access.ReadMeasure)
}

// fakePatients answers for package patient.
type fakePatients struct{ *fakes }

func (f fakePatients) Get(_ context.Context, pass access.Pass) (patient.Person, error) {
	for _, right := range []access.Right{access.ReadRecord, access.ReadContacts, access.ReadDecisions} {
		if id, err := pass.Open(right); err == nil {
			for _, p := range f.people {
				if p.ID == id {
					return p, nil
				}
			}
		}
	}
	return patient.Person{}, errGone
}

func (f fakePatients) Find(_ context.Context, pass access.Pass, q string, n int) ([]patient.Person, error) {
	var found []patient.Person
	for _, p := range f.people {
		if strings.Contains(strings.ToLower(p.Full), strings.ToLower(q)) && len(found) < n {
			found = append(found, p)
		}
	}
	return found, pass.OpenAll(access.FindPatients)
}

func (f fakePatients) Named(_ context.Context, pass access.Pass, ids []string) ([]patient.Person, error) {
	var found []patient.Person
	for _, p := range f.people {
		if slices.Contains(ids, p.ID) {
			found = append(found, p)
		}
	}
	return found, pass.OpenAll(access.FindPatients)
}

// fakeContacts answers for package contact.
type fakeContacts struct{ *fakes }

func (f fakeContacts) Of(_ context.Context, pass access.Pass) ([]contact.Point, error) {
	_, err := pass.Open(access.ReadContacts)
	return f.points, err
}

func (f fakeContacts) Preferences(_ context.Context, pass access.Pass) ([]contact.Preference, error) {
	_, err := pass.Open(access.ReadContacts)
	return f.wishes, err
}

func (f fakeContacts) PatientsAt(_ context.Context, _, value string) ([]string, error) {
	for _, p := range f.points {
		if p.Value == value {
			return []string{p.Patient}, nil
		}
	}
	return nil, nil
}

// fakeConsents answers for package consent.
type fakeConsents struct{ *fakes }

func (f fakeConsents) Of(_ context.Context, pass access.Pass) ([]consent.Event, error) {
	_, err := pass.Open(access.ReadContacts)
	return f.said, err
}

func (f *fakes) Upcoming(_ context.Context, pass access.Pass, _ int) ([]visit.Visit, error) {
	_, err := pass.Open(access.ReadVisits)
	return f.visits[:1], err
}

func (f *fakes) Past(_ context.Context, pass access.Pass, _ int) ([]visit.Visit, error) {
	_, err := pass.Open(access.ReadVisits)
	return f.visits[1:], err
}

func (f *fakes) Booked(_ context.Context, pass access.Pass, _ string, _ time.Time, _ int) ([]visit.Visit, error) {
	return f.booked, pass.OpenAll(access.FindPatients)
}

// fakeAccounts answers for package account.
type fakeAccounts struct{ *fakes }

func (f fakeAccounts) Staff(context.Context) ([]account.Account, error) { return f.staff, nil }

func (f fakeAccounts) Get(_ context.Context, id string) (account.Account, error) {
	for _, a := range f.staff {
		if a.ID == id {
			return a, nil
		}
	}
	return account.Account{}, errGone
}

// fakeLooks answers for package audit.
type fakeLooks struct{ *fakes }

func (f fakeLooks) Of(_ context.Context, _ string, _ int) ([]audit.Row, error) { return f.looked, nil }

func (f fakeLooks) Find(context.Context, audit.Query, int) ([]audit.Row, error) { return f.looked, nil }

func (fakeLooks) Status(context.Context) (audit.Status, error) { return audit.Status{}, nil }

// known returns fakes that hold the design kit's example.
func known() *fakes {
	day := func(m time.Month, d, h, min int) time.Time { return time.Date(2026, m, d, h+5, min, 0, 0, time.UTC) } // Chicago, in summer time
	diabetic := segment.Expr{All: []segment.Expr{
		{Has: &segment.Has{Concept: "diabetes"}},
		{Not: &segment.Expr{Has: &segment.Has{Concept: "eye-exam", Months: 12}}},
		{Age: &segment.Range{Min: 18}},
	}}
	words := template.Template{Sensitivity: policy.S2, Parts: []template.Part{
		{Channel: template.Page, Lang: "en", Subject: "Your eye exam is due", Body: "Hello {{ first_name | default: \"there\" }},\n\nDiabetes can harm the eyes without pain. A yearly exam finds it early. Please choose a time below."},
		{Channel: template.Page, Lang: "es", Subject: "Le toca el examen de la vista", Body: "Hola, {{ first_name | default: \"\" }}.\n\nElija una hora abajo."},
	}}
	recall := reach.Outreach{ID: "recall", Name: "Diabetic eye exam recall", Purpose: "care", Service: "eye-exam", State: reach.Running, Segment: diabetic, Template: words,
		Holdout: 0.1, WindowDays: 90, ExpireDays: 30, Audience: 8412, Planned: 8412, CreatedBy: "nurse", Created: day(time.October, 4, 9, 0), Started: day(time.October, 5, 9, 0)}
	done := recall
	done.ID, done.Name, done.State, done.Ended = "flu", "Flu shot 2026", reach.Done, day(time.November, 15, 9, 0)
	draft := recall
	draft.ID, draft.Name, draft.State, draft.Started, draft.Audience, draft.Planned, draft.Created = "draft", "Mammogram reminder", reach.Draft, time.Time{}, 0, 0, day(time.November, 20, 9, 0)
	effect := measure.Effect{Outreach: "recall", Goal: "booked", Treated: 7571, Held: 841, TreatedYes: 1946, HeldYes: 159,
		Share: measure.Share{P: 0.257}, HeldShare: measure.Share{P: 0.189}, Diff: 0.068, Low: 0.049, High: 0.087, SE: 0.0097, SRM: 0.9, Method: "always-valid",
		State: measure.Running, Extra: 515, ExtraLow: 371, ExtraHigh: 659, WindowDays: 90, Started: recall.Started, Complete: time.Date(2027, 1, 3, 18, 0, 0, 0, time.UTC),
		Groups: []measure.Group{
			{By: "First channel", Name: "sms", Treated: 4000, Held: 440, Diff: 0.081, Low: 0.054, High: 0.108},
			{By: "First channel", Name: "email", Treated: 2400, Held: 260, Diff: 0.052, Low: 0.02, High: 0.084},
			{By: "Age", Name: "65 and older", Treated: 3000, Held: 330, Diff: 0.079, Low: 0.046, High: 0.112},
			{By: "Portal", Name: "never signed in", Treated: 3100, Held: 350, Diff: 0.061, Low: 0.033, High: 0.089},
			{By: "Language", Name: "Spanish", Treated: 900, Held: 100, Diff: 0.088, Low: 0.029, High: 0.147},
			{By: "Language", Name: "Polish", Treated: 20, Held: 2, TooFew: true},
		}}
	flu := effect
	flu.State, flu.Diff, flu.Low, flu.High, flu.Groups = measure.Final, 0.004, -0.012, 0.02, nil
	maria := patient.Person{ID: "maria", Full: "Maria Alvarez", Given: "Maria", Family: "Alvarez", Born: "1961-04-27", Sex: "female", Lang: "en", MRN: "0042917", City: "Riverside", State: "IL", Zip: "60546", Active: true}
	ng := patient.Person{ID: "ng", Full: "Bartholomew Featherstonehaugh-Nguyen van den Berg", Given: "Bartholomew", Family: "Featherstonehaugh-Nguyen van den Berg", Born: "1948", Sex: "other", MRN: "7", Active: true, Deceased: true}
	at := func(h, m int) time.Time { return day(time.October, 6, h, m) }
	return &fakes{
		outreaches: []reach.Outreach{recall, done, draft},
		effect:     map[string]measure.Effect{"recall": effect, "flu": flu},
		funnel:     measure.Funnel{Patients: 8412, Held: 841, Blocked: 100, Sent: 7471, Delivered: 7402, Seen: 5375, Acted: 2196},
		channels:   []measure.ChannelRow{{Channel: "sms", Sent: 4420, Delivered: 4380, Seen: 3012, Acted: 1301}, {Channel: "email", Sent: 2500, Delivered: 2490, Seen: 1344, Acted: 600}, {Channel: "inbox", Sent: 551, Delivered: 551, Seen: 498, Acted: 120}},
		progress: reach.Progress{State: reach.Running, Audience: 8412, Planned: 8412, Balanced: true, InDoubt: 3,
			Intents:  map[string]int{"satisfied": 5375, "active": 1996, "deferred": 0, "exhausted": 60, "holdout": 841, "blocked": 100, "expired": 40},
			Messages: map[reach.Channel]map[string]int{"sms": {"scheduled": 210, "seen": 3012, "delivered": 1368, "undelivered": 40}, "email": {"accepted": 2500}}, ETA: noon.Add(7 * time.Minute)},
		forecast: reach.Forecast{Audience: 8412, Held: 841, Treated: 7471, ByChannel: map[reach.Channel]int{"sms": 4420, "email": 2500, "inbox": 551}, ByMode: map[string]int{"full": 2100, "notice": 5371},
			Later: 312, Segments: 4902, Sentence: "Patients who have diabetes and had no eye exam in the last 12 months",
			Blocked: []reach.Reason{{Code: "bounced", Words: "Messages to the address on record came back.", N: 61}, {Code: "deceased", Words: "Not sent: recorded as deceased.", N: 39}},
			Ways:    []reach.Reason{{Code: "bounced", Words: "Email passed over: messages to this address came back.", N: 61}, {Code: "no_address", Words: "Text passed over: no address on record.", N: 58}},
			Passed:  []reach.Reason{{Code: "no_tls", Words: "Email carries a notice and a link only: the mail server offers no verified encryption.", N: 712}},
			Samples: []reach.Sample{
				{Patient: "ng", Name: ng.Full, Channel: "sms", Text: "Riverside Family Medicine: a note for Bartholomew is ready. https://rfm.example/m/7Qk2abcdWXYZ Reply STOP to end texts.", Page: "Your eye exam is due\n\nHello Bartholomew,", Why: "the longest name", Worst: true},
				{Patient: "maria", Name: "Maria Alvarez", Channel: "email", Subject: "Your eye exam is due", Text: "Hello Maria,\n\nDiabetes can harm the eyes without pain.", Why: "drawn at random"},
				{Patient: "maria", Name: "Maria Alvarez", Why: "Not sent: recorded as deceased.", Blocked: true, Worst: true},
			}},
		trail: reach.Trail{Outreach: recall, Assignment: "treat", P: 0.1, State: "satisfied",
			Steps: []reach.Step{
				{At: at(9, 58), Kind: "drawn", Words: "Drawn to receive (90 % chance; the other 10 % are held out to measure the effect)"},
				{At: at(9, 58), Kind: "allowed", Words: "Allowed: a care reminder, clinical content (level 2 of 4), no marketing permission needed."},
				{At: at(9, 58), Kind: "passed", Channel: "email", Words: "Email passed over: mail.example.net offers no verified TLS, so clinical content may not go there."},
				{At: at(10, 2), Kind: "sent", Channel: "sms", Words: "Text sent to the number ending in 42, with https://rfm.example/m/7Qk2abcdWXYZ in it. Body holds no health information."},
				{At: at(10, 31), Kind: "seen", Words: "Opened by a person: date of birth matched on the first try."},
				{At: at(10, 33), Kind: "acted", Words: "Booked Nov 30, 9:00 am. Later tries cancelled."},
			},
			Choices: []reach.Choice{{Topic: "Reminders", Words: "Text, then call"}, {Topic: "Language", Words: "English"}}},
		copies: []reach.Content{{Channel: "sms", Mode: "notice", ToMasked: "42", Title: "Your eye exam is due", Body: "Hello Maria,\n\nPlease choose a time.", Text: "Riverside Family Medicine: a note from your care team is ready. https://rfm.example/m/7Qk2abcdWXYZ Reply STOP to end texts."}},
		todo: map[todo.Kind][]todo.Entry{
			todo.Call: {
				{Kind: todo.Call, Subject: "m1", Patient: "maria", Outreach: "recall", Name: recall.Name, Channel: "sms", At: noon.Add(-50 * time.Minute), Phone: "+17085550142", Live: true},
				{Kind: todo.Call, Subject: "m2", Patient: "ng", Outreach: "recall", Name: recall.Name, Channel: "sms", At: noon.Add(-26 * time.Hour), Phone: "+17085550143", Live: true},
				{Kind: todo.Call, Subject: "m3", Patient: "maria", Outreach: "flu", Name: "Flu shot 2026", Channel: "email", At: noon.Add(-50 * time.Hour), Word: "called", By: "nurse", Closed: noon.Add(-3 * time.Hour), Live: true},
			},
			todo.Reply: {{Kind: todo.Reply, Subject: "m1", Patient: "maria", Outreach: "recall", Name: recall.Name, Channel: "sms", At: noon.Add(-50 * time.Minute), Note: "Can I come on a <Friday>? https://rfm.example/m/7Qk2abcdWXYZ", Phone: "+17085550142", Live: true}},
			todo.Stop:  {{Kind: todo.Stop, Subject: "m4", Patient: "maria", Outreach: "recall", Name: recall.Name, Channel: "sms", At: noon.Add(-50 * time.Minute), Live: true}},
			todo.Doubt: {{Kind: todo.Doubt, Subject: "m5", Patient: "maria", Outreach: "recall", Name: recall.Name, Channel: "sms", At: noon.Add(-50 * time.Hour), Word: "noted", By: "gone", Closed: noon.Add(-2 * time.Hour)}},
		},
		members: []reach.Member{{Outreach: "recall", Name: recall.Name, Patient: "maria", State: "satisfied", Decided: at(9, 58), Seen: at(10, 31), Acted: at(10, 33)},
			{Outreach: "recall", Name: recall.Name, Patient: "ng", State: "blocked", Decided: at(9, 58)}},
		people: []patient.Person{maria, ng},
		visits: []visit.Visit{{ID: "v1", Patient: "maria", Status: visit.Booked, Title: "Eye exam", With: "Dr. Chen", Via: "link", Start: time.Date(2026, 11, 30, 15, 0, 0, 0, time.UTC), End: time.Date(2026, 11, 30, 15, 30, 0, 0, time.UTC)},
			{ID: "v0", Patient: "maria", Status: visit.Fulfilled, Title: "Follow-up", Start: day(time.June, 3, 9, 0), End: day(time.June, 3, 10, 0)}},
		booked: []visit.Visit{{ID: "v1", Patient: "maria", Status: visit.Booked, Title: "Eye exam", Start: time.Date(2026, 11, 30, 15, 0, 0, 0, time.UTC)}},
		points: []contact.Point{{Patient: "maria", Kind: contact.SMS, Value: "+17085550142", Status: contact.Active}, {Patient: "maria", Kind: contact.Email, Value: "maria@example.net", Status: contact.Bounced, Shared: true}},
		wishes: []contact.Preference{{Topic: "*", Channels: []string{"sms", "voice"}, HourFrom: 9, HourTo: 19, Lang: "en"}, {Topic: "marketing", LargePrint: true}},
		said:   []consent.Event{{Channel: "sms", Purpose: "*", Action: consent.Grant, Method: "form", At: day(time.May, 2, 9, 0)}, {Channel: "*", Purpose: "marketing", Action: consent.Revoke, Method: "portal", At: day(time.July, 2, 9, 0)}},
		staff:  []account.Account{{ID: "nurse", Name: "J. Okafor, RN", Roles: []access.Role{access.Nurse}, Created: day(time.May, 1, 9, 0)}, {ID: "marketer", Name: "Lee Park", Roles: []access.Role{access.Marketer}, Created: day(time.May, 1, 9, 0)}},
		looked: []audit.Row{{At: at(11, 0), ActorKind: "staff", Actor: "nurse", Action: "record.read", Granted: true}, {At: at(10, 59), ActorKind: "staff", Actor: "nurse", Action: "record.read", Granted: true},
			{At: at(10, 31), ActorKind: "link", Actor: "l1", Action: "message.read", Granted: true}, {At: at(9, 0), ActorKind: "staff", Actor: "marketer", Action: "record.read"}, {At: at(8, 0), ActorKind: "system", Actor: "reach", Action: "contacts.read", Granted: true}},
		count: 8412,
	}
}
