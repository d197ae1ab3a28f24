package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/gateway/stripe"
	"hale/internal/store/db"
)

const hookSecret = "whsec_of_the_test_clinic"

// cards is one who takes cards, as Stripe does.
type cards struct {
	*httptest.Server
	mu    sync.Mutex
	pages map[string]map[string]any // by our name
}

func newCards(t testing.TB) *cards {
	c := &cards{pages: map[string]map[string]any{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		_ = r.ParseForm()
		if r.URL.Path == "/v1/checkout/sessions" {
			ref := r.PostForm.Get("client_reference_id")
			if c.pages[ref] == nil {
				var cents int64
				_, _ = fmt.Sscan(r.PostForm.Get("line_items[0][price_data][unit_amount]"), &cents)
				c.pages[ref] = map[string]any{"id": "cs_" + ref, "object": "checkout.session", "client_reference_id": ref, "status": "open", "payment_status": "unpaid",
					"amount_total": cents, "currency": "usd", "url": "https://checkout.stripe.com/c/" + ref, "back": r.PostForm.Get("success_url")}
			}
			_ = json.NewEncoder(w).Encode(c.pages[ref])
			return
		}
		ref := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v1/checkout/sessions/cs_"), "/expire")
		if strings.HasSuffix(r.URL.Path, "/expire") {
			c.pages[ref]["status"] = "expired"
		}
		_ = json.NewEncoder(w).Encode(c.pages[ref])
	}))
	t.Cleanup(c.Close)
	return c
}

// pay pays on a page, and returns it as its event tells of it, and where it
// leads back to.
func (c *cards) pay(address string) (object map[string]any, back string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pages[address[strings.LastIndexByte(address, '/')+1:]]
	p["status"], p["payment_status"], p["payment_intent"] = "complete", "paid", "pi_"+p["id"].(string)
	return p, p["back"].(string)
}

// told posts an event to Hale, signed.
func (k *served) told(typ string, object any, event string) int {
	k.t.Helper()
	body, err := json.Marshal(map[string]any{"id": event, "object": "event", "type": typ, "created": k.clock.Now().Unix(), "data": map[string]any{"object": object}})
	if err != nil {
		k.t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, k.base+hooksStripe, bytes.NewReader(body))
	if err != nil {
		k.t.Fatal(err)
	}
	r.Header.Set("Stripe-Signature", stripe.Sign(hookSecret, k.clock.Now(), body))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		k.t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// invoices are two bills of Ada's.
func invoices(now time.Time) string {
	day := func(days int) string { return now.AddDate(0, 0, days).Format(time.DateOnly) }
	bill := func(id, number, title, due string, charged, insured, owed string) string {
		return `{"resourceType":"Invoice","id":"` + id + `","extension":[{"url":"https://hale.example/fhir/due-date","valueDate":"` + due + `"}],"identifier":[{"value":"` + number + `"}],"status":"issued","type":{"text":"` + title +
			`"},"subject":{"reference":"Patient/ada"},"date":"` + day(-20) + `","lineItem":[{"chargeItemCodeableConcept":{"text":"` + title + `"},"priceComponent":[{"type":"base","amount":{"value":` + charged + `,"currency":"USD"}}]}],` +
			`"totalPriceComponent":[{"type":"base","amount":{"value":` + charged + `,"currency":"USD"}},{"type":"deduction","code":{"text":"Insurance paid"},"amount":{"value":-` + insured + `,"currency":"USD"}}],"totalGross":{"value":` + owed + `,"currency":"USD"}}` + "\n"
	}
	return bill("inv-1", "N-1", "Knee visit", day(5), "240.00", "200.00", "40.00") + bill("inv-2", "N-2", "Knee picture", day(-3), "160.00", "60.00", "100.00")
}

func withStripe(base string) func(*Config) {
	return func(c *Config) {
		c.Bills.Stripe = Stripe{Base: base, Secret: "sk_test_clinic", Hooks: []string{hookSecret}, Private: true}
	}
}

// From the tap to the money, to the receipt and to the desk, and back.
func TestBills(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		till := newCards(t)
		k := newClinic(t, url, withStripe(till.URL))
		report, err := k.app.Importer("billing").ImportStream(t.Context(), "bills.ndjson", strings.NewReader(invoices(k.clock.Now())), nil)
		if err != nil || len(report.Bad) > 0 {
			t.Fatal(err, report.Bad)
		}
		paid(t, k, till)
		byLink(t, k, till)
		planned(t, k, till)
		helped(t, k)
		closedToOthers(t, k)
	})
}

