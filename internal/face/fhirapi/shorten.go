package fhirapi

import (
	"slices"
	"strings"

	"hale/internal/base/errs"
	"hale/internal/standard/fhir"
)

// subsetted says of a resource that it is shown in part.
//
// Spec: https://hl7.org/fhir/R4/search.html#summary
const subsetted = `{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}`

// of returns body, a resource, in the form that s says.
func (s shape) of(body []byte) ([]byte, error) {
	if s.short() {
		n, err := fhir.Parse(body)
		if err != nil {
			return nil, errs.New(errs.Internal, errs.Say(nil)).Because(err)
		}
		body = s.shorten(nil, n)
	}
	return s.pretty(body), nil
}

// short says whether resources are shown in part.
func (s shape) short() bool {
	return s.summary != "" && s.summary != "count" || len(s.elements) > 0
}

// shorten adds the part of the resource n that s shows to dst.
func (s shape) shorten(dst []byte, n fhir.Node) []byte {
	typ := fhir.TypeOf(n.Get("resourceType").Text())
	dst = append(dst, '{')
	first := true
	tagged := false
	for key, v := range n.Fields() {
		if !s.keeps(typ, key) {
			continue
		}
		dst = member(dst, key, &first)
		switch {
		case key == "meta" && v.IsObject():
			dst, tagged = tag(dst, v), true
		case s.summary == "true":
			dst = summarize(dst, typ, key, v)
		default:
			dst = append(dst, v.Raw()...)
		}
	}
	if !tagged {
		dst = member(dst, "meta", &first)
		dst = append(dst, `{"tag":[`+subsetted+`]}`...)
	}
	return append(dst, '}')
}

// member adds a key.
func member(dst []byte, key string, first *bool) []byte {
	if !*first {
		dst = append(dst, ',')
	}
	*first = false
	dst = append(dst, '"')
	dst = append(dst, key...)
	return append(dst, '"', ':')
}

// keeps says whether a top element is shown. What a type cannot be without
// always is.
func (s shape) keeps(typ *fhir.Type, key string) bool {
	name := strings.TrimPrefix(key, "_")
	if name == "resourceType" || name == "id" || name == "meta" || typ == nil {
		return true
	}
	f, _, ok := typ.Key(name)
	if !ok {
		return false
	}
	if f.Min > 0 {
		return true
	}
	listed := len(s.elements) == 0 || slices.ContainsFunc(s.elements, func(e string) bool {
		e = strings.TrimPrefix(e, typ.Name+".")
		return e == f.Name || e == name || e == f.Name+"[x]"
	})
	switch s.summary {
	case "true":
		return f.Summary && listed
	case "text":
		return f.Name == "text"
	case "data":
		return f.Name != "text" && listed
	}
	return listed
}

// summarize adds what a summary shows of v, which is under key in typ.
func summarize(dst []byte, typ *fhir.Type, key string, v fhir.Node) []byte {
	if typ == nil {
		return append(dst, v.Raw()...)
	}
	_, o, ok := typ.Key(key)
	if !ok || o.Type == nil || o.Type.Family != fhir.InnerType || !v.IsArray() && !v.IsObject() {
		return append(dst, v.Raw()...)
	}
	if v.IsObject() {
		return summarizeObject(dst, o.Type, v)
	}
	dst = append(dst, '[')
	first := true
	for e := range v.Each() {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = summarizeObject(dst, o.Type, e)
	}
	return append(dst, ']')
}

// summarizeObject adds the elements of v that are in the summary or have to
// be there. Where that leaves none, v is shown whole: no element is empty.
func summarizeObject(dst []byte, typ *fhir.Type, v fhir.Node) []byte {
	start := len(dst)
	dst = append(dst, '{')
	first := true
	for key, inner := range v.Fields() {
		f, _, ok := typ.Key(strings.TrimPrefix(key, "_"))
		if !ok || !f.Summary && f.Min == 0 {
			continue
		}
		dst = member(dst, key, &first)
		dst = summarize(dst, typ, key, inner)
	}
	if first {
		return append(dst[:start], v.Raw()...)
	}
	return append(dst, '}')
}

// tag adds meta with the tag that says that this is a part.
func tag(dst []byte, meta fhir.Node) []byte {
	dst = append(dst, '{')
	first, done := true, false
	for key, v := range meta.Fields() {
		dst = member(dst, key, &first)
		if key != "tag" || !v.IsArray() {
			dst = append(dst, v.Raw()...)
			continue
		}
		done = true
		raw := v.Raw()
		dst = append(dst, raw[:len(raw)-1]...)
		for range v.Each() {
			dst = append(dst, ',')
			break
		}
		dst = append(dst, subsetted+"]"...)
	}
	if !done {
		dst = member(dst, "tag", &first)
		dst = append(dst, "["+subsetted+"]"...)
	}
	return append(dst, '}')
}
