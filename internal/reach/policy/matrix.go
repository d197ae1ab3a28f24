package policy

// Mode is how much of a message a channel carries.
type Mode string

// The modes.
const (
	Full    Mode = "full"    // all of it
	Notice  Mode = "notice"  // who writes, that something waits, a link, how to stop
	Generic Mode = "generic" // a notice without a word about care
	None    Mode = "none"    // nothing may go there
)

// Medium is a channel together with how well it is protected.
type Medium string

// The media.
const (
	EmailVerified Medium = "email_verified" // TLS with a certificate that verifies
	EmailTLS      Medium = "email_tls"      // TLS, whoever is at the other end
	EmailPlain    Medium = "email_plain"
	Text          Medium = "sms"
	StaffCall     Medium = "call" // somebody of the staff, who asks first who is there
	VoiceHuman    Medium = "voice"
	Voicemail     Medium = "voicemail"
	Push          Medium = "push"
	Letter        Medium = "letter"
	Portal        Medium = "inbox"
)

// Matrix says what each medium may carry of each class, S0 to S4.
type Matrix map[Medium][S4 + 1]Mode

// Defaults is the matrix of a clinic that changed nothing. A clinic may make
// it stricter.
func Defaults() Matrix {
	return Matrix{
		EmailVerified: {Full, Full, Full, Notice, Generic},
		EmailTLS:      {Full, Full, Notice, Notice, Generic},
		EmailPlain:    {Full, Notice, Notice, Generic, None},
		Text:          {Full, Full, Notice, Notice, Generic},
		StaffCall:     {Full, Full, Full, Full, None},
		VoiceHuman:    {Full, Full, Full, None, None},
		Voicemail:     {Full, Notice, Notice, Notice, None},
		Push:          {Full, Notice, Notice, Generic, Generic},
		Letter:        {Full, Full, Full, Full, None},
		Portal:        {Full, Full, Full, Full, Full},
	}
}

// Ability is what an address was found to be able to take.
type Ability struct {
	OK     bool
	Level  Level // of the connection to where it is taken in
	Detail string
}

// medium is what a message on c would travel by. People who know the risk of
// plain e-mail and want it anyway are written to as if it were encrypted.
func medium(c Channel, a Ability, warned bool) Medium {
	switch {
	case c == SMS:
		return Text
	case c == Inbox:
		return Portal
	case c == Voice:
		return StaffCall
	case c == Post:
		return Letter
	case a.Level >= L2:
		return EmailVerified
	case warned || a.Level == L1:
		return EmailTLS
	}
	return EmailPlain
}

// mode is what m may carry of class. An address that others share carries
// notices at most, and nothing at all of the specially protected; who calls
// finds out first who is there.
func (x Matrix) mode(m Medium, class Class, shared bool) Mode {
	mode := x[m][class]
	if mode == "" {
		return None
	}
	if !shared || class == S0 || m == Portal || m == StaffCall {
		return mode
	}
	if class == S4 {
		return None
	}
	if mode == Full {
		return Notice
	}
	return mode
}
