package desk

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"hale/internal/base/errs"
	"hale/internal/standard/decimal"
	std "hale/internal/standard/form"
)

// kindNames are the sorts of items in plain words.
var kindNames = map[std.Type]string{
	std.Group: "A page", std.Display: "Words to read", std.Boolean: "Yes or no", std.Decimal: "A number", std.Integer: "A whole number", std.Date: "A day",
	std.DateTime: "A day and a time", std.Time: "A time", std.String: "A short answer", std.Long: "A long answer", std.Choice: "A choice", std.OpenChoice: "A choice, or an answer of one's own",
	std.Quantity: "An amount with its unit", std.Attachment: "A photo or a file",
}

// kindOption is a sort to choose.
type kindOption struct{ Key, Name string }

func itemKinds(group bool) (list []kindOption) {
	for _, t := range std.Types {
		if t != std.Group || group {
			list = append(list, kindOption{string(t), kindNames[t]})
		}
	}
	return list
}

// fills are the questions that the record answers beforehand, by their code.
var fills = []kindOption{{"", "Nothing"}, {"54125-0", "The name"}, {"21112-8", "The date of birth"}, {"42077-8", "The phone number"}, {"76458-9", "The e-mail address"},
	{"56799-0", "The address"}, {"10160-0", "The medicines"}, {"48765-2", "The allergies"}}

// kindOfItem says what an item is, in a line.
func kindOfItem(it *std.Item) string {
	words := []string{kindNames[it.Type]}
	for _, x := range []struct {
		on   bool
		word string
	}{{it.Required, "has to be answered"}, {it.Repeats && it.Type.Asks(), "several answers"}, {it.Repeats && it.Type == std.Group, "as often as one likes"}, {it.ValueSet != "" && len(it.Options) == 0, "its value set is not known here"}, {it.ReadOnly, "shown, not asked"}, {it.Hidden, "hidden"}, {it.Expr != "" || fillOf(it) != "", "filled in from the record"}} {
		if x.on {
			words = append(words, x.word)
		}
	}
	return strings.Join(words, " · ")
}

// fillOf is the code by which the record answers a question.
func fillOf(it *std.Item) string {
	for _, f := range fills[1:] {
		if it.HasCode(f.Key) {
			return f.Key
		}
	}
	return ""
}

// operatorNames are the comparisons in plain words.
var operatorNames = []kindOption{{"=", "is"}, {"!=", "is not"}, {">", "is more than"}, {"<", "is less than"}, {">=", "is at least"}, {"<=", "is at most"}, {"exists", "was answered"}, {"missing", "was not answered"}}

func operatorName(w std.When) (key, name string) {
	key = string(w.Operator)
	if w.Operator == std.Exists && w.Answer.Text != "true" {
		key = "missing"
	}
	for _, o := range operatorNames {
		if o.Key == key {
			name = o.Name
		}
	}
	return key, name
}

// conditionWords says when an item is asked, empty for always.
func conditionWords(q *std.Questionnaire, it *std.Item) string {
	var parts []string
	for _, w := range it.When {
		_, op := operatorName(w)
		text := w.Question
		if of := q.Item(w.Question); of != nil {
			text = of.Text.Words
		}
		line := "“" + clipped(text) + "” " + op
		if w.Operator != std.Exists {
			line += " “" + answerWords(q, w) + "”"
		}
		parts = append(parts, line)
	}
	if len(parts) == 0 {
		return ""
	}
	join := " and "
	if it.Any {
		join = " or "
	}
	return "Only if " + strings.Join(parts, join)
}

