package library_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/haletest"
	"hale/internal/reach/library"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

// A version that was approved by somebody else stays as it is; a change makes
// the next one.
func TestStore(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		clock := func() time.Time { return haletest.Noon }
		s := library.NewStore(d, ids.NewSource(clock, rand.Reader), clock)
		as := func(id string) access.Pass {
			a := access.Actor{ID: id, Kind: access.Staff, Name: id, Roles: []access.Role{access.Nurse}, Proof: access.Proof{Zone: access.PortalZone}}
			p, err := haletest.Doors(d).CheckAll(t.Context(), a, access.RunOutreach)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		ctx, ada, ben := t.Context(), as("ada"), as("ben")
		words := func(body string) template.Template {
			return template.Template{Sensitivity: 2, Parts: []template.Part{{Channel: template.Page, Lang: "en", Subject: "T", Body: body}}}
		}
		if _, err := s.Save(context.Background(), access.Pass{}, library.Text{Name: "x"}); err == nil {
			t.Error("saved without a right")
		}
		v1, err := s.Save(ctx, ada, library.Text{Name: "Recall", Purpose: "care", Template: words("{{ nothing }}")})
		if err != nil || v1.Version != 1 {
			t.Fatal(v1, err)
		}
		if err := s.Approve(ctx, ben, v1.ID); err == nil {
			t.Error("a text with errors was approved")
		}
		v1.Template = words("Hello.")
		if v1, err = s.Save(ctx, ada, v1); err != nil || v1.Version != 1 {
			t.Fatal(v1, err)
		}
		if err := s.Approve(ctx, ada, v1.ID); !errors.Is(err, library.ErrOwn) {
			t.Errorf("approving one's own = %v", err)
		}
		if list, err := s.Usable(ctx, ada); err != nil || len(list) != 0 {
			t.Errorf("Usable = %v, %v, want none", list, err)
		}
		if err := s.Approve(ctx, ben, v1.ID); err != nil {
			t.Fatal(err)
		}
		v2 := v1
		v2.Template = words("Hello again.")
		if v2, err = s.Save(ctx, ada, v2); err != nil || v2.Version != 2 || v2.ID == v1.ID || v2.State != library.Draft {
			t.Fatal(v2, err)
		}
		if _, err := s.Save(ctx, ben, v1); !errors.Is(err, library.ErrOpen) {
			t.Errorf("a second draft = %v", err)
		}
		if got, err := s.Get(ctx, ben, v1.ID); err != nil || got.Template.Parts[0].Body != "Hello." || got.EndedBy != "ben" {
			t.Errorf("the approved version is %+v, %v", got, err)
		}
		if list, err := s.Usable(ctx, ada); err != nil || len(list) != 1 || list[0].ID != v1.ID {
			t.Errorf("Usable = %v, %v, want the first version", list, err)
		}
		if list, err := s.List(ctx, ada); err != nil || len(list) != 1 || list[0].ID != v2.ID {
			t.Errorf("List = %v, %v, want the second version", list, err)
		}
		if err := s.Retire(ctx, ada, v1.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.Approve(ctx, ben, v1.ID); !errors.Is(err, library.ErrFixed) {
			t.Errorf("approving what is retired = %v", err)
		}
		if list, err := s.Versions(ctx, ada, v1.Key); err != nil || len(list) != 2 || list[0].Version != 2 {
			t.Errorf("Versions = %v, %v", list, err)
		}
	})
}
