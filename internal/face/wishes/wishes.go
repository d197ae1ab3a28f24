// Package wishes is the form in which people say about what, how and how
// often they want to be written to. The portal shows it, and the link in
// each message does.
package wishes

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"hale/internal/base/lang"
	"hale/internal/face/web"
	"hale/internal/reach/choice"
)

// Data is what the form shows.
type Data struct {
	choice.Choices
	Action string // where it is sent
}

// Parse reads the form.
func Parse(r *http.Request) (choice.Choices, error) {
	if err := r.ParseForm(); err != nil {
		return choice.Choices{}, err
	}
	c := choice.Choices{
		First: r.PostForm.Get("first"), Lang: r.PostForm.Get("lang"),
		Daily: r.PostForm.Get("pace") == "daily", Large: r.PostForm.Get("large") != "",
	}
	if r.PostForm.Get("hours") == "some" {
		c.From, _ = strconv.Atoi(r.PostForm.Get("from"))
		c.To, _ = strconv.Atoi(r.PostForm.Get("to"))
	}
	for _, channel := range choice.Channels() {
		if !slices.Contains(r.PostForm["may"], channel) {
			c.Refused = append(c.Refused, channel)
		}
	}
	for key, values := range r.PostForm {
		if len(key) > 6 && key[:6] == "topic-" && len(values) > 0 {
			c.Topics = append(c.Topics, choice.Topic{Key: key[6:], Way: values[0]})
		}
	}
	return c, nil
}

// hours are the times of day to choose from: no later or earlier than the
// clinic writes at all.
func hours() []int { return []int{8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20} }

func clock(l lang.Lang, h int) string { return l.Clock(time.Date(2000, 1, 1, h, 0, 0, 0, time.UTC)) }

// firsts are the ways to be reached first.
func firsts(v web.View) []struct{ ID, Words string } {
	return []struct{ ID, Words string }{
		{"", v.T("As you think best")}, {"sms", v.T("Text me")}, {"email", v.T("Email me")}, {"voice", v.T("Call me")}, {"inbox", v.T("Nothing. I look when I sign in")},
	}
}

// wayWords says what a way of a topic is.
func wayWords(v web.View, way string) string {
	switch way {
	case "sms":
		return v.T("By text")
	case "email":
		return v.T("By email")
	case "voice":
		return v.T("By phone call")
	case choice.Portal:
		return v.T("Only when I sign in")
	case choice.Nothing:
		return v.T("Not at all")
	}
	return v.T("As I chose above")
}

// channelWords asks whether a channel may be used.
func channelWords(v web.View, channel string) string {
	switch channel {
	case "sms":
		return v.T("You may text me")
	case "email":
		return v.T("You may email me")
	}
	return v.T("You may call me")
}

func refused(d Data, channel string) bool { return slices.Contains(d.Refused, channel) }
