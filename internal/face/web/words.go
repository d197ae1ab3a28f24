package web

// Words are what the clinic wrote, and what that is in the reader's language.
type Words struct {
	Text   string // as it was written
	Lang   string // of Text, as BCP 47; empty: that of the page
	In     string // in the reader's language; empty: it is not there
	InLang string // as BCP 47
	By     string // who translated it; empty: nobody says
	Coming bool   // somebody works on it
	Late   bool   // it should have been there
}
