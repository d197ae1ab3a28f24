package browsertest

import "strings"

const mariaDesk = "/desk/patients/maria-alvarez"

// deskCancels has Maria book a visit, the nurse cancel it with a reason, and
// Maria read that.
func deskCancels(maria, nurse *tab) {
	maria.t.Helper()
	maria.visit("/book")
	maria.tap(named("Blood pressure check"))
	maria.arrives("Choose a time")
	maria.tap(`document.querySelector("button.slot")`)
	maria.arrives("Is this right?")
	maria.tap(named("Book this visit"))
	maria.arrives("Your visit is booked")
	mine := ask[string](maria, `location.pathname`)

	nurse.visit(mariaDesk + mine[strings.Index(mine, "/visits/"):])
	nurse.writes("#why", "The nurse is ill that day. Please choose another time.")
	nurse.tap(named("Cancel and tell the patient"))
	nurse.until("the outcome", `!window.before && /cancelled/i.test(document.querySelector("main").innerText)`)
	maria.visit(mine)
	maria.sees("The nurse is ill that day.")
}

// deskReadsForm has the nurse read the form that Maria sent, and say
// something back.
func deskReadsForm(maria, nurse *tab) {
	maria.t.Helper()
	nurse.visit("/desk/forms")
	nurse.tap(`[...document.querySelectorAll("main a.item")].find((e) => e.innerText.includes("Getting to your visit") && e.innerText.includes("Maria Alvarez"))`)
	nurse.arrives("Getting to your visit")
	nurse.sees("At the church on Elm Street")
	nurse.writes("#answer", "The driver comes at nine.")
	nurse.tap(named("I have read it"))
	nurse.until("the note that it is read", `!window.before && /Read by/.test(document.querySelector("main").innerText)`)
	maria.visit("/forms")
	maria.until("the form as read", `[...document.querySelectorAll("main section")].some((e) => e.innerText.startsWith("Sent") && e.innerText.includes("Read by your care team"))`)
	maria.tap(`[...document.querySelectorAll("main a.item")].find((e) => e.innerText.includes("Read by your care team"))`)
	maria.sees("The driver comes at nine.")
}

// deskTakesDetails has the nurse find what Maria changed while checking in,
// put it into the record, and note that she came.
func deskTakesDetails(maria, nurse *tab, visit string) {
	maria.t.Helper()
	nurse.visit("/desk/queue?kind=check-in")
	nurse.tap(`[...document.querySelectorAll("main a.item")].find((e) => e.innerText.includes("New contact details") && e.innerText.includes("Maria Alvarez"))`)
	nurse.arrives("New contact details")
	nurse.sees("19 Linden Avenue")
	nurse.tap(named("Put these into the record"))
	nurse.until("the outcome", `!window.before && /Closed|is in the record|into the record/i.test(document.querySelector("main").innerText)`)
	nurse.visit(mariaDesk + visit[strings.Index(visit, "/visits/"):])
	if done := ask[int](nurse, `document.querySelectorAll("section[aria-labelledby=checkin] .chip.good").length`); done < 5 {
		nurse.t.Errorf("the desk sees %d steps of Maria's check-in done, want 5", done)
	}
	maria.visit("/requests")
	maria.tap(`[...document.querySelectorAll("main a.item")].find((e) => e.innerText.includes("New contact details"))`)
	maria.sees("Your new details are in your record now.")
}

// deskAnswersBill has the nurse see what Maria paid, and answer her about the
// other bill.
func deskAnswersBill(maria, nurse *tab) {
	maria.t.Helper()
	maria.visit("/bills/help")
	maria.tap(`document.querySelector("input[name=reason][value=time]").closest("label") ?? document.querySelector("input[name=reason][value=time]")`)
	maria.writes("[name=words]", "My pension comes on the third.")
	maria.tap(named("Send to the billing office"))
	maria.until("her request", `!window.before && /^\/requests\//.test(location.pathname)`)
	mine := ask[string](maria, `location.pathname`)

	nurse.visit(mariaDesk + "/bills")
	nurse.tap(`[...document.querySelectorAll("main a.item")].find((e) => e.innerText.includes("Eye exam") && e.innerText.includes("Paid"))`)
	nurse.sees("By card")
	nurse.visit("/desk/queue?kind=bill")
	nurse.tap(`[...document.querySelectorAll("main a.item")].find((e) => e.innerText.includes("I need more time") && e.innerText.includes("Maria Alvarez"))`)
	nurse.arrives("I need more time")
	nurse.sees("My pension comes on the third.")
	nurse.writes("#answer", "That is fine. Please pay it by the tenth.")
	nurse.tap(named("Send and close"))
	nurse.until("the outcome", `!window.before && location.pathname.startsWith("/desk/queue")`)
	maria.visit(mine)
	maria.sees("That is fine. Please pay it by the tenth.")
}
