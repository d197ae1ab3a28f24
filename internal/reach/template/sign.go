package template

import (
	"strconv"
	"strings"
)

// signStart begins the sign beside the clinic's name in an e-mail: the first
// letter of the name in a box of its colour.
const signStart = `<td aria-hidden="true" width="40" height="40"`

// Sign returns an e-mail's page with another sign, a cell of a table, or as it
// is where it has none.
func Sign(page, sign string) string {
	from := strings.Index(page, signStart)
	if from < 0 {
		return page
	}
	end := strings.Index(page[from:], "</td>")
	if end < 0 {
		return page
	}
	return page[:from] + sign + page[from+end+len("</td>"):]
}

// Picture is a sign: a picture that comes with the mail as cid, shown w by h
// pixels. It has no words of its own, for the name stands beside it, and white
// around it in a dark page, too.
func Picture(cid string, w, h int) string {
	wide, high := strconv.Itoa(w), strconv.Itoa(h)
	return `<td bgcolor="#ffffff" style="background:#ffffff;border-radius:10px;padding:4px"><img src="cid:` + cid + `" width="` + wide + `" height="` + high +
		`" alt="" style="display:block;border:0;width:` + wide + `px;height:` + high + `px"></td>`
}
