package draft_test

import (
	"bytes"
	"context"
	"net/url"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/draft"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

func TestStoreKeep(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		ctx, now := context.Background(), haletest.Noon
		clock := func() time.Time { return now }
		accounts := account.NewStore(d, haletest.IDs(), clock, haletest.Key)
		var who [2]string
		for i, email := range []string{"maria@example.org", "jo@example.org"} {
			a, err := accounts.Add(ctx, account.Account{Kind: access.Staff, Name: "Maria", Email: email})
			if err != nil {
				t.Fatal(err)
			}
			who[i] = a.ID
		}
		s := draft.NewStore(d, haletest.Key, clock)
		want := draft.Draft{Action: "/inbox/1", Fresh: true, Form: url.Values{"text": {"My knee hurts"}, "to": {"a", "b"}}}
		token, err := s.Keep(ctx, who[0], want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Get(ctx, who[0], token)
		if err != nil || got.Action != want.Action || !got.Fresh || got.Form.Encode() != want.Form.Encode() {
			t.Errorf("Get = %+v, %v, want %+v", got, err, want)
		}
		for name, ask := range map[string][2]string{"another's": {who[1], token}, "another token": {who[0], token + "x"}} {
			if _, err := s.Get(ctx, ask[0], ask[1]); errs.KindOf(err) != errs.NotFound {
				t.Errorf("Get of %s draft = %v, want NotFound", name, err)
			}
		}
		sealed, err := db.One(ctx, d, db.Value[[]byte], `select sealed from draft`)
		if err != nil || bytes.Contains(sealed, []byte("knee")) {
			t.Errorf("the row is %q, %v, want it sealed", sealed, err)
		}
		now = now.Add(draft.Life)
		if _, err := s.Get(ctx, who[0], token); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Get after its life = %v, want NotFound", err)
		}
		second, err := s.Keep(ctx, who[0], want)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := db.One(ctx, d, db.Value[int], `select count(*) from draft`); err != nil || n != 1 {
			t.Errorf("%d drafts, %v, want the last alone", n, err)
		}
		if err := s.Drop(ctx, who[0]); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(ctx, who[0], second); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Get after Drop = %v, want NotFound", err)
		}
	})
}

func TestStoreKeepNoSecrets(t *testing.T) {
	s := draft.NewStore(haletest.SQLite(t), haletest.Key, haletest.Clock(haletest.Noon))
	for _, name := range []string{"password", "code", "words"} {
		if _, err := s.Keep(context.Background(), "a", draft.Draft{Form: url.Values{name: {"x"}}}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Keep of a form with a %s = %v, want it refused", name, err)
		}
	}
}
