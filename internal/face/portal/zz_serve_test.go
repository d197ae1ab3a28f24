package portal_test

import (
	"net/http"
	"os"
	"testing"

	"hale/internal/access"
	"hale/internal/feed/bulk"
	"hale/internal/haletest"
	"hale/internal/record"
)

func TestServe(t *testing.T) {
	addr := os.Getenv("SERVE")
	if addr == "" {
		t.Skip()
	}
	d := haletest.SQLite(t)
	h := newHouse(t, d)
	h.maria(t)
	v, err := h.visits.Book(t.Context(), haletest.Pass(t, d, "maria", access.BookVisits), "fu-60", how)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(v)
	rep, err := bulk.New(h.records, d, record.Source{Actor: access.SystemActor("import", access.WriteRecord), Feed: "Synthea"}).Import(t.Context(), haletest.Data(t, "fhir/synthea"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", rep)
	actors["ammie"] = access.Actor{Kind: access.Patient, ID: "a-am", Name: "Ammie Huels", Patient: "aa0b29d0-6916-4fb7-85f0-6e42370dd5fa"}
	http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if as := r.URL.Query().Get("as"); as != "" {
			r.AddCookie(&http.Cookie{Name: "hale", Value: as})
			if r.URL.Query().Get("lang") != "" {
				r.AddCookie(&http.Cookie{Name: "hale-lang", Value: r.URL.Query().Get("lang")})
			}
		}
		h.handler.ServeHTTP(w, r)
	}))
}
