package question

import (
	"net/url"
	"strconv"
	"strings"

	"hale/internal/base/lang"
	std "hale/internal/standard/form"
)

// The buttons that ask for one more, and take one away: the link id of what
// repeats, and for Less, after a blank at its end, which of them.
const (
	More = "more"
	Less = "less"
)

// Turn does what a button on the page asks for beside going on: one more of
// something, or one less. at is the place on the page where that is; ok is
// false where no such button was pressed.
func (s *Sheet) Turn(now url.Values) (at string, ok bool) {
	more, less := now.Get(More), now.Get(Less)
	if more == "" && less == "" {
		return "", false
	}
	s.Typed = s.Page().Merge(s.Typed, now)
	link := more
	if more != "" {
		s.Typed = s.whole.More(s.Typed, link)
	} else {
		i := strings.LastIndexByte(less, ' ')
		n, _ := strconv.Atoi(less[i+1:]) // what is no number takes nothing away
		link = less[:max(i, 0)]
		s.Typed = s.whole.Less(s.Typed, link, n)
	}
	if s.at[link] == 0 {
		return "", true
	}
	return "q" + strconv.Itoa(s.at[link]), true
}

// adds says whether a question has a field for each answer.
func adds(it *std.Item) bool {
	return it.Repeats && it.Type != std.Attachment && it.Type != std.Group && it.Type != std.Boolean && len(it.Options) == 0
}

// turns says whether the page has a button of Turn.
func (s *Sheet) turns() bool {
	for _, it := range s.Page().Items {
		if turns(it) {
			return true
		}
	}
	g := s.Page().Group
	return g != nil && g.Repeats
}

func turns(it *std.Item) bool {
	if it.Type == std.Group && it.Repeats || adds(it) && !it.ReadOnly {
		return true
	}
	for i := range it.Items {
		if turns(&it.Items[i]) {
			return true
		}
	}
	return false
}

// fields are the fields of a question that takes several answers.
func (s *Sheet) fields(it *std.Item) []string {
	if list := s.values(it); len(list) > 0 {
		return list
	}
	return []string{""}
}

// nth is what one copy of a group that repeats is called.
func nth(l lang.Lang, it *std.Item) string {
	return l.T("%s, number %d", it.Text.Say(l.Tag()), it.Copy())
}

// less names the nth of what repeats, for the button that takes it away.
func less(link string, n int) string { return link + " " + strconv.Itoa(n) }
