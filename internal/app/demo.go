package app

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"hale/internal/base/seal"
	"hale/internal/demo/carrier"
	"hale/internal/demo/mailbox"
	"hale/internal/demo/residents"
	"hale/internal/demo/street"
	"hale/internal/demo/till"
	"hale/internal/demo/town"
	"hale/internal/face/portal"
	"hale/internal/face/web"
)

// DemoConfig says what town to make.
type DemoConfig struct {
	Seed   uint64
	People int
	Quiet  bool               // the residents do nothing by themselves
	Step   func(words string) // told what is being made; may be nil
}

// Demo is the town around a Hale: its people, phones and mail boxes.
type Demo struct {
	c      DemoConfig
	town   *town.Town
	phones *carrier.Carrier
	mail   *mailbox.Server
	till   *till.Till
	street *street.Street
	signs  []portal.DemoSignIn
}

// Ready is what a visitor needs to know.
type Ready struct {
	Addr    string // http://HOST:PORT as it was asked for
	URL     string // what links begin with
	SignIns []town.SignIn
	People  int
	Took    time.Duration
	Clock   string // what time it is there
}

// ServeDemo makes a town, lets its people live, and runs Hale for it until
// ctx ends.
func ServeDemo(ctx context.Context, c Config, dc DemoConfig, ready func(Ready)) error {
	now := c.Now
	began := now()
	listen, err := listen(&c)
	if err != nil {
		return err
	}
	defer listen.Close()
	if err := setClock(ctx, &c); err != nil {
		return err
	}
	demo, err := openDemo(&c, dc)
	if err != nil {
		return err
	}
	defer demo.close()
	a, err := build(ctx, c, demo)
	if err != nil {
		return err
	}
	defer a.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return demo.mail.Run(ctx) })
	group.Go(func() error { return demo.phones.Run(ctx, "http://"+c.Addr+"/hooks/text") })
	group.Go(func() error { return demo.till.Run(ctx, c.base(), "http://"+c.Addr+hooksStripe) })
	if !dc.Quiet {
		people := residents.New(residents.Config{
			Town: demo.town, DB: a.db, Doors: a.Doors, Visits: a.Visits, Links: a.links, Phones: demo.phones, Reader: a.Reach,
			Base: c.base(), Log: c.Log, Now: c.Now,
		})
		demo.phones.OnText(people.Text)
		demo.mail.OnMail(people.Mail)
		group.Go(func() error { return people.Run(ctx) })
	}
	group.Go(func() error {
		return a.run(ctx, listen, func(addr string) {
			ready(Ready{Addr: addr, URL: c.base(), SignIns: demo.town.SignIns, People: len(demo.town.Residents), Took: now().Sub(began), Clock: c.Now().In(c.Clinic.Zone).Format("Monday 3:04 pm")})
		})
	})
	return group.Wait()
}

// setClock makes it daytime in the town.
func setClock(ctx context.Context, c *Config) error {
	zone, err := town.Zone()
	if err != nil {
		return err
	}
	last, err := lastChange(ctx, *c)
	if err != nil {
		return err
	}
	c.Now = townClock(c.Now, zone, last)
	c.Clinic.Zone = zone
	return nil
}

// openDemo starts the town's mail server and phone company and points c at
// them.
func openDemo(c *Config, dc DemoConfig) (*Demo, error) {
	d := &Demo{c: dc}
	var err error
	if d.mail, err = mailbox.Open(mailbox.Config{Now: c.Now, Log: c.Log}); err != nil {
		return nil, err
	}
	c.Text.Secret = seal.Token(32)
	if d.phones, err = carrier.Open(carrier.Config{Secret: c.Text.Secret, Now: c.Now, Log: c.Log}); err != nil {
		_ = d.mail.Close()
		return nil, err
	}
	key, sign := "sk_test_"+seal.Token(24), seal.Token(32)
	if d.till, err = till.Open(till.Config{Secret: key, Sign: sign, Now: c.Now, Log: c.Log}); err != nil {
		_, _ = d.mail.Close(), d.phones.Close()
		return nil, err
	}
	c.Bills.Stripe = Stripe{Base: d.till.URL(), Secret: key, Hooks: []string{sign}, Private: true}
	c.State = "IL"
	c.Clinic.Name, c.Clinic.Phone, c.Clinic.Address = town.Clinic, town.ClinicPhone, town.ClinicAddress
	c.Mail = Mail{Server: d.mail.Addr(), From: "care@riverside.example", TLS: "required", CA: d.mail.CA(), Onward: true}
	c.Text.URL, c.Text.From = d.phones.URL(), town.ClinicPhone
	c.Text.Registered = Registration{Kind: "10dlc", Brand: "TOWN", Campaign: "TOWN-CARE", UseCase: "MIXED", Status: approved, Since: "2026-01-05"} // with the town's own carrier
	return d, nil
}

