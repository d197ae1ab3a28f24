package record

import (
	"encoding/csv"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// combination is a search that US Core asks for.
type combination struct {
	typ   string
	codes []string
}

// combinations reads the searches of US Core.
func combinations(t *testing.T) []combination {
	t.Helper()
	f, err := os.Open(haletest.Data(t, "fhir/us-core/requirements-csv/search_requirements.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	var list []combination
	for _, row := range rows[1:] {
		if len(row) <= column["base_conf"] || !fhir.IsType(row[column["base"]]) {
			continue
		}
		list = append(list, combination{row[column["base"]], strings.Split(row[column["code"]], ",")})
	}
	return list
}

// Every search of US Core is known, and finds over Synthea what brute force
// finds.
func TestUSCoreSearches(t *testing.T) {
	list := synthea(t, 4, 50)
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := filled(t, d, list)
		b := newBrute(t, unguarded(t, d, list))
		pass := haletest.Everyone(t, d, access.ReadRecord)
		searches, tried := 0, 0
		for _, c := range combinations(t) {
			searches++
			for _, q := range b.questions(t, s, pass, c) {
				tried++
				f, err := s.Find(t.Context(), pass, c.typ, q.values)
				var got []string
				for _, r := range f.Matches {
					got = append(got, r.ID)
				}
				slices.Sort(got)
				if err != nil || !slices.Equal(got, q.want) {
					t.Errorf("Find(%s?%s) = %d, %v, want %d", c.typ, q.values.Encode(), len(got), err, len(q.want))
				}
			}
		}
		if t.Logf("%d searches of US Core, %d asked with values", searches, tried); searches < 80 || tried < 100 {
			t.Errorf("%d searches, %d with values: the test proves little", searches, tried)
		}
	})
}

// question is a search with its answer.
type question struct {
	values url.Values
	want   []string
}

// questions makes searches of a combination, from resources that have values
// for it.
func (b *brute) questions(t *testing.T, s *Store, pass access.Pass, c combination) (list []question) {
	var params []published
	for _, code := range c.codes {
		i := slices.IndexFunc(b.params[c.typ], func(p published) bool { return p.Code == code })
		if i >= 0 {
			params = append(params, b.params[c.typ][i])
			continue
		}
		f, err := s.Find(t.Context(), pass, c.typ, url.Values{code: {"2020"}})
		if err != nil || len(f.Unknown) > 0 {
			t.Errorf("%s cannot be searched by %s: %v", c.typ, code, err)
		}
		return nil
	}
	for _, node := range b.list {
		if node.Get("resourceType").Text() != c.typ || len(list) == 3 {
			continue
		}
		q := question{values: url.Values{"_count": {"1000"}}}
		var demands []demand
		for _, p := range params {
			if one, ok := b.demand(p, node); ok {
				q.values.Set(one.name, one.value)
				demands = append(demands, one)
			}
		}
		if len(demands) < len(params) {
			continue
		}
		for _, n := range b.list {
			if n.Get("resourceType").Text() == c.typ && !slices.ContainsFunc(demands, func(d demand) bool { return !d.meets(n) }) {
				q.want = append(q.want, n.Get("id").Text())
			}
		}
		slices.Sort(q.want)
		list = append(list, q)
	}
	return list
}
