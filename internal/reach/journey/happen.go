package journey

import "slices"

// happening is something that may come to pass while somebody is under way:
// a condition on enrolment n, since the time in the column %s of it. No
// statement here reads what a record says: visits are looked at only through
// what journeys were already told of them.
type happening struct{ key, words, sql string }

// mine are the intents of n, and of other journeys about the same visit.
const mine = `select i.id from enrolment s join intent i on i.supersede = 'enrolment/' || s.id
	where s.id = n.id or n.subject <> '' and s.subject = n.subject and s.patient = n.patient`

var happenings = []happening{
	{"seen", "They have seen a message of this journey",
		`exists (select 1 from message m where m.intent in (` + mine + `) and m.first_seen_at >= n.started_at and m.first_seen_at > 0)`},
	{"acknowledged", "They have confirmed",
		`exists (select 1 from message m join message_event v on v.message = m.id
			where m.intent in (` + mine + `) and v.kind in ('acknowledged', 'confirmed', 'acted') and v.at >= n.started_at)`},
	{"acted", "They have done what was asked",
		`exists (select 1 from message m where m.intent in (` + mine + `) and m.acted_at > 0)`},
	{"signed-in", "They have signed in",
		`exists (select 1 from account a join account_session s on s.account = a.id where a.patient = n.patient and s.created_at >= n.started_at)`},
	{"visit.cancelled", "The visit is off",
		`exists (select 1 from journey_seen j where j.subject = n.subject and j.word = 'cancelled')`},
	{"visit.done", "The visit has taken place",
		`exists (select 1 from journey_seen j where j.subject = n.subject and j.word = 'fulfilled')`},
	{"visit.booked", "They have booked a visit",
		`exists (select 1 from event e where e.patient = n.patient and e.kind = 'visit.booked' and e.at >= n.started_at)`},
	{Left, "They have left the segment",
		`exists (select 1 from journey_member j where j.journey = n.journey and j.patient = n.patient and j.left_at > n.started_at)`},
	{Entered, "They have come into the segment",
		`exists (select 1 from journey_member j where j.journey = n.journey and j.patient = n.patient and j.at > n.started_at)`},
}

func known(event string) bool {
	return slices.ContainsFunc(happenings, func(h happening) bool { return h.key == event })
}

func condition(event string) string {
	for _, h := range happenings {
		if h.key == event {
			return h.sql
		}
	}
	return "1 = 0"
}
