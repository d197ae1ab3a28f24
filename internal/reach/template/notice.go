package template

// notice are the neutral texts in one language. They say who writes and that
// something waits, never what or why.
type notice struct {
	care, generic, named, stop                string
	subject, careMail, genericMail, namedMail string
	prove, open, stopMail                     string
	why, stopLink                             string
}

func notices(lang string) notice {
	if lang == "es" {
		return notice{
			care:        "tiene una nota de su equipo de atención.",
			generic:     "tiene un mensaje.",
			named:       "hay una nota para %.",
			stop:        "Responda STOP para no recibir más.",
			subject:     "Un mensaje de %",
			careMail:    "Hola:\n\nSu equipo de atención le ha escrito. La nota está en una página segura.",
			genericMail: "Hola:\n\nTiene un mensaje. Está en una página segura.",
			namedMail:   "Hola:\n\nHay una nota para %. Está en una página segura.",
			prove:       "La página le preguntará su fecha de nacimiento. No necesita cuenta ni contraseña.",
			open:        "Abrir la página",
			stopMail:    "Para no recibir más correos como este, abra la página y elija «Dejar de recibir».",
			why:         "Recibe este correo porque % tiene su dirección.",
			stopLink:    "Dejar de recibir correos como este",
		}
	}
	return notice{
		care:        "a note from your care team is ready.",
		generic:     "a message is waiting for you.",
		named:       "a note for % is ready.",
		stop:        "Reply STOP to end texts.",
		subject:     "A message from %",
		careMail:    "Hello,\n\nYour care team has written to you. The note is on a secure page.",
		genericMail: "Hello,\n\nA message is waiting for you. It is on a secure page.",
		namedMail:   "Hello,\n\nA note for % is ready. It is on a secure page.",
		prove:       "The page asks for your date of birth. You need no account and no password.",
		open:        "Open the page",
		stopMail:    "To get no more emails like this, open the page and choose “Stop these messages”.",
		why:         "You get this email because % has your address.",
		stopLink:    "Stop emails like this",
	}
}
