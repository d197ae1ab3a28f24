package policy

import (
	"fmt"
	"strings"

	"hale/internal/reach/law"
)

// words are the reasons as the trail tells them; # stands for the channel,
// @ for what is said of the class.
func words(code string) string {
	switch code {
	case "allowed":
		return "Allowed: @."
	case "gone":
		return "Not sent: the record is no longer here."
	case "deceased":
		return "Not sent: recorded as deceased."
	case "inactive":
		return "Not sent: the record is out of use or merged into another."
	case "refused":
		return "Not sent: asked not to get messages like this."
	case "no_authorization":
		return "Not sent: marketing needs a signed permission, and there is none that is valid."
	case "no_way":
		return "No channel is left. A call or a letter may be needed."
	case "opted_out":
		return "# passed over: asked us to stop # messages of this kind."
	case "not_chosen":
		return "# passed over: chose other ways to be reached."
	case "no_account":
		return "# passed over: has never signed in, so would not look there."
	case "no_address":
		return "# passed over: no address on record."
	case "bounced":
		return "# passed over: messages to this address came back."
	case "wrong_person":
		return "# passed over: somebody else answered at this address."
	case "suppressed":
		return "# passed over: this address is blocked."
	case "resting":
		return "# waits: a message to this address came back, and it is left alone for a while."
	case "unreachable":
		return "# passed over: the address cannot take messages."
	case "class":
		return "# passed over: @ may not go there."
	case "shared":
		return "# carries a notice and a link only: others use the same address."
	case "no_tls":
		return "# carries a notice and a link only: the mail server offers no verified encryption, so @ may not go there."
	case "tls_exclusive":
		return "# passed over: messages of this kind go over TLS or not at all, and the mail server's is not good enough for @."
	case "unregistered":
		return "# passed over: the clinic’s sender is not registered with the carriers for marketing (10DLC or toll-free)."
	case "unproven":
		return "# carries a notice and a link only: it is long since anybody showed that this number is theirs. The link asks for the date of birth."
	case "notice":
		return "# carries a notice and a link only: @ stays behind the link."
	}
	return waitWords(code)
}

// waitWords are the words for what waits, and for whom else it goes to.
func waitWords(code string) string {
	switch code {
	case "quiet":
		return "# waits until the quiet hours are over."
	case "window":
		return "# waits for the hours of this outreach: @."
	case "spread":
		return "# waits for its turn: this outreach leaves over @ hours."
	case "hours_apart":
		return "# passed over: this outreach goes @, and the person's own hours never meet that."
	case "digest":
		return "# waits for the day's one message: asked for one a day."
	case "no_hours":
		return "# passed over: no hour is right in every time zone this could be."
	case "must_reach":
		return "It has to arrive: somebody has to call, or a letter has to go."
	case "helper":
		return "# goes to @, who helps and was granted it."
	case "no_helper":
		return "A caregiver is passed over: @."
	}
	return capWords(code)
}

// capWords are the words for a limit that is in the way.
func capWords(code string) string {
	switch code {
	case "cap_text_day":
		return "# held back: one text a day is the limit."
	case "cap_text_week":
		return "# held back: three texts a week are the limit."
	case "cap_call_day":
		return "# held back: one call a day is the limit."
	case "cap_call_week":
		return "# held back: two calls a week are the limit."
	case "cap_marketing":
		return "# held back: one offer a week is the limit."
	case "cap_all":
		return "# held back: five messages a week are the limit."
	}
	return code
}

// say makes a reason.
func say(code string, c Channel, about ...string) Reason {
	text := strings.ReplaceAll(words(code), "@", strings.Join(about, ", "))
	text = strings.Replace(text, "#", title(c), 1)
	return Reason{Code: code, Channel: c, Words: strings.ReplaceAll(text, "#", name(c))}
}

// capped says which cap is in the way, with the number that holds now.
func capped(limit Cap, c Channel) Reason {
	r := say(limit.Code, c)
	for _, d := range DefaultCaps() {
		if d.Code == limit.Code && d.Max == limit.Max {
			return r
		}
	}
	r.Words = fmt.Sprintf("%s held back: the limit is %d in %d days.", title(c), limit.Max, limit.Days)
	if limit.Days == 1 {
		r.Words = fmt.Sprintf("%s held back: the limit is %d a day.", title(c), limit.Max)
	}
	return r
}

// quiet says what a message waits for, with the row of the law if one is in
// the way.
func quiet(c Channel, why law.Day) Reason {
	r := say("quiet", c)
	if why.Name != "" {
		r.Words = fmt.Sprintf("%s waits: %s (%s).", title(c), why.Name, why.Source)
	}
	return r
}

// Words returns the words for a reason's code where no person is meant.
func Words(code string, c Channel) string { return say(code, c, "this content").Words }

func allowed(a Ask) Reason {
	basis := "no marketing permission needed"
	if a.Purpose.Authorization {
		basis = "signed marketing permission on file"
	}
	if a.Permit != "" {
		basis = a.Permit
	}
	return say("allowed", "", a.Purpose.Words, classWords(a.Class), basis)
}

func name(c Channel) string {
	switch c {
	case SMS:
		return "text"
	case Inbox:
		return "portal"
	case Voice:
		return "call"
	case Post:
		return "letter"
	}
	return string(c)
}

func title(c Channel) string {
	switch c {
	case SMS:
		return "Text"
	case Email:
		return "Email"
	case Inbox:
		return "Portal inbox"
	case Voice:
		return "Call"
	case Post:
		return "Letter"
	}
	return string(c)
}

// Name returns a channel as people call it.
func (c Channel) Name() string { return title(c) }

func classWords(c Class) string {
	return [...]string{
		"public content (level 0 of 4)",
		"contact content (level 1 of 4)",
		"clinical content (level 2 of 4)",
		"results (level 3 of 4)",
		"specially protected content (level 4 of 4)",
	}[min(max(c, S0), S4)]
}
