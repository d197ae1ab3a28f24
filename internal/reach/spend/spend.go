// Package spend bounds the texts that strangers can have us send: sign-in
// codes and fresh links. Whoever asks for many, to numbers that pay them for
// each, earns nothing here.
//
// A text counts to its number, to the network that asked for it, to the first
// digits of its number and to all there are in the hour; the first of them
// that is full refuses it, and the refusal is counted.
//
// Spec: how artificial inflation of traffic is met, as the carriers' own
// guides have it: known countries only, few to one number, an hourly budget
package spend

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"hale/internal/base/phone"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// Limits are how many texts strangers may bring about. Zero is the default.
type Limits struct {
	Countries []string // ISO regions that texts go to; default US
	Hour      int      // in all, in one hour; default 1000
	Prefix    int      // to numbers with the same first digits, in one hour; default 300
	Number    int      // to one number, in one hour; default 10
	Day       int      // to one number, in a day; default 30
	Network   int      // asked for from one network, in one hour; default 300
}

// Full returns l with its defaults.
func (l Limits) Full() Limits {
	if len(l.Countries) == 0 {
		l.Countries = []string{"US"}
	}
	for _, v := range []struct {
		n       *int
		without int
	}{{&l.Hour, 1000}, {&l.Prefix, 300}, {&l.Number, 10}, {&l.Day, 30}, {&l.Network, 300}} {
		if *v.n <= 0 {
			*v.n = v.without
		}
	}
	return l
}

// The reasons to refuse.
const (
	Country = "country"
	Number  = "number"
	Network = "network"
	Prefix  = "prefix"
	Budget  = "budget"
)

// netKey is the context's key of the network that asks.
type netKey struct{}

// WithNetwork returns a context that says from which address a request came.
func WithNetwork(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, netKey{}, address)
}

// network is the network of the address in ctx: of IPv6 the first 64 bits,
// which one customer has; "" where nobody asked from outside.
func network(ctx context.Context) string {
	text, _ := ctx.Value(netKey{}).(string)
	a, err := netip.ParseAddr(text)
	if err != nil {
		return ""
	}
	bits := 32
	if a = a.Unmap(); a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// prefix is what numbers that one owner bought together begin with: for North
// America the area code and the exchange, else the country's code and a
// little.
func prefix(number string) string {
	if strings.HasPrefix(number, "+1") {
		return number[:min(len(number), 8)]
	}
	return number[:min(len(number), 6)]
}

// count is one bucket and how much it holds.
type count struct {
	kind, bucket string
	most         int
	reason       string
}

// Take counts a text to a number in the transaction that makes it. It returns
// why there may be none; the refusal is counted then and the transaction must
// still be kept.
func Take(ctx context.Context, tx *db.Tx, key seal.Key, l Limits, to string, now time.Time) (refused string, err error) {
	l, hour, key := l.Full(), now.Unix()/3600, key.For("spend")
	hashed := func(kind, v string) string { return key.Hash(kind + " " + v)[:32] }
	counts := []count{
		{"number", hashed("number", to), l.Number, Number},
		{"prefix", prefix(to), l.Prefix, Prefix},
		{"all", "all", l.Hour, Budget},
	}
	if net := network(ctx); net != "" {
		counts = slices.Insert(counts, 1, count{"net", hashed("net", net), l.Network, Network})
	}
	if !slices.Contains(l.Countries, phone.Number(to).Region()) {
		refused = Country
	}
	const add = `
		insert into text_spend (kind, bucket, hour, n, refused) values ($1, $2, $3, $4, $5)
		on conflict (kind, bucket, hour) do update set n = text_spend.n + excluded.n, refused = text_spend.refused + excluded.refused
		returning n`
	for _, c := range counts { // the rows are locked in one order, whoever asks
		n, err := db.One(ctx, tx, db.Value[int], add, c.kind, c.bucket, hour, 1, 0)
		if err != nil {
			return "", fmt.Errorf("spend: %w", err)
		}
		if n > c.most && refused == "" {
			refused = c.reason
		}
	}
	if refused == "" {
		const day = `select coalesce(sum(n), 0) from text_spend where kind = 'number' and bucket = $1 and hour > $2`
		n, err := db.One(ctx, tx, db.Value[int], day, counts[0].bucket, hour-24)
		if err != nil {
			return "", fmt.Errorf("spend: %w", err)
		}
		if n > l.Day {
			refused = Number
		}
	}
	if refused == "" {
		return "", nil
	}
	for _, c := range counts {
		if _, err := db.One(ctx, tx, db.Value[int], add, c.kind, c.bucket, hour, -1, 1); err != nil {
			return "", fmt.Errorf("spend: %w", err)
		}
	}
	return refused, nil
}

// Hour is what an hour brought.
type Hour struct{ Sent, Refused int }

// Last returns what this hour and the one before brought.
func Last(ctx context.Context, c db.Conn, now time.Time) (h Hour, err error) {
	const q = `select coalesce(sum(n), 0), coalesce(sum(refused), 0) from text_spend where kind = 'all' and hour >= $1`
	h, err = db.One(ctx, c, func(scan db.Scan) (h Hour, err error) {
		err = scan(&h.Sent, &h.Refused)
		return h, err
	}, q, now.Unix()/3600-1)
	if err != nil {
		return h, fmt.Errorf("spend: last: %w", err)
	}
	return h, nil
}

// Sweep forgets what is older than two days.
func Sweep(ctx context.Context, tx *db.Tx, now time.Time) error {
	_, err := tx.ExecContext(ctx, `delete from text_spend where hour < $1`, now.Unix()/3600-48)
	return err
}
