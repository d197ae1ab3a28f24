package desk

import (
	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/mirror"
)

// deeds says what an audited right was used for, or what an action did, to
// follow a name: “J. Okafor opened the record”.
func deeds() map[string]string {
	return map[string]string{
		string(access.ReadRecord): "opened the record", string(access.ReadVisits): "looked at visits", string(access.BookVisits): "booked or changed a visit",
		string(access.ReadMessages): "read messages", string(access.ReadMessage): "read messages", string(access.SendMessages): "wrote a message",
		string(access.ReadContacts): "looked at how to reach the patient", string(access.EditContacts): "changed how to reach the patient",
		string(access.WriteRecord): "wrote to the record", string(access.ReadDecisions): "looked at why messages went out",
		string(access.AnswerPatients): "looked after an answer", string(access.ReadLooks): "looked at who looked",
		string(access.SeeProxies): "looked at caregivers", string(access.ManageProxies): "changed caregivers", string(access.EndProxies): "ended a caregiver’s access",
		string(access.AskPrivacy): "opened their privacy requests", string(access.ExportRecord): "downloaded the record",
		string(access.ManageSecurity): "changed how they sign in", string(access.ReleaseResults): "looked at results that wait",
		string(access.BreakGlass): "asked for emergency access", string(access.FindPatients): "looked for patients", string(access.RunOutreach): "worked on outreach",
		string(access.ReadMeasure): "looked at what outreach changed", string(access.ManageUsers): "looked after who works here",
		string(access.ReadAudit): "searched the audit log", string(access.AnswerPrivacy): "worked on privacy requests", string(access.ReviewAccess): "reviewed access",
		string(access.PayBills): "looked at bills", string(access.AskMedicines): "asked about medicines", string(access.SendReadings): "looked at readings from home", string(access.SetRules): "worked on the rules of reaching out",

		account.SignedIn: "signed in", account.PasskeyAdded: "added a passkey", account.PasskeyRemoved: "took a passkey away", account.Disabled: "was shut out",
		account.Enabled: "was let in again", account.WasReset: "lost every way to sign in", account.SignedOut: "signed out", account.SteppedUp: "proved again who they are",
		account.Revoked: "was signed out", account.PasswordSet: "set a password", account.PasswordGone: "took the password away",
		account.TOTPAdded: "added an authenticator app", account.TOTPRemoved: "took the authenticator app away", account.SheetMade: "made a recovery sheet",
		account.Recovered: "came back by a recovery", account.Assisting: "helped somebody sign in", account.Inviting: "was invited",
		account.Moving: "asked to change a phone number or email", account.Moved: "changed a phone number or email", account.MoveCancelled: "stopped the change of an address",
		account.DeviceGone: "forgot a device", account.Cancelled: "stopped a recovery", account.RolesSet: "got other roles",
		account.Linked: "got single sign-on", account.Unlinked: "lost single sign-on",

		"record.put": "changed the record", "message.send": "sent a message", "consent.set": "changed a permission", "contact.wish": "changed how to reach the patient",
		"wish.set": "chose when results open", "hold.set": "held a result back", "hold.extend": "let a result wait longer", "hold.release": "opened a result to the patient",
		"emergency.open": "opened the record in an emergency", "emergency.end": "ended emergency access", "emergency.review": "reviewed emergency access",
		"look.review": "reviewed a look", "vip.set": "had the record watched more closely", "vip.clear": "had the record watched no longer", "staff.link": "noted a member of staff’s own record",
		"proxy.invite": "invited a caregiver", "proxy.join": "joined as a caregiver", "proxy.offer": "looked at an invitation to help", "proxy.confirm": "said yes to a caregiver", "proxy.change": "changed what a caregiver sees",
		"proxy.end": "ended a caregiver’s access", "proxy.review": "looked at a caregiver’s papers", "proxy.block": "kept a caregiver out", "proxy.unblock": "let a caregiver in again",
		"disclosure.make": "noted a disclosure", "disclosure.void": "voided a disclosure", "restriction.end": "ended a restriction",
		"request.ask": "sent a privacy request", "request.claim": "took a privacy request on", "request.extend": "took more time for a privacy request",
		"request.grant": "agreed to a privacy request", "request.deny": "did not agree to a privacy request", "request.answer": "answered a privacy request",
		"request.withdraw": "took a privacy request back", "request.disagree": "disagreed with a decision", "request.rebut": "answered a disagreement",
		mirror.Begun: "began to look at the portal as the patient sees it", mirror.Ended: "stopped looking at the portal as the patient sees it",
		"keys.rotate": "changed the keys", "keys.shred": "destroyed the keys of a record",
	}
}

// lookWords says what an audited right was used for, or what happened to an
// account.
func lookWords(action string) string {
	if words, ok := deeds()[action]; ok {
		return words
	}
	return "did “" + action + "”"
}