func clipped(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// answerWords is what a condition compares with, in words.
func answerWords(q *std.Questionnaire, w std.When) string {
	switch {
	case w.Operator == std.Exists:
		return ""
	case w.Answer.Kind == "boolean" && w.Answer.Text == "true":
		return "Yes"
	case w.Answer.Kind == "boolean":
		return "No"
	}
	if of := q.Item(w.Question); of != nil {
		for _, o := range of.Options {
			if o.Value.Same(w.Answer) {
				return o.Value.Say("")
			}
		}
	}
	return w.Answer.Say("")
}

// answerSystem is the system of the codes of answers that a clinic makes.
const answerSystem = "https://hale.example/fhir/form-answer"

var notCode = regexp.MustCompile(`[^a-z0-9]+`)

func newOption(words string) std.Option {
	code := strings.Trim(notCode.ReplaceAllString(strings.ToLower(words), "-"), "-")
	if code == "" {
		code = "answer"
	}
	return std.Option{Value: std.Value{Kind: "Coding", System: answerSystem, Text: cut(code, 60), Display: words}}
}

// optionLine is how an option is written: Never = Nunca (0) !
func optionLine(o std.Option) string {
	line := o.Value.Say("")
	if es := o.Value.In["es"]; es != "" {
		line += " = " + es
	}
	if o.Score != "" {
		line += " (" + o.Score + ")"
	}
	if o.Alarm {
		line += " !"
	}
	return line
}

func optionLines(list []std.Option) string {
	var b strings.Builder
	for _, o := range list {
		b.WriteString(optionLine(o) + "\n")
	}
	return b.String()
}

var scored = regexp.MustCompile(`^(.*?)\s*\((-?[0-9.]+)\)$`)

var errOption = errs.New(errs.Invalid, "Please write the answers like this, one a line: Never = Nunca (0)")

// readOptions reads options, one a line. What keeps its words keeps its code.
func readOptions(text string, was []std.Option) ([]std.Option, error) {
	var list []std.Option
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		rest, alarm := strings.CutSuffix(line, "!")
		rest = strings.TrimSpace(rest)
		score := ""
		if m := scored.FindStringSubmatch(rest); m != nil {
			if _, ok := decimal.Parse(m[2]); !ok {
				return nil, errOption
			}
			rest, score = m[1], m[2]
		}
		words, es, _ := strings.Cut(rest, " = ")
		words, es = strings.TrimSpace(words), strings.TrimSpace(es)
		if words == "" {
			return nil, errOption
		}
		o := newOption(words)
		if i := slices.IndexFunc(was, func(w std.Option) bool { return w.Value.Say("") == words }); i >= 0 {
			o = was[i]
		}
		o.Value.In = nil
		if es != "" {
			o.Value.In = map[string]string{"es": es}
		}
		o.Score, o.Alarm = score, alarm
		list = append(list, o)
	}
	return list, nil
}

// itemView is one item, to be changed.
type itemView struct {
	formView
	N       int
	Item    *std.Item
	Options string
	When    []whenRow
	Others  []itemRow // the questions that a condition may be about
	Fill    string
}

// whenRow is a condition in the fields of the builder.
type whenRow struct{ Question, Operator, Answer string }

// whenRows is how many conditions an item can have in the builder.
const whenRows = 4

// theItem returns the item of the address.
func (d *Desk) theItem(r *http.Request) (itemView, error) {
	version, q, use, err := d.theForm(r)
	if err != nil {
		return itemView{}, err
	}
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil {
		return itemView{}, errNowhere.Because(err)
	}
	v := itemView{N: n, Item: q.At(n)}
	if v.Item == nil {
		return v, errNowhere
	}
	v.Version, v.Use, v.Form = version, use, q
	v.Options, v.Fill = optionLines(v.Item.Options), fillOf(v.Item)
	for _, w := range v.Item.When {
		key, _ := operatorName(w)
		v.When = append(v.When, whenRow{w.Question, key, answerWords(q, w)})
	}
	for len(v.When) < whenRows {
		v.When = append(v.When, whenRow{})
	}
	q.Each(func(it *std.Item, _ int) bool {
		if it != v.Item && it.Type.Asks() {
			v.Others = append(v.Others, itemRow{Link: it.LinkID, Text: clipped(it.Text.Words)})
		}
		return true
	})
	return v, nil
}

// editItem shows an item of a draft.
func (d *Desk) editItem(w http.ResponseWriter, r *http.Request) error {
	v, err := d.theItem(r)
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, itemPage(d.view(r, "Question: "+clipped(v.Item.Text.Words), "forms"), v))
}

// saveItem changes an item.
func (d *Desk) saveItem(w http.ResponseWriter, r *http.Request) error {
	v, err := d.theItem(r)
	if err != nil {
		return err
	}
	link := v.Item.LinkID
	return d.changeForm(w, r, func(q *std.Questionnaire) error {
		it := q.Item(link)
		if it == nil {
			return errNowhere
		}
		return readItem(r, q, it)
	})
}

// readItem reads what was filled in about an item.
func readItem(r *http.Request, q *std.Questionnaire, it *std.Item) (err error) {
	on := func(name string) bool { return r.PostFormValue(name) != "" }
	it.Text = spoken(r, "text")
	if it.Text.Words == "" {
		return errs.New(errs.Invalid, "Please write the words of the question.")
	}
	if t := std.Type(r.PostFormValue("kind")); it.Type != std.Group && t != std.Group && slices.Contains(std.Types, t) {
		it.Type = t
	}
	it.Required, it.Repeats, it.ReadOnly, it.Hidden = on("required"), on("repeats"), on("readonly"), on("hidden")
	lines := strings.TrimSpace(strings.ReplaceAll(r.PostFormValue("options"), "\r\n", "\n"))
	if it.ValueSet != "" && it.Type.Chooses() && lines == strings.TrimSpace(optionLines(it.Options)) {
		lines = "" // they stand in the value set, and nobody changed them
	} else {
		it.ValueSet, it.Options = "", nil
	}
	if it.Type.Chooses() && it.ValueSet == "" {
		if it.Options, err = readOptions(lines, was(q, it.LinkID)); err != nil {
			return err
		}
	}
	if it.MaxLength, err = whole(r.PostFormValue("maxlength")); err != nil {
		return err
	}
	if err := readBounds(r, it); err != nil {
		return err
	}
	if it.Unit = nil; it.Type == std.Quantity && r.PostFormValue("unit") != "" {
		unit := strings.TrimSpace(cut(r.PostFormValue("unit"), 40))
		it.Unit = &std.Value{Kind: "Coding", System: "http://unitsofmeasure.org", Text: unit, Display: unit}
	}
	readFill(r, it)
	return readWhen(r, q, it)
}

