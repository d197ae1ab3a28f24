package snoop_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/snoop"
	"hale/internal/haletest"
	"hale/internal/prooftest/figures"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// The year: a clinic of 20 staff and 2,000 patients, its looks, and the looks
// among them that nothing explains.
const (
	staffMany    = 20
	patientsMany = 2000
	lookRight    = "record.read"
)

var zone = func() *time.Location {
	z, err := time.LoadLocation("America/Chicago")
	if err != nil {
		panic(err)
	}
	return z
}()

// year makes rows for the database and remembers what was wrong.
type year struct {
	rng       *rand.Rand
	begin     time.Time
	days      int
	looks     []any
	visits    []any
	people    []any
	phones    []any
	teams     []any
	byDay     [][]int          // patients with a visit that day
	team      [staffMany][]int // patients of each member of the staff
	incidents map[string]string
	n         int
}

func account(s int) string { return fmt.Sprintf("staff-%02d", s) }
func person(p int) string  { return fmt.Sprintf("patient-%04d", p) }

// Special patients: 0 to 19 are the staff's own records, 20 to 49 live with
// them, 50 to 59 are watched.
const (
	kin     = staffMany
	watched = 50
)

func makeYear(seed uint64, days int) *year {
	y := &year{rng: rand.New(rand.NewPCG(seed, 7)), begin: time.Date(2025, 3, 3, 0, 0, 0, 0, zone), days: days, byDay: make([][]int, days), incidents: map[string]string{}}
	for p := range patientsMany {
		family := fmt.Sprintf("Family%03d", int(y.rng.ExpFloat64()*60)%400) // few common names, many rare ones
		line, phone := fmt.Sprintf("%d Elm Street", 100+p), fmt.Sprintf("+1708555%04d", p)
		if p >= kin && p < watched { // with the staff of the same number
			family, line = fmt.Sprintf("Staff%02d", p%staffMany), fmt.Sprintf("%d Elm Street", 100+p%staffMany)
		}
		if p < staffMany {
			family = fmt.Sprintf("Staff%02d", p)
		}
		y.people = append(y.people, person(p), "Given "+family, "Given", family, family, "1960-01-01", "female", "", "", line, "Riverside", "IL", "60546", "", 0, 1, 0)
		y.phones = append(y.phones, person(p), "sms", phone, 0)
	}
	y.makeVisits()
	for s := range staffMany {
		for range 30 {
			p := watched + 10 + y.rng.IntN(patientsMany-watched-10)
			y.team[s] = append(y.team[s], p)
			y.teams = append(y.teams, account(s), person(p), 0, "lead", y.begin.AddDate(-1, 0, 0).UnixMicro(), y.begin.AddDate(2, 0, 0).UnixMicro())
		}
	}
	return y
}

func (y *year) workday(d int) bool {
	w := y.begin.AddDate(0, 0, d).Weekday()
	return w != time.Saturday && w != time.Sunday
}

// makeVisits gives each patient four visits or so.
func (y *year) makeVisits() {
	for p := range patientsMany {
		for range 2 + y.rng.IntN(5) {
			d := y.rng.IntN(y.days)
			if !y.workday(d) {
				continue
			}
			y.byDay[d] = append(y.byDay[d], p)
			y.n++
			at := y.at(d, 9+y.rng.IntN(8))
			y.visits = append(y.visits, fmt.Sprintf("visit-%06d", y.n), person(p), "appointment", "booked", "", "Visit", at.UnixMicro(), at.UnixMicro(), "", "", "", 0, "", "", "", 0)
		}
	}
}

func (y *year) at(d, hour int) time.Time {
	day := y.begin.AddDate(0, 0, d)
	return time.Date(day.Year(), day.Month(), day.Day(), hour, y.rng.IntN(60), 0, 0, zone)
}

func (y *year) look(s, p int, at time.Time) {
	y.n++
	y.looks = append(y.looks, fmt.Sprintf("look-%08d", y.n), at.UnixMicro(), "staff", account(s), lookRight, person(p), "granted")
}

// own says whether a look of s at p would be one at oneself or the family.
func own(s, p int) bool { return p == s || p >= kin && p < watched && p%staffMany == s }