// paid goes from the list to a receipt, and on to a refund.
func paid(t *testing.T, k *served, till *cards) {
	shows(t, "home", k.see("ada", "/home"), "You owe $40.00", "You owe $100.00")
	shows(t, "the list", k.see("ada", "/bills"), "You owe in all", "$140.00", "Knee visit", "Insurance paid $200.00", "Was due on", "Pay a little each month")
	shows(t, "the bill", k.see("ada", "/bills/inv-1"), "$40.00", "Charged", "$240.00", "Bill number N-1", "Pay this bill")
	ask := k.see("ada", "/bills/pay/inv-1")
	shows(t, "how much", ask, "All of it: $40.00", "We never see its number")
	if csp := ask.header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' ") || !strings.Contains(csp, "https://checkout.stripe.com") {
		t.Errorf("the form may not lead to the card page: %s", csp)
	}
	for _, wrong := range []string{"41", "0.50", "ten", ""} {
		if p := k.press("ada", "/bills/pay/inv-1", "what", "part", "amount", wrong); p.status != 422 {
			t.Errorf("a part of %q is taken: %d", wrong, p.status)
		}
	}
	away := k.press("ada", "/bills/pay/inv-1", "what", "part", "amount", "15.00")
	if away.to == nil || away.to.Host != "checkout.stripe.com" {
		t.Fatalf("the button leads to %v, %d", away.to, away.status)
	}
	object, back := till.pay(away.to.String())
	back = strings.TrimPrefix(back, k.base)
	shows(t, "before the word of Stripe", k.see("ada", back), "We wait for confirmation of your payment", "do not pay twice")
	if n := k.told("checkout.session.completed", object, "evt_forged"); n != 204 {
		t.Fatalf("the event is answered %d", n)
	}
	if n := k.told("checkout.session.completed", object, "evt_again"); n != 204 {
		t.Errorf("the event told again is answered %d", n)
	}
	done := k.see("ada", back)
	shows(t, "after it", done, "Thank you. Your payment arrived", "You paid $15.00", "See your receipt")
	shows(t, "what is left", k.see("ada", "/bills/inv-1"), "$25.00", "−$15.00")
	receipt := regexp.MustCompile(`/bills/receipts/(R-[0-9A-Z]+)`).FindString(done.body)
	shows(t, "the receipt", k.see("ada", receipt), "Ada Byron", "Knee visit", "$15.00", "By card", "Print or save as PDF")
	file := k.see("ada", receipt+"/file")
	if !strings.Contains(file.body, "$15.00") || !strings.Contains(file.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the receipt to keep is %q", file.body)
	}
	shows(t, "the desk", k.see("nia", "/desk/patients/ada/bills/inv-1"), "By card, receipt R-", "$25.00")
	shows(t, "compared", k.see("nia", "/desk/bills/compare"), "Both say the same.", "$15.00", "Ada Byron")
	k.told("charge.refunded", map[string]any{"id": "ch_1", "payment_intent": object["payment_intent"], "amount": 1500, "amount_refunded": 500, "currency": "usd"}, "evt_refund")
	shows(t, "after a refund", k.see("ada", "/bills/inv-1"), "$30.00", "Paid back to you")
	shows(t, "the receipt then", k.see("ada", receipt), "Paid back to you since", "$5.00")
	shows(t, "compared then", k.see("nia", "/desk/bills/compare"), "Both say the same.")
	refundFails(t, k, object["payment_intent"])
}

