package policy

import "strings"

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
	case "unreachable":
		return "# passed over: the address cannot take messages."
	case "class":
		return "# passed over: @ may not go there."
	case "shared":
		return "# carries a notice and a link only: others use the same address."
	case "no_tls":
		return "# carries a notice and a link only: the mail server offers no verified encryption, so @ may not go there."
	case "notice":
		return "# carries a notice and a link only: @ stays behind the link."
	case "quiet":
		return "# waits until the quiet hours are over."
	case "no_hours":
		return "# passed over: no hour is right in every time zone this could be."
	case "cap_text_day":
		return "# held back: one text a day is the limit."
	case "cap_text_week":
		return "# held back: three texts a week are the limit."
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

// Words returns the words for a reason's code where no person is meant.
func Words(code string, c Channel) string { return say(code, c, "this content").Words }

func allowed(a Ask) Reason {
	law := "no marketing permission needed"
	if a.Purpose.Authorization {
		law = "signed marketing permission on file"
	}
	return say("allowed", "", a.Purpose.Words, classWords(a.Class), law)
}

func name(c Channel) string {
	switch c {
	case SMS:
		return "text"
	case Inbox:
		return "portal"
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