func was(q *std.Questionnaire, link string) []std.Option {
	if it := q.Item(link); it != nil {
		return it.Options
	}
	return nil
}

var errLimit = errs.New(errs.Invalid, "Please write the least and the most like the answers: a number, or a day as 2026-03-01.")

// readBounds reads the least and the greatest value of a question.
func readBounds(r *http.Request, it *std.Item) error {
	for name, to := range map[string]**std.Value{"min": &it.Min, "max": &it.Max} {
		text := strings.TrimSpace(r.PostFormValue(name))
		*to = nil
		if text == "" {
			continue
		}
		v := std.Value{Kind: string(it.Type), Text: text}
		switch it.Type {
		case std.Integer, std.Decimal:
			if _, ok := decimal.Parse(text); !ok {
				return errLimit
			}
		case std.Quantity:
			v.Kind = "decimal"
		case std.Date, std.DateTime:
			if len(text) != 10 {
				return errLimit
			}
		default:
			continue
		}
		*to = &v
	}
	return nil
}

// readFill reads by what the record answers a question.
func readFill(r *http.Request, it *std.Item) {
	it.Codes = slices.DeleteFunc(it.Codes, func(c std.Coding) bool {
		return c.System == std.LOINC && slices.ContainsFunc(fills[1:], func(f kindOption) bool { return f.Key == c.Code })
	})
	if key := r.PostFormValue("fill"); slices.ContainsFunc(fills[1:], func(f kindOption) bool { return f.Key == key }) {
		it.Codes = append(it.Codes, std.Coding{System: std.LOINC, Code: key})
	}
	it.Expr = strings.TrimSpace(cut(r.PostFormValue("expression"), 1000))
}

// readWhen reads the conditions of an item.
func readWhen(r *http.Request, q *std.Questionnaire, it *std.Item) error {
	it.When, it.Any = nil, r.PostFormValue("join") == "any"
	for i := range whenRows {
		at := strconv.Itoa(i)
		link := r.PostFormValue("when-question-" + at)
		if link == "" {
			continue
		}
		w, err := readCondition(q, link, r.PostFormValue("when-operator-"+at), strings.TrimSpace(r.PostFormValue("when-answer-"+at)))
		if err != nil {
			return err
		}
		it.When = append(it.When, w)
	}
	return nil
}

var errCondition = errs.New(errs.Invalid, "A condition asks for an answer that its question cannot have. Please write the answer as it stands in the question.")

// readCondition reads one condition, its answer in plain words.
func readCondition(q *std.Questionnaire, link, op, answer string) (std.When, error) {
	w := std.When{Question: link, Operator: std.Operator(op)}
	if op == "exists" || op == "missing" {
		w.Operator, w.Answer = std.Exists, std.Value{Kind: "boolean", Text: strconv.FormatBool(op == "exists")}
		return w, nil
	}
	of := q.Item(link)
	if of == nil {
		return w, errCondition
	}
	for _, o := range of.Options {
		if strings.EqualFold(o.Value.Say(""), answer) || o.Value.Text == answer {
			w.Answer = o.Value
			w.Answer.In = nil
			return w, nil
		}
	}
	if of.Type == std.Boolean {
		yes := map[string]string{"yes": "true", "true": "true", "no": "false", "false": "false"}[strings.ToLower(answer)]
		if yes == "" {
			return w, errCondition
		}
		w.Answer = std.Value{Kind: "boolean", Text: yes}
		return w, nil
	}
	free := *of
	free.ReadOnly, free.Hidden, free.Min, free.Max = false, false, nil, nil
	list, no := free.Read(map[string][]string{std.Field(link): {answer}})
	if no != nil || len(list) != 1 {
		return w, errCondition
	}
	w.Answer = list[0]
	return w, nil
}

// moveItem moves an item up or down, or takes it away.
func (d *Desk) moveItem(w http.ResponseWriter, r *http.Request) error {
	v, err := d.theItem(r)
	if err != nil {
		return err
	}
	link := v.Item.LinkID
	return d.changeForm(w, r, func(q *std.Questionnaire) error {
		switch r.PostFormValue("to") {
		case "up":
			q.Move(link, -1)
		case "down":
			q.Move(link, 1)
		case "away":
			q.Remove(link)
		}
		return nil
	})
}

func limitText(v *std.Value) string {
	if v == nil {
		return ""
	}
	return v.Text
}

func numberText(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func unitText(v *std.Value) string {
	if v == nil {
		return ""
	}
	return v.Say("")
}
