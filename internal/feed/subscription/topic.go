package subscription

// Topic is a kind of changes that can be subscribed to by name. A filter
// narrows it to what a search finds.
type Topic struct {
	URL   string // canonical
	Title string
	Types []string
}

// Topics returns those that there are.
func (s *Store) Topics() []Topic {
	at := s.Base + "/SubscriptionTopic/"
	return []Topic{
		{at + "patient", "A patient's own data changed", []string{"Patient"}},
		{at + "results", "A result came in or was corrected", []string{"Observation", "DiagnosticReport"}},
		{at + "visits", "A visit was booked, moved, held or cancelled", []string{"Appointment", "Encounter"}},
		{at + "medicines", "A medicine was ordered, changed or stopped", []string{"MedicationRequest", "MedicationStatement", "MedicationDispense"}},
		{at + "conditions", "A condition, an allergy or an immunisation was written or changed", []string{"Condition", "AllergyIntolerance", "Immunization", "Procedure"}},
		{at + "documents", "A document or a letter was written", []string{"DocumentReference", "Communication"}},
		{at + "care", "A plan of care or who is in it changed", []string{"CarePlan", "CareTeam", "Goal", "ServiceRequest", "Task"}},
	}
}

func (s *Store) topic(address string) (Topic, bool) {
	for _, t := range s.Topics() {
		if t.URL == address {
			return t, true
		}
	}
	return Topic{}, false
}
