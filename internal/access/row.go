package access

import "hale/internal/store/audit"

// AsPatient is the purpose of looks at the portal as the patient sees it.
const AsPatient = "as-patient"

// Row returns the audit row of what a did, or asked to do, about patient.
func (a Actor) Row(action, patient string, granted bool) audit.Row {
	r := audit.Row{ActorKind: string(a.Kind), Actor: a.ID, Action: action, Patient: patient, Granted: granted, Session: a.Session, Request: a.Request}
	if a.Kind == Proxy && patient != a.Patient {
		r.Behalf = patient
	}
	if a.ViewAs != "" {
		r.Purpose = AsPatient
	}
	if a.App != nil {
		r.Purpose = ByApp + a.App.ID
	}
	return r
}