// refundFails has the bank refuse the money that was to go back.
func refundFails(t *testing.T, k *served, intent any) {
	re := map[string]any{"id": "re_1", "object": "refund", "payment_intent": intent, "charge": "ch_1", "amount": 500, "currency": "usd", "status": "pending"}
	k.told("charge.refund.updated", re, "evt_pending")
	shows(t, "while it is on its way", k.see("ada", "/bills/inv-1"), "$30.00")
	re["status"], re["failure_reason"] = "failed", "expired_or_canceled_card"
	for _, event := range []string{"evt_failed", "evt_failed", "evt_failed_2"} {
		typ := map[string]string{"evt_failed": "refund.failed", "evt_failed_2": "charge.refund.updated"}[event]
		if n := k.told(typ, re, event); n != 204 {
			t.Errorf("%s is answered %d", typ, n)
		}
	}
	shows(t, "after the refund failed", k.see("ada", "/bills/inv-1"), "$25.00", "Money could not be paid back to you")
	shows(t, "the desk's bill", k.see("nia", "/desk/patients/ada/bills/inv-1"), "Refund failed, put back: the card is no longer valid", "$25.00")
	list := k.see("nia", "/desk/bills")
	shows(t, "the desk's list", list, "Refunds that failed", "the card is no longer valid", "Ada Byron", "$5.00")
	shows(t, "compared with a failure", k.see("nia", "/desk/bills/compare"), "Both say the same.")
	at := part(t, "the button", list, `action="(/desk/patients/ada/refunds/[^"]+)"`)
	for _, who := range []string{"ada", "cleo", "max"} {
		if p := k.press(who, at); p.status == 200 && strings.Contains(p.body, "saw to this refund") {
			t.Errorf("%s settles a refund", who)
		}
	}
	shows(t, "settled", k.press("nia", at), "somebody saw to this refund")
	if strings.Contains(k.see("nia", "/desk/bills").body, "Refunds that failed") {
		t.Error("what is settled is still listed")
	}
	k.told("charge.refunded", map[string]any{"id": "ch_1", "payment_intent": intent, "amount": 1500, "amount_refunded": 500, "currency": "usd"}, "evt_refund_again")
	k.clock.move(time.Second)
	k.told("charge.refunded", map[string]any{"id": "ch_1", "payment_intent": intent, "amount": 1500, "amount_refunded": 500, "currency": "usd"}, "evt_refund_later")
	shows(t, "refunded once more", k.see("ada", "/bills/inv-1"), "$30.00")
}

// byLink pays without an account: with the date of birth, and only what is
// needed is shown.
func byLink(t *testing.T, k *served, till *cards) {
	shows(t, "a message is sent", k.press("nia", "/desk/patients/ada/bills/inv-1/send"), "goes out by the patient’s own channel")
	made := k.press("nia", "/desk/patients/ada/bills/inv-1/link")
	link := regexp.MustCompile(regexp.QuoteMeta(k.base) + `(/pay/[0-9a-z]+)`).FindStringSubmatch(made.body)
	if link == nil {
		t.Fatalf("no link was made: %d", made.status)
	}
	at := link[1]
	k.who["guest"] = k.browser("")
	shows(t, "the gate", k.see("guest", at), "Date of birth", "Pay a bill from Alder Clinic")
	shows(t, "the gate in Spanish", k.speaks(t, "guest", "es", at), `<html lang="es"`, "Fecha de nacimiento")
	k.speaks(t, "guest", "en", at)
	if p := k.see("guest", "/pay/0123456789abcdefghjkmnpqrstvwxyz"); !strings.Contains(p.body, "Date of birth") {
		t.Error("the gate of no link is another")
	}
	if p := k.press("guest", at, "m", "1", "d", "1", "y", "1960"); p.status != 422 || strings.Contains(p.body, "$30.00") {
		t.Errorf("the wrong date opens it: %d", p.status)
	}
	if p := k.see("guest", at+"/bill"); strings.Contains(p.body, "$30.00") {
		t.Error("the bill shows before the date")
	}
	in := k.press("guest", at, "m", "3", "d", "9", "y", "1957")
	shows(t, "the bill by link", in, "$30.00", "Bill number N-1")
	for _, much := range []string{"Knee", "Ada", "Byron", "Insurance"} {
		if strings.Contains(in.body, much) {
			t.Errorf("the bill by link says %q", much)
		}
	}
	shows(t, "the bill in Spanish", k.speaks(t, "guest", "es", at+"/bill"), `<html lang="es"`, "$30.00")
	k.speaks(t, "guest", "en", at+"/bill")
	away := k.press("guest", at+"/bill", "what", "all")
	if away.to == nil || away.to.Host != "checkout.stripe.com" {
		t.Fatalf("the button leads to %v, %d", away.to, away.status)
	}
	object, back := till.pay(away.to.String())
	if strings.Contains(back, strings.TrimPrefix(at, "/pay/")) {
		t.Error("the one who takes cards is told the link")
	}
	shows(t, "before the word of Stripe", k.see("guest", strings.TrimPrefix(back, k.base)), "We wait for confirmation")
	k.told("checkout.session.completed", object, "evt_link")
	shows(t, "after it", k.see("guest", strings.TrimPrefix(back, k.base)), "Thank you. Your payment arrived", "$30.00")
	shows(t, "the bill then", k.see("ada", "/bills/inv-1"), "You owe nothing on this bill.")
	k.who["stranger"] = k.browser("")
	if p := k.see("stranger", strings.TrimPrefix(back, k.base)); strings.Contains(p.body, "$30.00") {
		t.Error("a stranger sees what was paid")
	}
}

