package web

import "net/http"

// The cookies. Their names get the __Host- prefix where the site is on https.
const (
	sessionCookie = "hale"
	langCookie    = "hale-lang"
)

// Cookie returns the value of the cookie called name, or nothing.
func (s *Site) Cookie(r *http.Request, name string) string {
	c, err := r.Cookie(s.cookieName(name))
	if err != nil {
		return ""
	}
	return c.Value
}

// SetCookie sets a cookie that only this site's requests carry and no script
// reads, for seconds, or until the browser closes if that is 0. An empty
// value takes it away.
func (s *Site) SetCookie(w http.ResponseWriter, name, value string, seconds int) {
	if value == "" {
		seconds = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(name), Value: value, Path: "/", MaxAge: seconds,
		Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// SetSession makes the browser carry the session's token for seconds, or
// until it closes if that is 0.
func (s *Site) SetSession(w http.ResponseWriter, token string, seconds int) {
	s.SetCookie(w, sessionCookie, token, seconds)
}

// SessionToken returns the token that the browser carries.
func (s *Site) SessionToken(r *http.Request) string { return s.Cookie(r, sessionCookie) }

// EndSession takes the session's token away, and what the browser kept.
func (s *Site) EndSession(w http.ResponseWriter) {
	s.SetCookie(w, sessionCookie, "", 0)
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
}

// SetLang remembers the language a visitor chose.
func (s *Site) SetLang(w http.ResponseWriter, tag string) {
	s.SetCookie(w, langCookie, tag, 365*24*3600)
}

// cookieName returns the name with its prefix. A browser takes __Host- only
// from this very host over https.
func (s *Site) cookieName(name string) string {
	if s.secure {
		return "__Host-" + name
	}
	return name
}