func (d *Demo) close() {
	_ = d.mail.Close()
	_ = d.phones.Close()
	_ = d.till.Close()
}

func (d *Demo) step(words string) {
	if d.c.Step != nil {
		d.c.Step(words)
	}
}

// settle brings the town's people and their two years of history into the
// record, and their accounts with them.
func (d *Demo) settle(ctx context.Context, a *App) error {
	day, before, err := residents.Settled(ctx, a.db, d.c.Seed)
	if err != nil {
		return err
	}
	if before { // their record goes on from where it was
		d.town, err = town.Generate(io.Discard, d.c.Seed, d.c.People, day)
		return err
	}
	d.step(fmt.Sprintf("%d people move to %s, each with two years of history", d.c.People, town.Name))
	pipe, write := io.Pipe()
	made := make(chan error, 1)
	go func() {
		var err error
		d.town, err = town.Generate(write, d.c.Seed, d.c.People, a.c.Now())
		_ = write.CloseWithError(err)
		made <- err
	}()
	report, err := a.Importer("demo town").ImportStream(ctx, town.Name, pipe, nil)
	_ = pipe.CloseWithError(err)
	if madeErr := <-made; madeErr != nil {
		return madeErr
	}
	if err != nil {
		return err
	}
	if len(report.Bad) > 0 {
		return fmt.Errorf("demo: entry %d of the town is bad at %s: %s", report.Bad[0].Entry, report.Bad[0].Place, report.Bad[0].Reason)
	}
	if err := a.demoFeeds(ctx); err != nil {
		return err
	}
	offices := residents.Offices{DB: a.db, Doors: a.Doors, Accounts: a.Accounts, Consents: a.consents, Contacts: a.contacts}
	if err := residents.Settle(ctx, offices, d.town); err != nil {
		return err
	}
	for _, do := range []func(context.Context, *App) error{d.guarded, d.families, d.apps, d.writesUs, d.askClinic, d.lends, d.set, d.today} {
		if err := do(ctx, a); err != nil {
			return err
		}
	}
	if err := a.demoForms(ctx, town.Maria); err != nil {
		return err
	}
	if err := d.tellsFamily(ctx, a); err != nil {
		return err
	}
	d.step("an outreach of last month runs its course")
	_, err = residents.Past(ctx, residents.Before{
		Town: d.town, DB: a.db, Key: a.c.Key, Keys: a.Keys, Clinic: a.c.writer(), Base: a.c.base(), Views: views(),
	})
	if err != nil {
		return err
	}
	return d.talks(ctx, a)
}

// offer lists the sign-ins that a visitor may step into with one tap.
func (d *Demo) offer() {
	for _, s := range d.town.SignIns {
		if !s.Main {
			continue
		}
		address := s.Email
		if address == "" {
			address = s.Phone
		}
		d.signs = append(d.signs, portal.DemoSignIn{Label: capital(s.What), Name: s.Name, Address: address})
	}
}

// capital begins a line with a capital letter.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// signIns are the ready sign-ins; none outside the demo.
func (d *Demo) signIns() []portal.DemoSignIn {
	if d == nil {
		return nil
	}
	return d.signs
}

// routes adds the town's phones and mail boxes to the site.
func (d *Demo) routes(mux *web.Mux, a *App) {
	if d == nil {
		return
	}
	d.street = street.New(street.Config{Site: a.site, Phones: d.phones, Mail: d.mail, Name: owners(d.town)})
	d.till.Routes(mux, a.site)
	mux.Mount("/town", d.street.Handler())
	mux.Mount("/town/", d.street.Handler())
}

// owners says who has a phone or a mail box, and when they were born, which
// is what a visitor needs to open their links.
func owners(t *town.Town) func(address string) string {
	who := map[string]string{}
	add := func(address, words string) {
		if address != "" && who[address] != "" {
			words = who[address] + "; " + words
		}
		who[address] = words
	}
	for _, r := range t.Residents {
		born := r.Born
		if day, err := time.Parse(time.DateOnly, r.Born); err == nil {
			born = day.Format("January 2, 2006")
		}
		add(r.Phone, r.Name+", born "+born)
		add(r.Email, r.Name+", born "+born)
	}
	for _, s := range t.SignIns {
		if s.Patient == "" {
			add(s.Email, s.Name)
		}
	}
	return func(address string) string { return who[address] }
}