// planned asks to pay in parts; the desk agrees, and a part is paid.
func planned(t *testing.T, k *served, till *cards) {
	shows(t, "the offer", k.see("ada", "/bills/plan?monthly=40"), "3 payments", "$40.00", "$20.00", "Ask for this plan")
	if p := k.see("ada", "/bills/plan?monthly=5"); p.status != 422 {
		t.Errorf("5 a month is offered: %d", p.status)
	}
	asked := k.press("ada", "/bills/plan", "monthly", "40.00", "words", "I am between jobs.")
	shows(t, "asked", asked, "We are looking at your plan", "Who has it, and when you hear from us")
	id := regexp.MustCompile(`/bills/plan/([0-9a-z]+)`).FindStringSubmatch(asked.url)[1]
	shows(t, "the queue", k.see("nia", "/desk/queue"), "Payment plan")
	task := regexp.MustCompile(`/requests/([0-9a-z]+)`).FindStringSubmatch(asked.body)[1]
	shows(t, "the task", k.see("nia", "/desk/queue/"+task), "I am between jobs.", "Decide about the payment plan", "$100.00")
	shows(t, "the money", k.see("nia", "/desk/bills"), "To decide", "$40.00 a month")
	if p := k.press("nia", "/desk/bills/plans/"+id, "act", "decline"); p.status != 422 {
		t.Errorf("declined without a word: %d", p.status)
	}
	shows(t, "agreed", k.press("nia", "/desk/bills/plans/"+id, "act", "agree", "words", "That works for us."), "The plan is agreed")
	shows(t, "to the patient", k.see("ada", "/bills/plan/"+id), "Your payment plan", "That works for us.", "Next payment", "Pay this part")
	shows(t, "what was asked", k.see("ada", "/requests/"+task), "That works for us.")
	away := k.press("ada", "/bills/plan/"+id+"/pay")
	if away.to == nil || away.to.Host != "checkout.stripe.com" {
		t.Fatalf("the button leads to %v, %d", away.to, away.status)
	}
	object, _ := till.pay(away.to.String())
	k.told("checkout.session.completed", object, "evt_part")
	shows(t, "a part is paid", k.see("ada", "/bills/plan/"+id), "Paid", "Next payment")
	shows(t, "what is left", k.see("ada", "/bills"), "$60.00")
	remind(t, k, id)
	shows(t, "the rest in cash", k.press("nia", "/desk/patients/ada/bills/inv-2/take", "kind", "cash", "amount", "60", "once", "x"), "The payment is written down")
	shows(t, "the plan is done", k.see("ada", "/bills/plan/"+id), "Your plan is paid")
	shows(t, "nothing is owed", k.see("ada", "/bills"), "You owe nothing", "Paid and closed bills")
}

