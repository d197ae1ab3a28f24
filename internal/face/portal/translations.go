package portal

import (
	"context"
	"net/http"

	"hale/internal/access"
	"hale/internal/care/translation"
	"hale/internal/face/web"
)

// translations is what the portal needs of package translation.
type translations interface {
	Of(ctx context.Context, pass access.Pass, typ string) (map[string]translation.Translation, error)
}

// translated are the translations of a patient's things of one sort, by their
// ids.
type translated map[string]translation.Translation

// translated returns those that pass opens; none where nothing is translated.
func (p *Portal) translated(r *http.Request, pass access.Pass, typ string) (translated, error) {
	if p.Translations == nil {
		return nil, nil
	}
	return p.Translations.Of(r.Context(), pass, typ)
}

// words returns what the clinic wrote, with what that is in the patient's
// language as far as somebody translated it.
func (all translated) words(id, text string) web.Words {
	w := web.Words{Text: text}
	t, ok := all[id]
	if !ok {
		return w
	}
	w.Lang, w.In, w.InLang, w.By, w.Coming, w.Late = "en", t.Text, t.Lang, t.By, t.Coming(), t.Late()
	return w
}
