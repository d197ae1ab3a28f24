package portal

import (
	"net/http"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/care/document"
	"hale/internal/care/glossary"
	"hale/internal/care/translation"
	"hale/internal/face/web"
)

// documentList lists what can be read as text.
func (p *Portal) documentList(w http.ResponseWriter, r *http.Request) error {
	s, pass, who, err := p.openPart(r, access.Documents, "Documents and plans")
	if err != nil {
		return err
	}
	list, err := p.Documents.List(r.Context(), pass, 200)
	if err != nil {
		return err
	}
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
	s, pass, _, err := p.openPart(r, access.Documents, "Document")
	if err != nil {
		return err
	}
	d, err := p.Documents.Read(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return s.orProve(err)
	}
	s.Title = d.Title
	blocks, terms := explainWords(s, d.Blocks)
	words, err := p.documentWords(r, pass, d.Document)
	if err != nil {
		return err
	}
	return p.render(w, r, documentPage(s, d, words, blocks, terms))
}

// documentWords are what somebody said in a report, in the patient's language
// as far as it was translated; nothing of other documents.
func (p *Portal) documentWords(r *http.Request, pass access.Pass, d document.Document) (web.Words, error) {
	if d.Kind != document.Report {
		return web.Words{}, nil
	}
	all, err := p.translated(r, pass, translation.Report)
	if err != nil {
		return web.Words{}, err
	}
	return all.words(d.ID, ""), nil
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

// explainedBlock is a block whose words that need it lead to what they mean.
type explainedBlock struct {
	Kind   document.BlockKind
	Pieces []glossary.Piece
}

// explainWords returns the blocks of a text with its medical words marked,
// and those words.
func explainWords(s sheet, blocks []document.Block) ([][]explainedBlock, []glossary.Term) {
	var m glossary.Marker
	var list [][]explainedBlock
	for _, run := range runs(blocks) {
		var out []explainedBlock
		for _, b := range run {
			one := explainedBlock{Kind: b.Kind}
			if b.Kind == document.Heading {
				one.Pieces = []glossary.Piece{{Text: s.T(b.Text)}}
			} else {
				one.Pieces = m.Mark(b.Text)
			}
			out = append(out, one)
		}
		list = append(list, out)
	}
	return list, m.Terms()
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