// remind tells of the next part before its day, once, and the link of that
// message opens the plan.
func remind(t *testing.T, k *served, plan string) {
	k.clock.move(45 * 24 * time.Hour)
	for range 2 {
		if err := k.app.bills.collect.Remind(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	n, err := db.One(t.Context(), k.app.db, db.Value[int], `select count(*) from bill_link where plan = $1 and intent <> ''`, plan)
	if err != nil || n != 1 {
		t.Errorf("%d reminders of the part that is due, %v, want one", n, err)
	}
	for _, who := range []string{"ada", "nia", "rosa", "cleo", "max", "alan"} { // whoever was signed in has rested too long
		k.signIn(who, account0(t, k, who+"@x.example"))
	}
}

// helped asks for help, and the answer comes back.
func helped(t *testing.T, k *served) {
	if p := k.press("ada", "/bills/help", "words", "x"); p.status != 422 {
		t.Errorf("help for nothing is asked: %d", p.status)
	}
	asked := k.press("ada", "/bills/help", "reason", "lower", "words", "I lost my job.", "people", "3")
	shows(t, "asked", asked, "I cannot pay this")
	id := regexp.MustCompile(`/requests/([0-9a-z]+)`).FindStringSubmatch(asked.url)[1]
	shows(t, "the task", k.see("nia", "/desk/queue/"+id), "I lost my job.", "What is owed")
	k.press("nia", "/desk/queue/"+id+"/close", "reason", "finished", "answer", "We took off half of it.")
	shows(t, "the answer", k.see("ada", "/requests/"+id), "We took off half of it.")
}

// closedToOthers says who gets nowhere.
func closedToOthers(t *testing.T, k *served) {
	for _, who := range []string{"cleo", "nobody"} {
		if p := k.see(who, "/bills/inv-1"); p.status == 200 && strings.Contains(p.body, "Knee") {
			t.Errorf("%s sees Ada's bill: %d", who, p.status)
		}
	}
	if p := k.see("rosa", "/for/ada/bills"); p.status == 200 {
		t.Errorf("a helper without bills sees them: %d", p.status)
	}
	for _, who := range []string{"max", "alan"} {
		for _, path := range []string{"/desk/bills", "/desk/bills/compare", "/desk/patients/ada/bills"} {
			if p := k.see(who, path); p.status == 200 {
				t.Errorf("%s sees %s", who, path)
			}
		}
	}
	res, err := http.Post(k.base+hooksStripe, "application/json", strings.NewReader(`{"id":"evt_forged"}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 401 {
		t.Errorf("an unsigned event is answered %d", res.StatusCode)
	}
}

// Without Stripe the pages say how to pay otherwise, and no button is dead.
func TestBillsWithoutCards(t *testing.T) {
	k := newClinic(t, "sqlite:"+t.TempDir()+"/hale.db", func(c *Config) { c.Bills.How = "Send a check to 5 Elm Street." })
	if _, err := k.app.Importer("billing").ImportStream(t.Context(), "bills.ndjson", strings.NewReader(invoices(k.clock.Now())), nil); err != nil {
		t.Fatal(err)
	}
	shows(t, "the list", k.see("ada", "/bills"), "$140.00", "Send a check to 5 Elm Street.")
	one := k.see("ada", "/bills/inv-1")
	shows(t, "the bill", one, "$40.00", "Send a check to 5 Elm Street.")
	if strings.Contains(one.body, "/bills/pay/") {
		t.Error("there is a button to pay by card")
	}
	if p := k.press("ada", "/bills/pay/inv-1", "what", "all"); p.status != 422 {
		t.Errorf("paying all the same is answered %d", p.status)
	}
	if p := k.press("nobody", hooksStripe); p.status != 404 {
		t.Errorf("where Stripe would tell is %d", p.status)
	}
	// A caregiver with the bills alone sees them, and nothing of the record.
	rosa := account0(t, k, "rosa@x.example")
	g := access.Grant{Patient: "ada", Name: "Ada", Rights: []access.Right{access.PayBills}, Categories: []access.Category{access.Bills}, Basis: access.ByPatient}
	if err := k.app.Accounts.Grant(context.Background(), rosa.ID, g, k.clock.Now().AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	k.app.Doors.Forget()
	shows(t, "a caregiver's list", k.see("rosa", "/for/ada/bills"), "$140.00")
	shows(t, "a caregiver's home", k.see("rosa", "/for/ada/home"), "You owe $40.00")
	if p := k.see("rosa", "/for/ada/health/results"); p.status == 200 {
		t.Errorf("the caregiver with bills sees results: %d", p.status)
	}
}
