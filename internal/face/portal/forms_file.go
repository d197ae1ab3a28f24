package portal

import "hale/internal/face/question"

// formFiles takes in what comes with the pages of forms.
func (p *Portal) formFiles() question.Files {
	return question.Files{Letters: p.Letters, Large: p.Site.Large, Slots: p.taking}
}
