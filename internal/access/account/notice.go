package account

import (
	"context"
	"time"
)

// NoticeKind says what an owner is told.
type NoticeKind string

// The kinds of notices.
const (
	NewDevice         NoticeKind = "device.new"
	CredentialAdded   NoticeKind = "credential.added"
	CredentialChanged NoticeKind = "credential.changed"
	CredentialRemoved NoticeKind = "credential.removed"
	SecondUnfinished  NoticeKind = "second.unfinished" // a second factor was not given within UnfinishedAfter
	RecoveryBegun     NoticeKind = "recovery.begun"    // the sheet or help in person was used
	AddressMoving     NoticeKind = "address.moving"    // an address will change
	AddressMoved      NoticeKind = "address.moved"
	ProxyGranted      NoticeKind = "proxy.granted"
	ProxyEnded        NoticeKind = "proxy.ended"
	HelpGranted       NoticeKind = "help.granted" // to the helper
	HelpEnded         NoticeKind = "help.ended"
	ProxyWaiting      NoticeKind = "proxy.waiting" // a helper waits for the patient's yes
	ProxyChanged      NoticeKind = "proxy.changed"
	ProxyNarrowing    NoticeKind = "proxy.narrowing" // a birthday will change it at Until
	InviteWrong       NoticeKind = "invite.wrong"    // wrong codes came with the link of an invitation
	RequestMoved      NoticeKind = "request.moved"   // a privacy request came a step further
	RequestLate       NoticeKind = "request.late"    // Until, when the patient was promised an answer, is over
	TaskRaised        NoticeKind = "task.raised"     // to the staff: promises to patients are over
	AnswerTranslated  NoticeKind = "answer.translated"
	TranslationLate   NoticeKind = "translation.late"   // Until, when the patient's translation should have been there, is over
	TranslationRaised NoticeKind = "translation.raised" // to the staff: translations for patients are late
	EmergencyOpened   NoticeKind = "emergency.opened"
	FormAsked         NoticeKind = "form.asked"    // a form waits for the patient
	AppConnected      NoticeKind = "app.connected" // an app was let into the record
)

// Notice is one thing that an account's owner is told on all channels. It
// holds nothing of a record.
type Notice struct {
	Kind    NoticeKind
	Account Account
	At      time.Time
	What    string    // in plain words: a passkey, Safari on iPhone; may be empty
	Also    []Address // where else to send it: the address before, the one to come
	Until   time.Time // when what it tells takes effect or can no longer be taken back; zero: at once
	Link    string    // where it leads; empty: nowhere
	Cancel  string    // token for /signin/cancel/{token}, empty where nothing can be taken back
}

// Address is where a notice goes besides the account's own addresses.
type Address struct {
	Kind  string // email or sms
	Value string
}

// Notices sends notices on their way. An error means: try again later.
type Notices interface {
	Notify(ctx context.Context, n Notice) error
}
