package desk

import (
	"strings"
	"testing"
)

// The page of a patient says why mail came back and what to do about it.
func TestPatientCameBack(t *testing.T) {
	page := ask(t, serve(t, known()), "nurse", "GET", "/desk/patients/maria", nil).Body.String()
	if !strings.Contains(page, "There is no such mailbox. Nothing goes there any more; please ask for another address.") {
		t.Error("the page does not say why mail to maria@example.net came back")
	}
}
