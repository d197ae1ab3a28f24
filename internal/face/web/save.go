package web

import "net/http"

// saved names the files that are sent as what they say they are.
func saved(media string) (name string, known bool) {
	name, known = map[string]string{"application/pdf": "document.pdf", "image/jpeg": "document.jpg", "image/png": "document.png",
		"application/rtf": "document.rtf", "text/plain": "document.txt"}[media]
	return name, known
}

// Pictured says whether browsers show files of a type as a picture. What Save
// sends as another type they do not.
func Pictured(media string) bool { return media == "image/jpeg" || media == "image/png" }

// Save sends a file to be saved. The browser is told not to open it here,
// whatever it is.
func (s *Site) Save(w http.ResponseWriter, media string, body []byte) {
	name, known := saved(media)
	if !known {
		media, name = "application/octet-stream", "document"
	}
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Content-Security-Policy", "sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // the browser may have gone
}
