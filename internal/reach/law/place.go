package law

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// zip is a run of ZIP codes by their first three digits.
type zip struct {
	From  string   `json:"from"`
	To    string   `json:"to"`
	State string   `json:"state"`
	Zones []string `json:"zones"` // several where the run lies in more than one
}

// places says where ZIP codes and area codes are.
type places struct {
	zips  []zip
	areas map[string]string // area code → state
}

func readPlaces() (*places, error) {
	var z struct {
		Zips []zip `json:"zips"`
	}
	var a struct {
		Areas map[string][]string `json:"areas"`
	}
	for name, v := range map[string]any{"data/zips.json": &z, "data/areas.json": &a} {
		text, err := files.ReadFile(name)
		if err == nil {
			err = json.Unmarshal(text, v)
		}
		if err != nil {
			return nil, fmt.Errorf("law: %s: %w", name, err)
		}
	}
	p := &places{zips: z.Zips, areas: map[string]string{}}
	for state, codes := range a.Areas {
		for _, c := range codes {
			p.areas[c] = "US-" + state
		}
	}
	return p, nil
}

// Zip returns the place of a ZIP code, as US-IL, and the time zones it may
// lie in; nothing where it is no ZIP code that is known.
func (b *Book) Zip(code string) (place string, zones []string) {
	if b == nil || b.places == nil || len(code) < 3 {
		return "", nil
	}
	key := code[:3]
	i, _ := slices.BinarySearchFunc(b.places.zips, key, func(z zip, k string) int { return strings.Compare(z.To, k) })
	if i < len(b.places.zips) && b.places.zips[i].From <= key {
		return "US-" + b.places.zips[i].State, b.places.zips[i].Zones
	}
	return "", nil
}

// Area returns the place of a telephone number's area code, or "". People
// keep their number when they move: it says where somebody may be, no more.
func (b *Book) Area(number string) string {
	if b == nil || b.places == nil || len(number) != 12 || number[:2] != "+1" {
		return ""
	}
	return b.places.areas[number[2:5]]
}

// areaLength is how much of a number tells where it is.
const areaLength = 9

// Zones remembers what ask says of the zones of numbers with the same
// beginning: to find out takes long.
func (b *Book) Zones(number string, ask func() []string) []string {
	if b == nil || b.days == nil {
		return ask()
	}
	key := number[:min(len(number), areaLength)]
	b.mu.RLock()
	list, ok := b.zones[key]
	b.mu.RUnlock()
	if ok {
		return list
	}
	list = ask()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.zones == nil || len(b.zones) >= maxDays {
		b.zones = map[string][]string{}
	}
	b.zones[key] = list
	return list
}

// State returns the place of a state's two letters, or "".
func (b *Book) State(letters string) string {
	letters = strings.ToUpper(strings.TrimSpace(letters))
	if len(letters) != 2 || strings.ContainsFunc(letters, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		return ""
	}
	return "US-" + letters
}
