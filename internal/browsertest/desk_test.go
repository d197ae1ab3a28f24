package browsertest

import "testing"

// The pages of the desk that guard records: they are scanned, and a review is
// made on one of them.
func TestGuardedDesk(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: short")
	}
	b := start(t, serve(t))
	t.Run("nurse", func(t *testing.T) { nurseGuards(t, b) })
	t.Run("officer", func(t *testing.T) { officerReviews(t, b) })
	t.Run("administrator", func(t *testing.T) {
		admin := b.tab(t, "administrator", 1280, 900)
		admin.stepIn("Samir Haddad")
		admin.reads("/desk/users")
		admin.click("main .items a.item")
		admin.sees("What you can do")
		admin.scanNow("somebody who works here")
	})
}

// reads looks at pages, in the light and at 320 pixels in the dark.
func (tb *tab) reads(pages ...string) {
	tb.t.Helper()
	for _, at := range pages {
		tb.visit(at)
		tb.look("desk"+at, "light", tb.width)
		tb.look("desk"+at, "dark", 320)
	}
}

// nurseGuards opens a record in an emergency, and ends that.
func nurseGuards(t *testing.T, b *browser) {
	nurse := b.tab(t, "nurse", 1280, 900)
	nurse.stepIn("J. Okafor")
	const maria = "/desk/patients/maria-alvarez"
	nurse.reads("/desk", "/desk/holds", "/desk/holds/rules", "/desk/proxies", "/desk/letters", maria, maria+"/hold", maria+"/signin", maria+"/proxies/new", maria+"/emergency")
	nurse.click("input[name=code]")
	nurse.fill("textarea[name=reason]", "The ambulance asks for her allergies.")
	nurse.press("Open the record")
	nurse.sees("Emergency access until")
	nurse.scanNow("a record in an emergency")
	nurse.press("End now")
	nurse.sees("The emergency access is over.")
}

// officerReviews reads what an officer reads, and keeps one review.
func officerReviews(t *testing.T, b *browser) {
	officer := b.tab(t, "privacy officer", 1280, 900)
	officer.stepIn("Ines Castellano")
	const maria = "/desk/patients/maria-alvarez"
	officer.reads("/desk", "/desk/requests", "/desk/audit", maria, maria+"/watch", maria+"/disclosures", "/desk/reviews")
	officer.click("main .items a.item")
	officer.sees("Was it appropriate?")
	officer.scanNow("a review")
	officer.click("input[value=appropriate]")
	officer.fill("textarea[name=note]", "The ambulance did call.")
	officer.press("Keep the review")
	officer.sees("The ambulance did call.")
	officer.visit("/desk/requests")
	officer.click("main .items a.item")
	officer.sees("Decide and tell the patient")
	officer.scanNow("a request")
}
