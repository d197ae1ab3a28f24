package patient

import (
	"context"
	"fmt"
	"strings"

	"hale/internal/care/view"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// View returns the projector that keeps table person and the pieces of names.
func View() record.Projector {
	return projector{
		people: view.NewTable("person", 1, "id", "full_name", "given", "family", "search_name", "born", "sex", "lang", "mrn",
			"line", "city", "state", "zip", "zone", "deceased", "active", "updated_at"),
		pieces: view.NewTable("person_piece", 2, "piece", "person"),
	}
}

type projector struct{ people, pieces *view.Table }

// Types says that only a Patient makes a person.
func (projector) Types() []string { return []string{"Patient"} }

// Project writes the persons of a batch.
func (p projector) Project(ctx context.Context, tx *db.Tx, batch []record.Change) error {
	people, pieces := p.people.Batch(len(batch)), p.pieces.Batch(len(batch)*3)
	for _, c := range batch {
		if !c.Created {
			if _, err := tx.ExecContext(ctx, `delete from person_piece where person = $1`, c.ID); err != nil {
				return fmt.Errorf("patient: project %s: %w", c.ID, err)
			}
		}
		if c.Deleted {
			people.Drop(c.ID)
			continue
		}
		person := read(c.Node)
		person.ID = c.ID
		search := fold(person.Family + " " + person.Given + " " + person.Full)
		people.Set(c.ID, person.Full, person.Given, person.Family, search, person.Born, person.Sex, person.Lang, person.MRN,
			person.Line, person.City, person.State, person.Zip, person.Zone, bit(person.Deceased), bit(person.Active), c.At.UnixMicro())
		for word := range strings.FieldsSeq(search) {
			pieces.Set(piece(word), c.ID)
		}
	}
	if err := people.Write(ctx, tx); err != nil {
		return err
	}
	return pieces.Write(ctx, tx)
}

// read takes a person out of a Patient.
func read(n fhir.Node) Person {
	var p Person
	p.Full, p.Family, p.Given = official(n.Get("name")).HumanName()
	if p.Full == "" {
		p.Full = strings.TrimSpace(p.Given + " " + p.Family)
	}
	p.Born = n.Get("birthDate").Text()
	p.Sex = n.Get("gender").Text()
	p.Active = n.Get("active").Text() != "false"
	p.Deceased = n.Get("deceasedBoolean").Text() == "true" || n.Get("deceasedDateTime").Exists()
	p.MRN = recordNumber(n)
	p.Lang = language(n)
	a := home(n.Get("address"))
	p.Line, p.City, p.State, p.Zip = lines(a.Get("line")), a.Get("city").Text(), a.Get("state").Text(), a.Get("postalCode").Text()
	p.Zone = zone(n)
	return p
}

// lines are the lines of an address on one, the apartment included: a letter
// has to arrive.
func lines(n fhir.Node) string {
	var list []string
	for l := range n.Each() {
		if text := strings.TrimSpace(l.Text()); text != "" {
			list = append(list, text)
		}
	}
	return strings.Join(list, ", ")
}

// official returns the name a person is known by: the usual one, else the
// official one, else the first that is not an old one.
func official(names fhir.Node) fhir.Node {
	var first, formal fhir.Node
	for n := range names.Each() {
		switch n.Get("use").Text() {
		case "usual":
			return n
		case "official":
			formal = view.First(formal, n)
		case "old", "maiden":
		default:
			first = view.First(first, n)
		}
	}
	return view.First(formal, first, names)
}

// home returns the address a person lives at.
func home(list fhir.Node) fhir.Node {
	var first fhir.Node
	for a := range list.Each() {
		switch a.Get("use").Text() {
		case "home":
			return a
		case "old", "billing":
		default:
			first = view.First(first, a)
		}
	}
	return first
}

// recordNumber returns the identifier of type MR.
func recordNumber(n fhir.Node) string {
	for id := range n.Get("identifier").Each() {
		for _, c := range id.Get("type").Codings() {
			if c.Code == "MR" {
				return id.Get("value").Text()
			}
		}
	}
	return ""
}

// language returns the language to speak with the person: the preferred one,
// else the first.
func language(n fhir.Node) string {
	first := ""
	for l := range n.Get("communication").Each() {
		tag := ""
		for _, c := range l.Get("language").Codings() {
			tag = c.Code
			break
		}
		if l.Get("preferred").Text() == "true" {
			return tag
		}
		if first == "" {
			first = tag
		}
	}
	return first
}

// zone returns the time zone that the FHIR timezone extension names.
func zone(n fhir.Node) string {
	for _, holder := range [...]fhir.Node{n.Get("address"), n} {
		for each := range holder.Each() {
			for e := range each.Get("extension").Each() {
				if strings.HasSuffix(e.Get("url").Text(), "/StructureDefinition/timezone") ||
					strings.HasSuffix(e.Get("url").Text(), "/StructureDefinition/tz-code") {
					return e.Get("valueCode").Text()
				}
			}
		}
	}
	return ""
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
