package portal

import (
	"net/http"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/care/document"
)

// documentList lists what can be read as text.
func (p *Portal) documentList(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadRecord, "Documents and plans", "record")
	if err != nil {
		return err
	}
	who, err := p.person(r, pass)
	if err != nil {
		return err
	}
	list, err := p.Documents.List(r.Context(), pass, 200)
	if err != nil {
		return err
	}
	s.Zone = p.zone(who)
	updated := who.Updated
	for i, d := range list {
		if i == 0 || d.Updated.After(updated) {
			updated = d.Updated
		}
	}
	return p.render(w, r, documentsPage(s, list, updated))
}

// document is one document as text.
func (p *Portal) document(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadRecord, "Document", "record")
	if err != nil {
		return err
	}
	d, err := p.Documents.Read(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return s.orProve(err)
	}
	s.Title = d.Title
	return p.render(w, r, documentPage(s, d))
}

// documentFile sends a document's file to be saved. The browser is told not
// to open it here, whatever it is.
func (p *Portal) documentFile(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadRecord, "Document", "record")
	if err != nil {
		return err
	}
	media, body, err := p.Documents.File(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return s.orProve(err)
	}
	p.Site.Save(w, media, body)
	return nil
}

func kindOfDocument(l lang.Lang, k document.Kind) string {
	switch k {
	case document.Report:
		return l.T("Report")
	case document.Plan:
		return l.T("Care plan")
	}
	return l.T("Note or letter")
}

// runs parts blocks where lists begin and end, so that items share a list.
func runs(blocks []document.Block) [][]document.Block {
	var list [][]document.Block
	for _, b := range blocks {
		n := len(list)
		if b.Kind == document.Item && n > 0 && list[n-1][0].Kind == document.Item {
			list[n-1] = append(list[n-1], b)
			continue
		}
		list = append(list, []document.Block{b})
	}
	return list
}
