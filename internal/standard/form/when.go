package form

// Answers are the answers of a form by link id.
type Answers map[string][]Value

// Asked returns which items of q are asked, with the answers as they are: an
// item whose condition does not hold is not, nor is anything inside it. The
// answers of what is not asked count as none. What waits for itself in a
// circle is not asked.
func (q *Questionnaire) Asked(a Answers) map[string]bool {
	s := asking{answers: a, items: map[string]*Item{}, copies: map[string][]string{}, around: map[string]string{}, state: map[string]int{}}
	var walk func(list []Item, around string)
	walk = func(list []Item, around string) {
		for i := range list {
			s.items[list[i].LinkID], s.around[list[i].LinkID] = &list[i], around
			if of := list[i].of; of != "" {
				s.copies[of] = append(s.copies[of], list[i].LinkID)
			}
			walk(list[i].Items, list[i].LinkID)
		}
	}
	walk(q.Items, "")
	asked := make(map[string]bool, len(s.items))
	for link := range s.items {
		asked[link] = s.asked(link)
	}
	return asked
}

type asking struct {
	answers Answers
	items   map[string]*Item
	copies  map[string][]string // link id → those of its copies
	around  map[string]string
	state   map[string]int // 1: being looked at, 2: asked, 3: not
}

func (s *asking) asked(link string) bool {
	it := s.items[link]
	if it == nil {
		return false
	}
	switch s.state[link] {
	case 1, 3:
		return false
	case 2:
		return true
	}
	s.state[link] = 1
	yes := s.around[link] == "" || s.asked(s.around[link])
	if yes && len(it.When) > 0 {
		yes = !it.Any
		for _, w := range it.When {
			if holds := s.holds(w); holds == it.Any {
				yes = holds
				break
			}
		}
	}
	s.state[link] = 3
	if yes {
		s.state[link] = 2
	}
	return yes
}

func (s *asking) holds(w When) bool {
	all := []string{w.Question}
	if s.items[w.Question] == nil {
		all = s.copies[w.Question]
	}
	var answers []Value
	for _, link := range all {
		if s.asked(link) {
			answers = append(answers, s.answers[link]...)
		}
	}
	return w.Holds(answers)
}

// Holds says whether the condition is true of a question's answers: of any
// of them, where it has several.
//
// Spec: https://hl7.org/fhir/R4/valueset-questionnaire-enable-operator.html
func (w When) Holds(answers []Value) bool {
	if w.Operator == Exists {
		return (len(answers) > 0) == (w.Answer.Text == "true")
	}
	for _, v := range answers {
		c, ok := compare(v, w.Answer)
		yes := false
		switch w.Operator {
		case Equal:
			yes = ok && c == 0
		case Unequal:
			yes = !ok || c != 0
		case Above:
			yes = ok && c > 0
		case Below:
			yes = ok && c < 0
		case AtLeast:
			yes = ok && c >= 0
		case AtMost:
			yes = ok && c <= 0
		}
		if yes {
			return true
		}
	}
	return false
}

// Page is what is asked at a time: one group, or the questions that stand
// between groups.
type Page struct {
	Group *Item // nil: questions without one
	Items []*Item
}

// Pages returns the pages of q. Their number does not hang on the answers.
func (q *Questionnaire) Pages() []Page {
	var pages []Page
	loose := false
	for i := range q.Items {
		it := &q.Items[i]
		if it.Hidden {
			continue
		}
		if it.Type == Group {
			p := Page{Group: it}
			for j := range it.Items {
				p.Items = append(p.Items, &it.Items[j])
			}
			pages, loose = append(pages, p), false
			continue
		}
		if !loose {
			pages, loose = append(pages, Page{}), true
		}
		last := &pages[len(pages)-1]
		last.Items = append(last.Items, it)
	}
	return pages
}

// Questions returns every question of a page, inside its groups too, without
// the hidden ones.
func (p Page) Questions() (list []*Item) {
	var walk func(it *Item)
	walk = func(it *Item) {
		if it.Hidden {
			return
		}
		if it.Type.Asks() {
			list = append(list, it)
		}
		for i := range it.Items {
			walk(&it.Items[i])
		}
	}
	for _, it := range p.Items {
		walk(it)
	}
	return list
}

// Shown says whether anything of the page is asked.
func (p Page) Shown(asked map[string]bool) bool {
	if p.Group != nil && !asked[p.Group.LinkID] {
		return false
	}
	for _, it := range p.Items {
		if asked[it.LinkID] && !it.Hidden {
			return true
		}
	}
	return false
}
