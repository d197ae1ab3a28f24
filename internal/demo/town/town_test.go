package town_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"sort"
	"testing"
	"time"

	"hale/internal/demo/town"
)

var day = time.Date(2026, 11, 22, 15, 4, 0, 0, time.UTC)

// generate returns a town and its resources by type and id.
func generate(t testing.TB, seed uint64, people int) (*town.Town, []byte) {
	t.Helper()
	var b bytes.Buffer
	tn, err := town.Generate(&b, seed, people, day)
	if err != nil {
		t.Fatal(err)
	}
	return tn, b.Bytes()
}

func TestProbe(t *testing.T) {
	start := time.Now()
	tn, b := generate(t, 1, 2500)
	t.Log(time.Since(start), len(b), tn.Resources, len(tn.Residents))
	counts := map[string]int{}
	size := map[string]int{}
	sc := bufio.NewScanner(bytes.NewReader(b))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var r struct{ ResourceType, ID string }
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			t.Fatalf("%v: %s", err, sc.Text())
		}
		counts[r.ResourceType]++
		size[r.ResourceType] += len(sc.Bytes())
	}
	var keys []string
	for k := range counts {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		t.Log(k, counts[k], size[k]/counts[k])
	}
	traits := map[string]town.Trait{"diabetic": town.Diabetic, "hyper": town.Hypertensive, "eye": town.EyeDue, "flu": town.FluDue, "mammo": town.MammogramDue, "dead": town.Deceased, "nomobile": town.NoMobile, "noemail": town.NoEmail, "unreach": town.Unreachable, "notexts": town.NoTexts, "shphone": town.SharedPhone, "shemail": town.SharedEmail, "carer": town.Caregiver, "cared": town.CaredFor, "never": town.NeverLooks, "bounce": town.BouncingEmail, "slow": town.SlowEmail, "stop": town.RepliesStop, "notthem": town.NotThem}
	for k, v := range traits {
		n := 0
		for _, r := range tn.Residents {
			if r.Traits.Has(v) {
				n++
			}
		}
		t.Log(k, n)
	}
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		if _, err := town.Generate(io.Discard, 1, 2500, day); err != nil {
			b.Fatal(err)
		}
	}
}
