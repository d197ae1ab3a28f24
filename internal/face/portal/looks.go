package portal

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/face/web"
	"hale/internal/store/audit"
)

// watch is what the portal needs of package audit.
type watch interface {
	Find(ctx context.Context, q audit.Query, n int) ([]audit.Row, error)
}

// proofs proves rows.
type proofs interface {
	Prove(ctx context.Context, ids ...string) (audit.Proof, error)
}

// names says whose an account is.
type names interface {
	Get(ctx context.Context, id string) (account.Account, error)
}

const (
	looksPage = 400  // rows read for a page, which shows fewer lines
	looksFile = 5000 // rows in a file
)

// looksDay is what happened on one day.
type looksDay struct {
	Day    string
	Others []lookLine
	Own    []lookLine // the reader's own, and what Hale does by itself: folded
}

// lookLine is one or more rows of one who, one what and one day.
type lookLine struct {
	Who, Role, What, Why, When string
	Icon                       string
	Emergency, Refused         bool
	N                          int
	at                         time.Time
}

// lookRoutes adds the pages of who looked at the record.
func (p *Portal) lookRoutes(both func(method, path string, h handler)) {
	if p.Audit != nil {
		both("GET", "/looks", p.shared("", access.ReadLooks, p.lookList))
		both("GET", "/looks/file/{file}", p.lookFile)
	}
}

// lookList shows who looked at the record.
func (p *Portal) lookList(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadLooks, "Who looked at your record", "more")
	if err != nil {
		return err
	}
	rows, err := p.looked(r, pass, looksPage+1)
	if err != nil {
		return err
	}
	more := ""
	if len(rows) > looksPage {
		rows = rows[:looksPage]
		more = s.Link("/looks?before=" + rows[looksPage-1].ID)
	}
	say := p.teller(r, s.Zone)
	days, err := say.days(rows)
	if err != nil {
		return err
	}
	return p.render(w, r, looksPageOf(s, days, more, r.URL.Query().Get("before") != ""))
}

// looked returns rows about the patient whom pass opens.
func (p *Portal) looked(r *http.Request, pass access.Pass, n int) ([]audit.Row, error) {
	patient, err := pass.Open(access.ReadLooks)
	if err != nil {
		return nil, err
	}
	before := r.URL.Query().Get("before")
	rows, err := p.Audit.Find(r.Context(), audit.Query{Patient: patient, Before: before}, n)
	if err != nil && before != "" && errs.KindOf(err) == errs.NotFound {
		return nil, errNoPage
	}
	return rows, err
}

// lookFile sends the rows with the proof of each.
func (p *Portal) lookFile(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadLooks, "Who looked at your record", "more")
	if err != nil {
		return err
	}
	rows, err := p.looked(r, pass, looksFile)
	if err != nil {
		return err
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	proof, err := p.Proofs.Prove(r.Context(), ids...)
	if err != nil && errs.KindOf(err) != errs.Conflict {
		return err
	}
	say := p.teller(r, s.Zone)
	if r.PathValue("file") == "looks.json" {
		return say.json(w, rows, proof)
	}
	if r.PathValue("file") != "looks.csv" {
		return errNoPage
	}
	return say.csv(w, rows, proof)
}

// toldRow is a row in words, beside its proof.
type toldRow struct {
	ID   string    `json:"id"`
	When time.Time `json:"when"`
	Who  string    `json:"who"`
	Role string    `json:"role"`
	What string    `json:"what"`
	Why  string    `json:"why,omitempty"`
	Got  bool      `json:"allowed"`
}

// json writes a proof that `hale audit check-proof` reads, with the rows in
// words.
func (t *teller) json(w http.ResponseWriter, rows []audit.Row, proof audit.Proof) error {
	file := struct {
		audit.Proof
		Explained []toldRow `json:"explained"`
	}{Proof: proof}
	for _, row := range rows {
		line, err := t.line(row)
		if err != nil {
			return err
		}
		file.Explained = append(file.Explained, toldRow{row.ID, row.At, line.Who, line.Role, line.What, line.Why, row.Granted})
	}
	text, err := json.MarshalIndent(file, "", " ")
	if err != nil {
		return err
	}
	attach(w, "application/json", "looks.json", text)
	return nil
}

// csv writes the rows in words, each with its leaf and its path.
func (t *teller) csv(w http.ResponseWriter, rows []audit.Row, proof audit.Proof) error {
	proven := map[string]audit.ProvenRow{}
	for _, row := range proof.Rows {
		var leaf struct{ ID string }
		if err := json.Unmarshal([]byte(row.Leaf), &leaf); err != nil {
			return err
		}
		proven[leaf.ID] = row
	}
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	_ = out.Write([]string{t.l.T("When"), t.l.T("Who"), t.l.T("Role"), t.l.T("What"), t.l.T("Why"), t.l.T("Was it allowed?"), "id", "index", "leaf", "hashes", "checkpoint"})
	for _, row := range rows {
		line, err := t.line(row)
		if err != nil {
			return err
		}
		cells := []string{row.At.In(t.zone).Format("2006-01-02 15:04:05 -0700"), plain(line.Who), line.Role, line.What, plain(line.Why), t.yes(row.Granted), row.ID, "", "", "", ""}
		if p, ok := proven[row.ID]; ok {
			path := make([]string, len(p.Hashes))
			for i, h := range p.Hashes {
				path[i] = h.String()
			}
			cells[7], cells[8], cells[9], cells[10] = strconv.FormatInt(p.Index, 10), p.Leaf, "path "+strings.Join(path, " "), proof.Checkpoint
		}
		_ = out.Write(cells) // into memory
	}
	out.Flush()
	attach(w, "text/csv; charset=utf-8", "looks.csv", b.Bytes())
	return nil
}

// plain makes a cell that no spreadsheet takes for a formula.
func plain(s string) string {
	if s != "" && strings.ContainsAny(s[:1], "=+-@\t\r\n|%") {
		return "'" + s
	}
	return s
}

// attach sends a file to be saved. Site.Wrap forbids to keep it anywhere
// else.
func attach(w http.ResponseWriter, mime, name string, text []byte) {
	w.Header().Set("Content-Type", mime)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, _ = w.Write(text) // the browser may have gone
}

// teller puts rows into words for one reader.
type teller struct {
	ctx     context.Context
	l       lang.Lang
	zone    *time.Location
	me      access.Actor
	subject string
	names   names
	known   map[string]account.Account
}

func (p *Portal) teller(r *http.Request, zone *time.Location) *teller {
	return &teller{ctx: r.Context(), l: web.Lang(r), zone: zone, me: web.Actor(r), subject: web.Subject(r), names: p.Names, known: map[string]account.Account{}}
}
