package desk

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/reach"
)

// variantKeys name the texts that are tried against each other.
const variantKeys = "abcde"

// focus returns o with the text named key as its one text, and which that
// is: "" where there is only one. An unknown key is the first.
func focus(o reach.Outreach, key string) (reach.Outreach, string) {
	if len(o.Variants) == 0 {
		return o, ""
	}
	i := max(0, slices.IndexFunc(o.Variants, func(v reach.Variant) bool { return v.Key == key }))
	o.Template = o.Variants[i].Template
	return o, o.Variants[i].Key
}

// unfocus puts o's text back under its key. All texts give away as much as
// that one says, for where a message may go must not hang on which text was
// drawn; the first stands for them where one is asked for.
func unfocus(o reach.Outreach, key string) reach.Outreach {
	class := o.Template.Sensitivity
	o.Variants = slices.Clone(o.Variants)
	for i := range o.Variants {
		if o.Variants[i].Key == key {
			o.Variants[i].Template = o.Template
		}
		o.Variants[i].Template.Sensitivity = class
	}
	if len(o.Variants) > 0 {
		o.Template = o.Variants[0].Template
	}
	return o
}

// addVariant adds a text that begins like o's, and returns its key. The
// others give up as much of their share as the new one gets.
func addVariant(o *reach.Outreach) string {
	if len(o.Variants) == 0 {
		o.Variants = []reach.Variant{{Key: "a", Share: 1, Template: o.Template}}
	}
	n := float64(len(o.Variants))
	key := ""
	for _, k := range variantKeys {
		if !slices.ContainsFunc(o.Variants, func(v reach.Variant) bool { return v.Key == string(k) }) {
			key = string(k)
			break
		}
	}
	if key == "" {
		return ""
	}
	for i := range o.Variants {
		o.Variants[i].Share *= n / (n + 1)
	}
	o.Variants = append(o.Variants, reach.Variant{Key: key, Share: 1 / (n + 1), Template: o.Template})
	return key
}

// dropVariant takes a text out. Its share goes to the others, as they had
// theirs; one that is left alone is the outreach's one text.
func dropVariant(o *reach.Outreach, key string) {
	list := slices.DeleteFunc(slices.Clone(o.Variants), func(v reach.Variant) bool { return v.Key == key })
	sum := 0.0
	for _, v := range list {
		sum += v.Share
	}
	for i := range list {
		list[i].Share /= sum
	}
	if len(list) > 0 {
		o.Template = list[0].Template
	}
	if len(list) < 2 {
		list = nil
	}
	o.Variants = list
}

// maxRounding is how far shares written to a tenth of a per cent may miss the
// whole: three times 33.3 does by a thousandth.
const maxRounding = 0.0025

// parseShares reads the shares of o's texts into it, and says what is wrong
// with them. What was typed is returned by key.
func parseShares(o *reach.Outreach, in url.Values) (typed map[string]string, why string) {
	if len(o.Variants) == 0 || !in.Has("share."+o.Variants[0].Key) {
		return nil, ""
	}
	typed, sum := map[string]string{}, 0.0
	list := slices.Clone(o.Variants)
	for i := range list {
		v := &list[i]
		typed[v.Key] = field(in, "share."+v.Key)
		share, ok := parsePercent(typed[v.Key])
		if !ok || share <= 0 {
			return typed, fmt.Sprintf("Write a share above 0 for text %s, like 50 or 33.3.", strings.ToUpper(v.Key))
		}
		v.Share, sum = share, sum+share
	}
	switch {
	case sum > 1+maxRounding:
		return typed, fmt.Sprintf("The shares make %s together: %s too much.", percent(sum), percent(sum-1))
	case sum < 1-maxRounding:
		return typed, fmt.Sprintf("The shares make %s together: %s are missing.", percent(sum), percent(1-sum))
	}
	for i := range list {
		list[i].Share /= sum
	}
	o.Variants = list
	return typed, ""
}

// variantRows are o's texts for the editor; those of the one being written
// are as they stand in the form.
func (d *Desk) variantRows(o reach.Outreach, key string, typed map[string]string) []variantRow {
	var rows []variantRow
	for _, v := range o.Variants {
		row := variantRow{Key: v.Key, Name: strings.ToUpper(v.Key), Share: strings.TrimSuffix(percent(v.Share), " %"), Current: v.Key == key}
		if text, ok := typed[v.Key]; ok {
			row.Share = text
		}
		one, _ := focus(o, v.Key)
		if row.Current {
			one.Template = o.Template
		}
		for _, p := range one.Template.Parts {
			if row.Title == "" {
				row.Title = p.Subject
			}
		}
		row.Points = len(lint(one))
		rows = append(rows, row)
	}
	return rows
}

// changeTexts does what a button about several texts asks for, and returns
// where to go on: the key of a text, and whether it did anything.
func changeTexts(o *reach.Outreach, do string) (key string, did bool) {
	if do == "add" {
		key = addVariant(o)
		return key, key != ""
	}
	if key, ok := strings.CutPrefix(do, "drop-"); ok {
		dropVariant(o, key)
		return "", true
	}
	return strings.CutPrefix(do, "go-")
}

// keepText keeps the text that was written, with the shares, and goes on to
// where do leads. Every text has to be fit to be sent before the next step.
func (d *Desk) keepText(w http.ResponseWriter, r *http.Request, pass access.Pass, o reach.Outreach, said messageSaid, do string) error {
	kept := unfocus(o, said.key)
	next, some := changeTexts(&kept, do)
	if !some {
		for _, v := range kept.Variants {
			one, _ := focus(kept, v.Key)
			if len(lint(one)) > 0 {
				said.wrong = "Text " + strings.ToUpper(v.Key) + " is not fit to be sent yet. Open it to see why."
				return d.showMessage(w, r, http.StatusUnprocessableEntity, o, said)
			}
		}
	}
	kept, err := d.Reach.Save(r.Context(), pass, kept)
	if err != nil {
		return err
	}
	if some {
		http.Redirect(w, r, path(kept.ID)+"/edit/message?text="+url.QueryEscape(next), http.StatusSeeOther)
		return nil
	}
	toStep(w, r, kept, "plan")
	return nil
}
