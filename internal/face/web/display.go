package web

import (
	"net/http"
	"strings"
)

// Display is how somebody wants pages to look, on this device. The zero value
// is as the device has it.
type Display struct {
	Size string // of letters: "" as the device has it, "large" a quarter more, "huge" half as much again
	Calm bool   // no motion, no colours that alarm; the words say the same
}

// displayCookie keeps the wish for a year. It says nothing about its owner.
const displayCookie = "hale-display"

// displayKey finds a wish that came with the request itself.
type displayKey struct{}

// DisplayOf reads a wish from the values of a form or a cookie; what it does
// not know is as the device has it.
func DisplayOf(size string, calm bool) Display {
	if size != "large" && size != "huge" {
		size = ""
	}
	return Display{size, calm}
}

// Display returns how the reader wants pages to look.
func (s *Site) Display(r *http.Request) Display {
	if d, ok := r.Context().Value(displayKey{}).(Display); ok {
		return d
	}
	size, calm, _ := strings.Cut(s.Cookie(r, displayCookie), ".")
	return DisplayOf(size, calm == "calm")
}

// SetDisplay remembers how the reader wants pages to look.
func (s *Site) SetDisplay(w http.ResponseWriter, d Display) {
	value := d.Size + "."
	if d.Calm {
		value += "calm"
	}
	if value == "." {
		value = ""
	}
	s.SetCookie(w, displayCookie, value, 365*24*3600)
}

// display is the class of the page's first element.
func (v View) display() string {
	d := v.Site.Display(v.Req)
	class := d.Size
	if d.Calm {
		class += " calm"
	}
	return strings.TrimSpace(class)
}
