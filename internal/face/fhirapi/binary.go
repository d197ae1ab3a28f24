package fhirapi

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	"hale/internal/base/errs"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
)

// binary shows a Binary as what it is, unless FHIR is asked for.
//
// Spec: https://hl7.org/fhir/R4/binary.html#rest
func (a *API) binary(c *Call, r record.Resource) (Answer, error) {
	out := resourceAnswer(r)
	n, err := fhir.Parse(out.Body)
	if err != nil {
		return Answer{}, errs.New(errs.Internal, errs.Say(nil)).Because(err)
	}
	if err := a.guarded(c, n); err != nil {
		return Answer{}, err
	}
	media := n.Get("contentType").Text()
	if c.inside {
		out.Body, err = c.shape.of(out.Body)
		return out, err
	}
	if asked := c.Query.Get("_format"); asked != "" || wantsFHIR(c.Header("Accept"), media) {
		if err := c.readShape(); err != nil {
			return Answer{}, err
		}
		out.Body, err = c.shape.of(out.Body)
		return out, err
	}
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Get("data").Text()), ""))
	if err != nil {
		return Answer{}, errs.New(errs.Internal, errs.Say(nil)).Because(err)
	}
	if _, _, err := mime.ParseMediaType(media); err != nil {
		media = "application/octet-stream"
	}
	out.Body, out.Type = data, media
	out.Header = append(out.Header, [2]string{"Content-Disposition", "attachment"})
	return out, nil
}

// guarded says whether who asks may see what a Binary's security context
// leads to.
//
// Spec: https://hl7.org/fhir/R4/binary.html#security
func (a *API) guarded(c *Call, n fhir.Node) error {
	typ, id := n.Get("securityContext").Reference()
	if typ == "" {
		return nil
	}
	pass, err := a.passFor(c, typ, id, smart.Read)
	if err != nil {
		return errNotFound
	}
	if _, err := a.Record.Get(c.Context(), pass, typ, id); err != nil {
		return sameAsMissing(err)
	}
	return nil
}

// wantsFHIR says whether an Accept header asks for the resource, rather than
// for what is in it.
func wantsFHIR(accept, media string) bool {
	for one := range strings.SplitSeq(accept, ",") {
		bare, _, _ := strings.Cut(one, ";")
		bare = strings.ToLower(strings.TrimSpace(bare))
		if bare == "application/fhir+json" || bare == "application/json" && media != "application/json" {
			return true
		}
	}
	return false
}

// wrapBinary makes a Binary of a body that is none of FHIR's.
func wrapBinary(c *Call) (body []byte, made bool, err error) {
	media := c.Header("Content-Type")
	if media == "" {
		return nil, false, refuse(http.StatusUnsupportedMediaType, "required", "http.Content-Type", "Say what it is: Content-Type.")
	}
	bare, _, _ := strings.Cut(media, ";")
	if bare = strings.ToLower(strings.TrimSpace(bare)); bare == "application/fhir+json" || bare == "application/fhir+xml" {
		return nil, false, nil
	}
	raw, err := c.Body()
	if err != nil {
		return nil, false, err
	}
	if bare == "application/json" || bare == "text/json" {
		if n, err := fhir.Parse(raw); err == nil && n.Get("resourceType").Text() == "Binary" {
			return nil, false, nil
		}
	}
	if _, _, err := mime.ParseMediaType(media); err != nil {
		return nil, false, refuse(http.StatusUnsupportedMediaType, "value", "http.Content-Type", "Content-Type is no media type.")
	}
	out := struct {
		ResourceType    string     `json:"resourceType"`
		ID              string     `json:"id,omitempty"`
		ContentType     string     `json:"contentType"`
		SecurityContext *reference `json:"securityContext,omitempty"`
		Data            []byte     `json:"data,omitempty"`
	}{"Binary", c.ID, media, nil, raw}
	if at := c.Header("X-Security-Context"); at != "" {
		if typ, _ := fhir.SplitReference(at); typ == "" {
			return nil, false, refuse(http.StatusBadRequest, "value", "http.X-Security-Context", "X-Security-Context is a reference such as Patient/123.")
		}
		out.SecurityContext = &reference{at}
	}
	body, err = json.Marshal(out)
	return body, true, err
}

type reference struct {
	Reference string `json:"reference"`
}