// work is what staff do all day: patients who come, have come or will come
// these days, and their own patients; now and then somebody without a visit
// calls; now and then notes are finished late.
func (y *year) work() {
	for d := range y.days {
		if !y.workday(d) {
			continue
		}
		for s := range staffMany {
			for range 6 + y.rng.IntN(7) {
				y.one(s, d)
			}
		}
	}
}

func (y *year) one(s, d int) {
	hour := 8 + y.rng.IntN(9)
	if y.rng.IntN(12) == 0 {
		hour = 20 + y.rng.IntN(2) // notes, after hours
	}
	if y.rng.IntN(10) < 2 {
		y.look(s, y.team[s][y.rng.IntN(len(y.team[s]))], y.at(d, hour))
		return
	}
	for range 20 {
		near := min(max(d+y.rng.IntN(5)-2, 0), y.days-1)
		if y.rng.IntN(33) == 0 { // somebody calls
			p := watched + 10 + y.rng.IntN(patientsMany-watched-10)
			y.look(s, p, y.at(d, 9+y.rng.IntN(8)))
			return
		}
		if len(y.byDay[near]) == 0 {
			continue
		}
		p := y.byDay[near][y.rng.IntN(len(y.byDay[near]))]
		if own(s, p) {
			continue
		}
		y.look(s, p, y.at(d, hour))
		return
	}
}

// quiet says whether nothing of p's lies within 31 days of d.
func (y *year) quiet(p, d int) bool {
	for i := max(0, d-31); i <= min(y.days-1, d+31); i++ {
		if slices.Contains(y.byDay[i], p) {
			return false
		}
	}
	return true
}

// wrong plants an incident: a look of s at p on a day on which fits holds.
func (y *year) wrong(kind string, s, p, hour int, fits func(d int) bool) {
	for range 400 {
		d := y.rng.IntN(y.days)
		if !y.workday(d) || !fits(d) {
			continue
		}
		key := account(s) + " " + person(p) + " " + y.begin.AddDate(0, 0, d).Format(time.DateOnly)
		if p < 0 {
			key = account(s) + "  " + y.begin.AddDate(0, 0, d).Format(time.DateOnly)
			for range 90 {
				y.look(s, watched+10+y.rng.IntN(patientsMany-watched-10), y.at(d, hour))
			}
		} else {
			y.look(s, p, y.at(d, hour))
		}
		y.incidents[key] = kind
		return
	}
}

// snoops plants what must be found.
func (y *year) snoops() {
	any := func(int) bool { return true }
	for i := range 15 {
		s := i % staffMany
		y.wrong("own record", s, s, 12, any)
		y.wrong("family", s, kin+s, 12, any)
		vip := watched + i%10
		y.wrong("watched", s, vip, 12, func(d int) bool { return y.quiet(vip, d) })
		mate := (s + 7) % staffMany
		y.wrong("co-worker", s, mate, 13, func(d int) bool { return y.quiet(mate, d) })
		stranger := 100 + y.rng.IntN(1800)
		y.wrong("at night", s, stranger, 22, func(d int) bool { return y.quiet(stranger, d) && !slices.Contains(y.team[s], stranger) })
		former := 100 + y.rng.IntN(1800)
		if !slices.Contains(y.team[s], former) {
			y.teams = append(y.teams, account(s), person(former), 0, "lead", y.begin.AddDate(-2, 0, 0).UnixMicro(), y.begin.AddDate(0, 0, -1).UnixMicro())
			y.wrong("left the team", s, former, 11, func(d int) bool { return y.quiet(former, d) })
		}
	}
	for i := range 3 { // nothing in the log tells these from somebody who calls
		p := 300 + i
		y.wrong("an acquaintance", 15+i, p, 10, func(d int) bool { return y.quiet(p, d) })
	}
	for i := range 7 { // on call at night: nothing wrong, and nothing in the record that says so
		p := 400 + i
		for d := 40 * (i + 1); d < y.days; d++ {
			if y.workday(d) && y.quiet(p, d) {
				y.look(i, p, y.at(d, 21))
				break
			}
		}
	}
	for s := range 4 {
		y.wrong("many records", s+3, -1, 14, func(d int) bool { return d > 60 })
	}
}

