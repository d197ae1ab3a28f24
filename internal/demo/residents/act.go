package residents

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hale/internal/demo/town"
	"hale/internal/store/db"
)

// about is what a resident knows of a message: which outreach it belongs to
// and whom it is for.
type about struct{ message, outreach, patient, service string }

// whose looks up what l is about. People know who they are and what a text
// is about; the town knows it by the ledger.
func (p *People) whose(ctx context.Context, l letter) (about, error) {
	o, err := p.Links.Whose(ctx, l.token)
	if err != nil {
		return about{}, err
	}
	const q = `
		select m.outreach, coalesce(o.service, '')
		from message m
		left join outreach o on o.id = m.outreach
		where m.id = $1`
	a := about{message: o.Message, patient: o.Patient}
	return db.One(ctx, p.DB, func(scan db.Scan) (about, error) {
		err := scan(&a.outreach, &a.service)
		return a, err
	}, q, o.Message)
}

// consider decides what to do with l, and when.
func (p *People) consider(ctx context.Context, l letter) {
	a, err := p.whose(ctx, l)
	if err != nil {
		p.failed(ctx, "whose", err)
		return
	}
	r, ok := p.by[a.patient]
	if !ok || visitors(r) || a.outreach == "" {
		return
	}
	truth := p.Town.Truth
	wait := p.delay(truth.Draw(r, a.outreach, "delay "+l.channel))
	switch act := truth.Response(r, a.outreach, l.channel); act {
	case town.Ignores:
	case town.SaysStop:
		p.add(wait/4, func(ctx context.Context) { p.stop(ctx, l) })
	default:
		p.add(wait, func(ctx context.Context) { p.open(ctx, r, a, l, act) })
	}
}

// visitors are the people whom whoever looks at the demo plays.
func visitors(r town.Resident) bool { return r.Patient == town.Maria || r.Patient == town.Lucia }

// delay turns a number in [0, 1) into a time: most look soon, some late.
func (p *People) delay(u float64) time.Duration {
	return time.Duration((0.03 + 0.97*u*u) * float64(p.Pace))
}

func (p *People) stop(ctx context.Context, l letter) {
	if p.Phones == nil {
		return
	}
	if err := p.Phones.Reply(l.to, "STOP"); err != nil {
		p.failed(ctx, "stop", err)
		return
	}
	p.count(func(s *Stats) { s.Stopped++ })
}

// scan is what a mail host's scanner does: it fetches at once, proves
// nothing and sees nothing.
func (p *People) scan(ctx context.Context, l letter) {
	b := p.browser("Mozilla/5.0 (compatible; SafeLinks scanner)", "", 0)
	defer b.close()
	for _, method := range []string{"HEAD", "GET"} {
		if _, err := b.do(ctx, method, "/m/"+l.token, nil); err != nil {
			p.failed(ctx, "scan", err)
			return
		}
	}
	p.count(func(s *Stats) { s.Scans++ })
}

const phoneBrowser = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"

var errNoForm = errors.New("residents: the page has no such form")

// open follows the link, proves who she is and does what act says.
func (p *People) open(ctx context.Context, r town.Resident, a about, l letter, act town.Act) {
	b := p.browser(phoneBrowser, r.Lang, r.House)
	defer b.close()
	if act == town.SaysNotMe {
		p.deny(ctx, b, l)
		return
	}
	page, err := b.do(ctx, "GET", "/m/"+l.token, nil)
	if err == nil {
		page, err = p.prove(ctx, b, page, r, a)
	}
	if err != nil {
		p.failed(ctx, "open", err)
		return
	}
	p.count(func(s *Stats) { s.Opened++ })
	if act != town.Books || a.service == "" || !p.claim(a) {
		return
	}
	for try := range 5 {
		if page, err = p.book(ctx, b, page, r, a, try); err == nil {
			p.count(func(s *Stats) { s.Booked++ })
			return
		}
	}
	p.unclaim(a)
	p.failed(ctx, "book", err)
}

// deny says that the message is for somebody else.
func (p *People) deny(ctx context.Context, b *browser, l letter) {
	page, err := b.do(ctx, "GET", "/m/"+l.token+"/not-me", nil)
	if err == nil {
		_, err = b.submit(ctx, page, notMe, nil)
	}
	if err != nil {
		p.failed(ctx, "not me", err)
		return
	}
	p.count(func(s *Stats) { s.NotMe++ })
}

// prove gives the date of birth, now and then a wrong one first.
func (p *People) prove(ctx context.Context, b *browser, page page, r town.Resident, a about) (page, error) {
	if p.Town.Truth.Draw(r, a.outreach, "typo") < 0.1 {
		born, err := time.Parse(time.DateOnly, r.Born)
		if err != nil {
			return page, err
		}
		wrong, err := b.submit(ctx, page, gate, birth(born.AddDate(0, 0, 1).Format(time.DateOnly)))
		if err != nil && !errors.Is(err, errRefused) {
			return page, err
		}
		p.count(func(s *Stats) { s.Wrong++ })
		if wrong.find(gate) != nil {
			page = wrong
		}
	}
	return b.submit(ctx, page, gate, birth(r.Born))
}

// birth fills in a date of birth, in one field or in three.
func birth(date string) func(input) (string, bool) {
	y, m, d := date[:4], strings.TrimPrefix(date[5:7], "0"), strings.TrimPrefix(date[8:], "0")
	return func(in input) (string, bool) {
		name := strings.ToLower(in.name)
		switch {
		case in.kind == "hidden":
			return "", false
		case in.complete == "bday-year" || name == "y" || strings.HasSuffix(name, "year"):
			return y, true
		case in.complete == "bday-month" || name == "m" || strings.HasSuffix(name, "month"):
			return m, true
		case in.complete == "bday-day" || name == "d" || strings.HasSuffix(name, "day") && name != "birthday":
			return d, true
		case in.complete == "bday" || in.kind == "date" || strings.Contains(name, "born") || strings.Contains(name, "birth") || name == "dob":
			return date, true
		}
		return "", false
	}
}

// book chooses one of the times offered and takes it.
func (p *People) book(ctx context.Context, b *browser, page page, r town.Resident, a about, try int) (page, error) {
	f := page.find(offers)
	if f == nil {
		return page, fmt.Errorf("%w: times", errNoForm)
	}
	choices := f.choices("slot")
	at := int(p.Town.Truth.Draw(r, a.outreach, fmt.Sprint("slot ", try)) * float64(len(choices)))
	next, err := b.submit(ctx, page, offers, func(in input) (string, bool) {
		return choices[at], in.name == "slot"
	})
	if err == nil && !strings.HasSuffix(next.at.Path, "/booked") {
		err = errTaken
	}
	return next, err
}

var errTaken = errors.New("residents: somebody else took the time")

// claim says that somebody is about to book for a, and whether nobody was
// before.
func (p *People) claim(a about) bool {
	key := a.outreach + "\x1f" + a.patient
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.booked[key] {
		return false
	}
	p.booked[key] = true
	return true
}

func (p *People) unclaim(a about) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.booked, a.outreach+"\x1f"+a.patient)
}

// failed logs what went wrong without saying for whom.
func (p *People) failed(ctx context.Context, what string, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	p.count(func(s *Stats) { s.Failed++ })
	p.Log.Warn("a resident gave up", "doing", what, "err", err)
}
