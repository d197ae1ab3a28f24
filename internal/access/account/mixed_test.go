package account_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/haletest"
)

// BenchmarkMixed signs in by password as fast as the gate lets it while
// pages look up who is asking: it reports sign-ins a second and the time
// under which 95 of 100 pages stay. The goals on two idle cores are 40 and
// 350 ms.
func BenchmarkMixed(b *testing.B) {
	d := haletest.SQLite(b)
	s := account.NewStore(d, haletest.IDs(), time.Now, haletest.Key)
	a, err := s.Add(b.Context(), ada)
	if err != nil {
		b.Fatal(err)
	}
	home, err := s.Enter(b.Context(), s.Vouched(a), iphone)
	if err != nil {
		b.Fatal(err)
	}
	_, in, err := s.Actor(b.Context(), home.Token)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.SetPassword(b.Context(), in, good); err != nil {
		b.Fatal(err)
	}
	doors := haletest.Doors(d)
	stop := make(chan struct{})
	var logins atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				_, err := s.Password(b.Context(), account.Browser{Device: home.Device}, ada.Email, good)
				if err == nil {
					logins.Add(1)
				} else if errs.KindOf(err) != errs.TooMany {
					b.Error(err)
					return
				}
			}
		})
	}
	var pages []time.Duration
	begin := time.Now()
	for b.Loop() {
		start := time.Now()
		actor, _, err := s.Actor(b.Context(), home.Token)
		if err == nil {
			_, err = doors.Check(b.Context(), actor, access.ReadMessages, "ada")
		}
		if err != nil {
			b.Fatal(err)
		}
		pages = append(pages, time.Since(start))
		time.Sleep(5 * time.Millisecond) // some 200 pages a second
	}
	took := time.Since(begin)
	close(stop)
	wg.Wait()
	slices.Sort(pages)
	b.ReportMetric(float64(logins.Load())/took.Seconds(), "logins/s")
	b.ReportMetric(float64(pages[len(pages)*95/100].Microseconds())/1000, "p95-ms")
	b.ReportMetric(0, "ns/op")
}
