package medication

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/record"
	"hale/internal/standard/fhir"
)

// Card is a medicine as its page shows it.
type Card struct {
	Medicine
	Sig     Sig
	Supply  Supply
	Way     Way
	Because Because
	Also    []Medicine // the same medicine from other lines of the record
}

// Ref names the resource that c is read from.
func (m Medicine) Ref() string {
	if m.Reported {
		return "MedicationStatement/" + m.ID
	}
	return "MedicationRequest/" + m.ID
}

// Cards returns the medicines that pass opens: the current ones with what is
// known of their supply, each once however many lines of the record name it,
// and the past ones.
func (s *Supplies) Cards(ctx context.Context, pass access.Pass, l lang.Lang) (now []Card, past []Medicine, err error) {
	list, err := s.list.List(ctx, pass, 300)
	if err != nil || len(list) == 0 {
		return nil, nil, err
	}
	var current []Medicine
	for _, m := range list {
		if m.Current() {
			current = append(current, m)
			continue
		}
		past = append(past, m)
	}
	bodies, err := s.bodies(ctx, pass, current)
	if err != nil {
		return nil, nil, err
	}
	handed, err := s.handed(ctx, pass)
	if err != nil {
		return nil, nil, err
	}
	for i, m := range current {
		if b := bodies[m.Ref()]; m.Source == "" {
			current[i].Source = b.source
		}
	}
	for _, same := range together(current) {
		c := s.card(l, same[0], bodies[same[0].Ref()].node, handed[same[0].ID])
		c.Also = same[1:]
		now = append(now, c)
	}
	return now, past, nil
}

// Card returns one medicine by its reference, past or current.
func (s *Supplies) Card(ctx context.Context, pass access.Pass, l lang.Lang, ref string) (Card, error) {
	list, err := s.list.List(ctx, pass, 1000)
	if err != nil {
		return Card{}, err
	}
	for _, m := range list {
		if m.Ref() != ref && m.ID != ref {
			continue
		}
		res, err := s.records.Get(ctx, pass, typeOf(m), m.ID)
		if err != nil {
			return Card{}, fmt.Errorf("medication: card %s: %w", m.ID, err)
		}
		n, err := fhir.Parse(res.Body)
		if err != nil {
			return Card{}, fmt.Errorf("medication: card %s: %w", m.ID, err)
		}
		handed, err := s.handed(ctx, pass)
		if err != nil {
			return Card{}, err
		}
		if m.Source == "" {
			m.Source = res.Source
		}
		c := s.card(l, m, n, handed[m.ID])
		for _, same := range together(list) {
			c.Also = append(c.Also, besides(same, m)...)
		}
		return c, nil
	}
	return Card{}, errMedicine
}

// besides returns the other lines of a group that m is in.
func besides(same []Medicine, m Medicine) (others []Medicine) {
	in := false
	for _, one := range same {
		if one.Ref() == m.Ref() {
			in = true
		} else if one.Current() {
			others = append(others, one)
		}
	}
	if !in || !m.Current() {
		return nil
	}
	return others
}

func typeOf(m Medicine) string {
	typ, _, _ := strings.Cut(m.Ref(), "/")
	return typ
}

// card puts together what is known of a medicine.
func (s *Supplies) card(l lang.Lang, m Medicine, n fhir.Node, handed []dispense) Card {
	c := Card{Medicine: m, Sig: Sig{Words: m.Dose}, Supply: Supply{Allowed: -1, Left: -1}}
	f := facts{name: m.Name, status: m.Status, reported: m.Reported, controlled: Schedule(m.Name) != "", left: -1}
	if n.Exists() {
		if m.Reported {
			c.Sig = Say(l, n.Get("dosage"))
		} else {
			c.Sig, c.Supply = Say(l, n.Get("dosageInstruction")), supply(n, handed)
		}
		f.intent, f.left, f.validUntil = n.Get("intent").Text(), c.Supply.Left, c.Supply.ValidUntil
		f.controlled = f.controlled || Schedule(n.Get("medicationCodeableConcept").Concept()) != ""
		for _, coding := range n.Get("medicationCodeableConcept").Codings() {
			f.controlled = f.controlled || Schedule(coding.Display) != ""
		}
	}
	c.Way, c.Because = f.way(s.now())
	return c
}

