package medication

import (
	"slices"
	"time"

	"hale/internal/standard/fhir"
)

// Supply is what is known about how much of a medicine there is.
type Supply struct {
	Allowed    int       // refills that the prescription allows; -1: not said
	Left       int       // of them; -1: not said
	Counted    bool      // Left is by what was handed out; else it is what was allowed at first
	LastFilled time.Time // zero: not known
	Until      time.Time // what was handed out lasts until then; zero: not known
	ValidUntil time.Time // the prescription is good until then; zero: not known
	Pharmacy   string    // Type/id, or a name; empty: not known
}

// dispense is what was handed out of a prescription, or is about to be.
type dispense struct {
	id, of   string // of: the id of the MedicationRequest
	status   string
	first    bool // it is typed as a first fill
	refill   bool // it is typed as a refill
	at       time.Time
	days     float64
	pharmacy string
}

// counts says whether d uses one fill up.
//
// Spec: https://hl7.org/fhir/R4/valueset-medicationdispense-status.html
func (d dispense) counts() bool {
	return d.status == "completed" || d.status == "in-progress" || d.status == "preparation" || d.status == "on-hold"
}

// readDispense reads a MedicationDispense; ok is false where it belongs to no
// prescription.
func readDispense(id string, n fhir.Node) (d dispense, ok bool) {
	d = dispense{id: id, status: n.Get("status").Text()}
	for p := range n.Get("authorizingPrescription").Each() {
		if typ, ref := p.Reference(); typ == "MedicationRequest" {
			d.of = ref
		}
	}
	for _, c := range n.Get("type").Codings() {
		switch c.Code {
		case "FF", "FFC", "FFCS", "FFP", "FFPS", "FFS", "TF", "TFS":
			d.first = true
		case "RF", "RFC", "RFCS", "RFF", "RFFS", "RFP", "RFPS", "RFS":
			d.refill = true
		}
	}
	for _, key := range [...]string{"whenHandedOver", "whenPrepared"} {
		if at, is := n.Get(key).Date(); is && d.at.IsZero() {
			d.at = at.Low
		}
	}
	d.days, _ = days(n.Get("daysSupply"))
	d.pharmacy = shop(n.Get("location"))
	if d.pharmacy == "" {
		d.pharmacy = shop(n.Get("performer", "actor"))
	}
	return d, d.of != ""
}

// shop returns which Organization or Location a reference leads to, else its
// name.
func shop(n fhir.Node) string {
	typ, id := n.Reference()
	switch typ {
	case "Organization", "Location":
		return typ + "/" + id
	case "":
		return n.Get("display").Text()
	}
	return ""
}

// days returns a Quantity of time in days.
func days(q fhir.Node) (float64, bool) {
	n, ok := q.Get("value").Number()
	if !ok || n <= 0 || n > 400 {
		return 0, false
	}
	code := q.Get("code").Text()
	if code == "" {
		code = q.Get("unit").Text()
	}
	switch code {
	case "", "d", "day", "days", "Day", "Days":
		return n, true
	case "wk", "week", "weeks":
		return n * 7, true
	case "mo", "month", "months":
		return n * 30, true
	}
	return 0, false
}

// supply works out what is left of a MedicationRequest with its dispenses.
//
// numberOfRepeatsAllowed is counted on top of the first fill, so the first
// dispense uses none of them up.
//
// Spec: https://hl7.org/fhir/R4/medicationrequest-definitions.html#MedicationRequest.dispenseRequest.numberOfRepeatsAllowed
func supply(n fhir.Node, handed []dispense) Supply {
	ask := n.Get("dispenseRequest")
	s := Supply{Allowed: -1, Left: -1, Pharmacy: shop(ask.Get("performer"))}
	if v, ok := ask.Get("numberOfRepeatsAllowed").Number(); ok && v >= 0 {
		s.Allowed, s.Left = int(v), int(v)
	}
	written, ok := n.Get("authoredOn").Date()
	if ok {
		s.ValidUntil = written.Low.Add(Valid)
	}
	if end, ok := ask.Get("validityPeriod", "end").Date(); ok {
		s.ValidUntil = end.High
	}
	length, known := days(ask.Get("expectedSupplyDuration"))
	slices.SortStableFunc(handed, func(a, b dispense) int { return a.at.Compare(b.at) })
	used, first := 0, false
	for _, d := range handed {
		if !d.counts() {
			continue
		}
		used++
		s.Counted = true
		first = first || d.first || !d.refill
		if d.status != "completed" || d.at.IsZero() {
			continue
		}
		s.LastFilled = d.at
		if d.pharmacy != "" {
			s.Pharmacy = d.pharmacy
		}
		if d.days > 0 {
			s.Until = d.at.AddDate(0, 0, int(d.days))
		} else if known {
			s.Until = d.at.AddDate(0, 0, int(length))
		}
	}
	if first {
		used--
	}
	if s.Left >= 0 {
		s.Left = max(0, s.Allowed-used)
	}
	return s
}
