package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// m and list are JSON by hand.
type (
	m    = map[string]any
	list = []any
)

// tests are common laboratory tests: LOINC code, name, UCUM unit.
var tests = [...][3]string{
	{"4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%"}, {"2345-7", "Glucose [Mass/volume] in Serum or Plasma", "mg/dL"},
	{"2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL"}, {"2571-8", "Triglyceride [Mass/volume] in Serum or Plasma", "mg/dL"},
	{"2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", "mg/dL"}, {"718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL"},
	{"6690-2", "Leukocytes [#/volume] in Blood by Automated count", "10*3/uL"}, {"777-3", "Platelets [#/volume] in Blood by Automated count", "10*3/uL"},
	{"2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL"}, {"2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L"},
}

// perPatient is how many resources a person of the store has.
const perPatient = 10

// observations is how many of those are observations.
const observations = 7

func patientID(n int) string        { return fmt.Sprintf("p%07d", n) }
func observationID(n, k int) string { return fmt.Sprintf("o%07d-%d", n, k) }

func concept(system, code, display string) m {
	return m{"coding": list{m{"system": system, "code": code, "display": display}}, "text": display}
}

func day(r *rand.Rand) string {
	start := time.Date(2020, 1, 1, 8, 0, 0, 0, time.UTC)
	return start.Add(time.Duration(r.IntN(5*365*24*60)) * time.Minute).Format(time.RFC3339)
}

const usCore = "http://hl7.org/fhir/us/core/StructureDefinition/"

// patient is somebody whose name and numbers follow from n.
func patient(r *rand.Rand, n int) m {
	sex := [...]string{"male", "female"}[n%2]
	return m{
		"resourceType": "Patient", "meta": m{"profile": list{usCore + "us-core-patient"}},
		"identifier": list{m{"type": concept("http://terminology.hl7.org/CodeSystem/v2-0203", "MR", "Medical record number"),
			"system": "http://hospital.example.org/mrn", "value": fmt.Sprintf("MRN%09d", n)}},
		"name":      list{m{"use": "official", "family": fmt.Sprintf("Family%d", n%5000), "given": list{fmt.Sprintf("Given%d", n%700), "Q."}}},
		"telecom":   list{m{"system": "phone", "value": fmt.Sprintf("555-%03d-%04d", n%1000, r.IntN(10000)), "use": "home"}},
		"gender":    sex,
		"birthDate": fmt.Sprintf("%04d-%02d-%02d", 1930+r.IntN(90), 1+r.IntN(12), 1+r.IntN(28)),
		"address":   list{m{"line": list{fmt.Sprintf("%d Long Street", n%9999)}, "city": "Springfield", "state": "MA", "postalCode": "02101", "country": "US"}},
	}
}

// observation is a laboratory result about subject.
func observation(r *rand.Rand, subject, encounter string) m {
	t, at := tests[r.IntN(len(tests))], day(r)
	unit := func(v float64) m {
		return m{"value": v, "unit": t[2], "system": "http://unitsofmeasure.org", "code": t[2]}
	}
	o := m{
		"resourceType": "Observation", "meta": m{"profile": list{usCore + "us-core-observation-lab"}}, "status": "final",
		"category": list{m{"coding": list{m{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory", "display": "Laboratory"}}}},
		"code":     concept("http://loinc.org", t[0], t[1]), "subject": m{"reference": subject},
		"effectiveDateTime": at, "issued": at, "valueQuantity": unit(float64(r.IntN(20000)) / 100),
		"interpretation": list{concept("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "N", "Normal")},
		"referenceRange": list{m{"low": unit(1.5), "high": unit(120.5), "text": "1.5 - 120.5"}},
	}
	if encounter != "" {
		o["encounter"] = m{"reference": encounter}
	}
	return o
}

func encounter(r *rand.Rand, subject string) m {
	at := day(r)
	return m{
		"resourceType": "Encounter", "status": "finished", "class": m{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
		"type":    list{concept("http://snomed.info/sct", "162673000", "General examination of patient")},
		"subject": m{"reference": subject}, "period": m{"start": at, "end": at},
	}
}

func condition(r *rand.Rand, subject, encounter string) m {
	return m{
		"resourceType": "Condition", "clinicalStatus": concept("http://terminology.hl7.org/CodeSystem/condition-clinical", "active", "Active"),
		"verificationStatus": concept("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed", "Confirmed"),
		"category":           list{concept("http://terminology.hl7.org/CodeSystem/condition-category", "encounter-diagnosis", "Encounter Diagnosis")},
		"code":               concept("http://snomed.info/sct", "38341003", "Hypertension"), "subject": m{"reference": subject},
		"encounter": m{"reference": encounter}, "onsetDateTime": day(r),
	}
}

// fill writes people with perPatient resources each into files of NDJSON,
// one for each type, in folder.
func fill(folder string, people int) error {
	files := map[string]*bufio.Writer{}
	for _, typ := range [...]string{"Patient", "Encounter", "Condition", "Observation"} {
		f, err := os.Create(filepath.Join(folder, typ+".ndjson"))
		if err != nil {
			return err
		}
		defer f.Close()
		files[typ] = bufio.NewWriterSize(f, 1<<20)
	}
	put := func(r m, id string) error {
		r["id"] = id
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		_, err = files[r["resourceType"].(string)].Write(append(body, '\n'))
		return err
	}
	for n := range people {
		r := rand.New(rand.NewPCG(7, uint64(n)))
		who, visit := "Patient/"+patientID(n), fmt.Sprintf("e%07d", n)
		err := put(patient(r, n), patientID(n))
		if err == nil {
			err = put(encounter(r, who), visit)
		}
		if err == nil {
			err = put(condition(r, who, "Encounter/"+visit), fmt.Sprintf("c%07d", n))
		}
		for k := 0; k < observations && err == nil; k++ {
			err = put(observation(r, who, "Encounter/"+visit), observationID(n, k))
		}
		if err != nil {
			return err
		}
	}
	for _, w := range files {
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// transaction is a bundle of somebody new with visits of 11 resources each,
// and how many resources it has.
func transaction(r *rand.Rand, visits int) ([]byte, int, error) {
	var entries list
	add := func(x m) string {
		url := fmt.Sprintf("urn:uuid:%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
		entries = append(entries, m{"fullUrl": url, "resource": x, "request": m{"method": "POST", "url": x["resourceType"]}})
		return url
	}
	who := add(patient(r, 1_000_000+r.IntN(900_000_000)))
	for range visits {
		visit := add(encounter(r, who))
		add(condition(r, who, visit))
		var results list
		for range 8 {
			results = append(results, m{"reference": add(observation(r, who, visit))})
		}
		at := day(r)
		add(m{"resourceType": "DiagnosticReport", "status": "final", "code": concept("http://loinc.org", "51990-0", "Basic metabolic panel - Blood"),
			"category": list{concept("http://terminology.hl7.org/CodeSystem/v2-0074", "LAB", "Laboratory")}, "subject": m{"reference": who},
			"encounter": m{"reference": visit}, "effectiveDateTime": at, "issued": at, "result": results})
	}
	body, err := json.Marshal(m{"resourceType": "Bundle", "type": "transaction", "entry": entries})
	return body, len(entries), err
}