// body is what the record says of a medicine, and who brought it.
type body struct {
	node   fhir.Node
	source string
}

// bodies returns what the record says of the current medicines, by reference.
func (s *Supplies) bodies(ctx context.Context, pass access.Pass, list []Medicine) (map[string]body, error) {
	all, asked := map[string]body{}, map[string]bool{}
	for _, m := range list {
		typ := typeOf(m)
		if asked[typ] {
			continue
		}
		asked[typ] = true
		found, err := s.search(ctx, pass, typ, url.Values{"status": {"active,on-hold"}})
		if err != nil {
			return nil, err
		}
		for _, res := range found {
			if n, err := fhir.Parse(res.Body); err == nil {
				all[typ+"/"+res.ID] = body{n, res.Source}
			}
		}
	}
	return all, nil
}

// handed returns what was handed out, by the id of the prescription.
func (s *Supplies) handed(ctx context.Context, pass access.Pass) (map[string][]dispense, error) {
	found, err := s.search(ctx, pass, "MedicationDispense", url.Values{})
	if err != nil {
		return nil, err
	}
	all := map[string][]dispense{}
	for _, res := range found {
		n, err := fhir.Parse(res.Body)
		if err != nil {
			continue
		}
		if d, ok := readDispense(res.ID, n); ok {
			all[d.of] = append(all[d.of], d)
		}
	}
	return all, nil
}

// search returns up to 300 resources of a type.
func (s *Supplies) search(ctx context.Context, pass access.Pass, typ string, q url.Values) (all []record.Resource, err error) {
	q.Set("_count", "100")
	for range 3 {
		page, err := s.records.Search(ctx, pass, typ, q)
		if err != nil {
			return nil, fmt.Errorf("medication: search %s: %w", typ, err)
		}
		all = append(all, page.Resources...)
		if page.Next == "" {
			break
		}
		q.Set("_cursor", page.Next)
	}
	return all, nil
}

// together groups the lines that name one medicine: by its code, or by its
// name and strength. What was prescribed last stands first in its group.
func together(list []Medicine) [][]Medicine {
	var groups [][]Medicine
	at := map[string]int{}
	for _, m := range list {
		if !m.Current() {
			continue
		}
		keys := []string{"name " + alike(m.Name)}
		if m.Code != "" {
			keys = append(keys, "code "+m.Code)
		}
		i, found := -1, false
		for _, k := range keys {
			if j, ok := at[k]; ok {
				i, found = j, true
				break
			}
		}
		if !found {
			i = len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], m)
		for _, k := range keys {
			at[k] = i
		}
	}
	for _, g := range groups {
		best := 0
		for i, m := range g {
			if better(m, g[best]) {
				best = i
			}
		}
		g[0], g[best] = g[best], g[0]
	}
	return groups
}

// better says whether a speaks for a medicine before b does.
func better(a, b Medicine) bool {
	if a.Reported != b.Reported {
		return b.Reported
	}
	if (a.Status == "active") != (b.Status == "active") {
		return a.Status == "active"
	}
	return a.Authored.After(b.Authored)
}

// salts are words of a name that make no other medicine of it.
var salts = map[string]bool{"hydrochloride": true, "hcl": true, "sodium": true, "calcium": true, "sulfate": true, "oral": true, "product": true,
	"tartrate": true, "maleate": true, "besylate": true, "tablets": true, "tablet": true, "capsule": true, "capsules": true, "pill": true, "of": true}

// alike writes a name so that two lines about one medicine at one strength
// have the same.
func alike(name string) string {
	var words []string
	for _, w := range strings.Fields(strings.ToLower(strings.ReplaceAll(name, ",", ""))) {
		if !salts[w] {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// Newest returns when anything about these medicines changed last.
func Newest(now []Card, past []Medicine) (at time.Time) {
	see := func(m Medicine) {
		if m.Updated.After(at) {
			at = m.Updated
		}
	}
	for _, c := range now {
		see(c.Medicine)
		for _, m := range c.Also {
			see(m)
		}
	}
	for _, m := range past {
		see(m)
	}
	return at
}
