package desk

import (
	"fmt"
	"strings"

	"hale/internal/reach"
	"hale/internal/reach/journey"
)

// journeyMap is a journey as a drawing: one step below the other, the ways
// that leave one out to the right of them.
type journeyMap struct {
	Width, Height int
	Boxes         []mapBox
	Lines         []mapLine
}

// mapBox is one step.
type mapBox struct {
	X, Y, W, H  int
	ID, Href    string
	Name, Kind  string
	Here        int
	HereHref    string
	Label       string // for those who hear it
	Ways        []mapWay
	Kinds       []option
	Description string
}

// mapWay is one way out, with how many have taken it.
type mapWay struct {
	Words, To string
	N         int
}

// mapLine is one way out as a line.
type mapLine struct {
	Path, Words string
	X, Y        int
}

// The measures of the drawing. It is as wide as a small phone.
const (
	mapLeft  = 8
	boxWide  = 232
	boxHigh  = 52
	mapStep  = 92
	laneWide = 16
)

// drawJourney lays a journey out.
func drawJourney(j journey.Journey, numbers map[string]journey.Number) journeyMap {
	at := map[string]int{}
	for i, n := range j.Draft.Nodes {
		at[n.ID] = i
	}
	m := journeyMap{Height: mapStep*len(j.Draft.Nodes) + 4}
	lane := 0
	for i, n := range j.Draft.Nodes {
		b := mapBox{X: mapLeft, Y: mapStep*i + 4, W: boxWide, H: boxHigh, ID: n.ID, Name: nodeName(j.Draft, n.ID), Kind: kindWords(n.Kind), Href: journeyPath(j.ID) + "/steps/" + n.ID,
			HereHref: journeyPath(j.ID) + "/people?step=" + n.ID, Here: numbers[n.ID].Here, Description: describe(n)}
		b.Label = fmt.Sprintf("Step %d: %s. %s. %s here now.", i+1, b.Name, b.Kind, patients(b.Here))
		drawn := map[string]int{} // where a line leads already, and which
		for _, w := range j.Draft.Ways(i) {
			way := mapWay{Words: w[0], To: "the end", N: numbers[n.ID].Passed[w[0]]}
			if w[1] != "" {
				way.To = nodeName(j.Draft, w[1])
			}
			b.Ways = append(b.Ways, way)
			to, ok := at[w[1]]
			k, twice := drawn[w[1]]
			switch {
			case !ok:
			case twice:
				m.Lines[k].Words += ", " + w[0]
				continue
			case to == i+1:
				m.Lines = append(m.Lines, mapLine{Path: fmt.Sprintf("M%d %dv%d", mapLeft+boxWide/2, b.Y+boxHigh, mapStep-boxHigh-6), Words: w[0], X: mapLeft + boxWide/2 + 8, Y: b.Y + boxHigh + 22})
			default:
				lane++
				m.Lines = append(m.Lines, aside(b, to, lane, w[0]))
			}
			if ok {
				drawn[w[1]] = len(m.Lines) - 1
			}
		}
		m.Boxes = append(m.Boxes, b)
	}
	m.Width = mapLeft + boxWide + 16 + laneWide*(lane+1) + 70
	return m
}

// aside draws a way past some steps.
func aside(b mapBox, to, lane int, words string) mapLine {
	x, from, until := mapLeft+boxWide+8+laneWide*lane, b.Y+boxHigh/2+8, mapStep*to+4+boxHigh/2-8
	return mapLine{Path: fmt.Sprintf("M%d %dH%dV%dH%d", mapLeft+boxWide, from, x, until, mapLeft+boxWide+6), Words: words, X: x + 5, Y: from + 14}
}

// describe says what a step does, in a few words.
func describe(n journey.Node) string {
	switch n.Kind {
	case journey.Wait:
		text := ""
		switch {
		case n.Until != "":
			return "Until: " + journey.Choose(journey.Events(), n.Until) + "; at most " + n.For
		case n.Before != "":
			text = n.Before + " before the visit"
		case n.After != "":
			text = n.After + " after it began"
		case n.For != "":
			text = n.For
		}
		if n.At != "" {
			text += ", then at " + n.At
		}
		return text
	case journey.Branch:
		if n.Segment != nil {
			return sentenceOf(*n.Segment)
		}
	case journey.Check:
		return journey.Choose(journey.Events(), n.Is)
	case journey.Task:
		return n.Task
	case journey.Hook:
		return "A signed call, again until it is taken"
	case journey.Reach:
		if n.Reach != nil {
			goal := string(n.Reach.Goal)
			if goal == "" {
				goal = "seen"
			}
			text := "Until it is " + goal
			for _, c := range waitChannels {
				if w := n.Reach.Waits[reach.Channel(c.Value)]; w != "" {
					text += "; " + w + " after " + strings.ToLower(reach.Channel(c.Value).Name())
				}
			}
			return text
		}
	}
	return ""
}