// settle writes the year.
func (y *year) settle(t *testing.T, d *db.DB) {
	t.Helper()
	own := make([]any, 0, staffMany*8)
	for s := range staffMany {
		own = append(own, account(s), person(s), fmt.Sprintf("staff%02d", s), fmt.Sprintf("%d elm street", 100+s), "60546", "", "admin", 0)
	}
	var vips []any
	for p := watched; p < watched+10; p++ {
		vips = append(vips, person(p), 1, "well known", "privacy", 0)
	}
	tables := []struct {
		head  string
		width int
		rows  []any
	}{
		{`insert into person (id, full_name, given, family, search_name, born, sex, lang, mrn, line, city, state, zip, zone, deceased, active, updated_at)`, 17, y.people},
		{`insert into contact_point (patient, kind, value, updated_at)`, 4, y.phones},
		{`insert into visit (id, patient, kind, status, service, title, start_at, end_at, practitioner, place, slot, booked_at, via, ref, source, updated_at)`, 16, y.visits},
		{`insert into care_team (account, patient, labels, set_by, set_at, until_at)`, 6, y.teams},
		{`insert into audit (id, at, actor_kind, actor, action, patient, outcome)`, 7, y.looks},
		{`insert into staff_self (account, patient, family, line, zip, phone, set_by, updated_at)`, 8, own},
		{`insert into patient_flag (patient, vip, reason, set_by, set_at)`, 5, vips},
	}
	for _, table := range tables {
		if err := d.Tx(t.Context(), func(tx *db.Tx) error {
			return db.InsertMany(t.Context(), tx, table.head, "on conflict do nothing", table.width, table.rows)
		}); err != nil {
			t.Fatalf("%s: %v", table.head, err)
		}
	}
}

// A detector nobody measured finds what it likes. This one is held to the
// looks that were planted in a year of ordinary work.
func TestFindInAYear(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: a year takes a while")
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		y := makeYear(1, 365)
		y.work()
		y.snoops()
		y.settle(t, d)
		now := y.begin
		log := audit.NewLog(d, haletest.IDs(), func() time.Time { return now })
		s := snoop.New(snoop.Config{DB: d, IDs: haletest.IDs(), Now: func() time.Time { return now }, Audit: log, Zone: zone})
		began := time.Now()
		for d := 20; d <= y.days; d += 20 { // a job that was down for weeks at a time
			now = y.begin.AddDate(0, 0, d)
			if err := s.Find(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		now = y.begin.AddDate(0, 0, y.days)
		if err := s.Find(t.Context()); err != nil {
			t.Fatal(err)
		}
		found, err := s.Waiting(t.Context(), haletest.Everyone(t, d, access.ReviewAccess), 10_000)
		if err != nil {
			t.Fatal(err)
		}
		judge(t, y, found, time.Since(began))
	})
}

func judge(t *testing.T, y *year, found []snoop.Finding, took time.Duration) {
	t.Helper()
	right := map[string]bool{}
	wrong := map[string]int{}
	for _, f := range found {
		key := f.Account + " " + f.Patient + " " + f.Day
		if y.incidents[key] != "" {
			right[key] = true
			continue
		}
		if volume := f.Account + "  " + f.Day; y.incidents[volume] != "" { // one of the many of that day
			continue
		}
		wrong[fmt.Sprint(f.Signs)]++
	}
	missed := map[string]int{}
	for key, kind := range y.incidents {
		if !right[key] {
			missed[kind]++
		}
	}
	false0 := 0
	for _, n := range wrong {
		false0 += n
	}
	recall := float64(len(right)) / float64(len(y.incidents))
	precision := float64(len(right)) / float64(len(right)+false0)
	t.Logf("a year of %d staff and %d patients: %d looks, %d incidents planted; recall %.3f, precision %.3f, %s in all; missed %v, wrongly found %v",
		staffMany, patientsMany, len(y.looks)/7, len(y.incidents), recall, precision, took.Round(time.Millisecond), missed, wrong)
	figures.Write(t, figures.Run{Proof: "snoop", Counts: map[string]int64{
		"looks in the year": int64(len(y.looks) / 7), "planted": int64(len(y.incidents)), "found": int64(len(right)), "missed": int64(len(y.incidents) - len(right)), "found wrongly": int64(false0),
	}})
	if recall < 0.95 {
		t.Errorf("recall = %.3f, want 0.95: missed %v", recall, missed)
	}
	if precision < 0.9 {
		t.Errorf("precision = %.3f, want 0.9: wrongly found %v", precision, wrong)
	}
}
