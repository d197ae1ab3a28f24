package access

import "hale/internal/store/audit"

// Row returns the audit row of what a did, or asked to do, about patient.
func (a Actor) Row(action, patient string, granted bool) audit.Row {
	r := audit.Row{ActorKind: string(a.Kind), Actor: a.ID, Action: action, Patient: patient, Granted: granted, Session: a.Session, Request: a.Request}
	if a.Kind == Proxy && patient != a.Patient {
		r.Behalf = patient
	}
	return r
}
