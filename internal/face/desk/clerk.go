package desk

import (
	"net/http"

	"hale/internal/access"
	"hale/internal/face/web"
)

// clerkRight is the right by which the reader works on what the front desk
// works on, too: forms of the office, cards of health plans, calls about
// visits. Nurses have all of it, by their own.
func clerkRight(r *http.Request) access.Right {
	if !may(r, access.AnswerPatients) && may(r, access.AnswerVisits) {
		return access.AnswerVisits
	}
	return access.AnswerPatients
}

// clerk asks for a pass for one patient by that right. A record that is
// watched more closely asks for a reason before it, as it does in the queue.
func (d *Desk) clerk(r *http.Request, patient string) (access.Pass, error) {
	if clerkRight(r) == access.AnswerPatients {
		return d.one(r, access.AnswerPatients, patient)
	}
	passes, err := d.Doors.CheckMany(r.Context(), web.Actor(r), patient, access.AnswerVisits, wordsOfTask(access.AnswerVisits))
	if err != nil {
		return access.Pass{}, err
	}
	return passes[0], nil
}

// paper asks for a pass to read a paper of one patient: any of the record, or
// those that the front desk works on.
func (d *Desk) paper(r *http.Request, patient string) (access.Pass, error) {
	if opens(r, access.ReadRecord) || clerkRight(r) == access.AnswerPatients {
		return d.one(r, access.ReadRecord, patient)
	}
	return d.clerk(r, patient)
}

// sender asks for a pass to put something into the record of one patient that
// they sent.
func (d *Desk) sender(r *http.Request, patient string) (access.Pass, error) {
	if clerkRight(r) == access.AnswerPatients {
		return d.one(r, access.SendMessages, patient)
	}
	return d.clerk(r, patient)
}
