package link

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Look is what a fetch of a link looked like: facts about the program that
// fetched it, none about the person.
type Look struct {
	Method   string // GET or HEAD
	Agent    string // browser, preview, robot, none
	Language bool   // it sent Accept-Language
	Prefetch bool   // it said that it fetches ahead
}

// The sorts of programs that fetch links.
const (
	browser = "browser"
	preview = "preview" // a messenger or mail client that draws a preview
	robot   = "robot"   // a scanner, a crawler, a library
	none    = "none"    // it did not say
)

// LookOf sorts a fetch by its method and its headers.
func LookOf(method, userAgent, acceptLanguage string, purposes ...string) Look {
	l := Look{Method: "GET", Agent: agentOf(userAgent), Language: acceptLanguage != ""}
	if method == "HEAD" {
		l.Method = "HEAD"
	}
	for _, p := range purposes {
		l.Prefetch = l.Prefetch || strings.Contains(strings.ToLower(p), "prefetch") || strings.Contains(strings.ToLower(p), "preview")
	}
	return l
}

var previews = []string{"facebookexternalhit", "whatsapp", "telegrambot", "twitterbot", "slackbot", "discordbot", "linkedinbot", "skypeuripreview", "googlemessages", "imessage"}
var robots = []string{"bot", "crawl", "spider", "scan", "curl", "wget", "python", "go-http-client", "java/", "okhttp", "libwww", "headless", "proofpoint", "mimecast", "barracuda", "safelinks"}

func agentOf(userAgent string) string {
	ua := strings.ToLower(userAgent)
	switch {
	case ua == "":
		return none
	case containsAny(ua, previews):
		return preview
	case containsAny(ua, robots) || !strings.HasPrefix(ua, "mozilla/"):
		return robot
	}
	return browser
}

func containsAny(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// Actor says who fetched: never a human, for a fetch alone proves none. What
// the person does on the page afterwards does.
func (l Look) Actor() string {
	switch {
	case l.Method == "HEAD", l.Prefetch, l.Agent != browser:
		return "machine"
	case !l.Language:
		return "suspect"
	}
	return "unknown"
}

// Fetch is how often a link was fetched with one look.
type Fetch struct {
	Look
	N           int
	First, Last time.Time
}

// maxLooks bounds what is counted between two flushes, whatever floods in.
const maxLooks = 4096

// looks counts fetches in memory until they are flushed. Counting costs the
// same for every token and makes nobody wait.
type looks struct {
	mu    sync.Mutex
	count map[lookKey]int64
}

type lookKey struct {
	token [32]byte // SHA-256
	look  Look
}

func newLooks() *looks { return &looks{count: map[lookKey]int64{}} }

// Fetched counts one fetch of token, if there is such a link. It reads and
// writes no table; Flush does.
func (s *Store) Fetched(token string, l Look) {
	var k lookKey
	_, _ = hex.Decode(k.token[:], []byte(hash(token))) // always 64 digits
	k.look = l
	s.looks.mu.Lock()
	defer s.looks.mu.Unlock()
	if _, ok := s.looks.count[k]; ok || len(s.looks.count) < maxLooks {
		s.looks.count[k]++
	}
}

func (l *looks) take() map[lookKey]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.count) == 0 {
		return nil // the map that is still written to stays here
	}
	taken := l.count
	l.count = map[lookKey]int64{}
	return taken
}

// Flush writes down the fetches that were counted. Those of unknown tokens
// are forgotten.
func (s *Store) Flush(ctx context.Context) error {
	taken := s.looks.take()
	if len(taken) == 0 {
		return nil
	}
	links, err := s.byHash(ctx, taken)
	if err != nil || len(links) == 0 {
		return err
	}
	const head = `insert into link_fetch (link, method, agent, language, prefetch, actor, n, first_at, last_at)`
	const tail = `
		on conflict (link, method, agent, language, prefetch)
		do update set n = link_fetch.n + excluded.n, last_at = excluded.last_at`
	var args []any
	now := s.now().UnixMicro()
	for k, n := range taken {
		if id := links[hex.EncodeToString(k.token[:])]; id != "" {
			args = append(args, id, k.look.Method, k.look.Agent, digit(k.look.Language), digit(k.look.Prefetch), k.look.Actor(), n, now, now)
		}
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error { return db.InsertMany(ctx, tx, head, tail, 9, args) })
	if err != nil {
		return fmt.Errorf("link: flush: %w", err)
	}
	return nil
}

// byHash returns the ids of the links among taken, by their token's hash.
func (s *Store) byHash(ctx context.Context, taken map[lookKey]int64) (map[string]string, error) {
	seen := map[string]bool{}
	var hashes []string
	for k := range taken {
		if h := hex.EncodeToString(k.token[:]); !seen[h] {
			seen[h] = true
			hashes = append(hashes, h)
		}
	}
	const atOnce = 256
	ids := map[string]string{}
	for len(hashes) > 0 {
		n := min(len(hashes), atOnce)
		q := `select id, token_hash from link where token_hash in (` + db.In(1, n) + `)`
		found, err := db.All(ctx, s.db, readPair, q, db.Args(hashes[:n])...)
		if err != nil {
			return nil, fmt.Errorf("link: flush: %w", err)
		}
		for _, p := range found {
			ids[p[1]] = p[0]
		}
		hashes = hashes[n:]
	}
	return ids, nil
}

func readPair(scan db.Scan) (p [2]string, err error) {
	err = scan(&p[0], &p[1])
	return p, err
}

// Fetches returns how the links of message were fetched, first look first.
func (s *Store) Fetches(ctx context.Context, pass access.Pass, message string) ([]Fetch, error) {
	const q = `
		select f.method, f.agent, f.language, f.prefetch, f.n, f.first_at, f.last_at
		from link l
		join link_fetch f on f.link = l.id
		where l.patient = $1 and l.message = $2
		order by f.first_at, f.method, f.agent, f.language, f.prefetch`
	patient, err := pass.Open(access.ReadDecisions)
	if err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.db, readFetch, q, patient, message)
	if err != nil {
		return nil, fmt.Errorf("link: fetches of message %s: %w", message, err)
	}
	return list, nil
}

func readFetch(scan db.Scan) (f Fetch, err error) {
	var language, prefetch int
	var first, last int64
	err = scan(&f.Method, &f.Agent, &language, &prefetch, &f.N, &first, &last)
	f.Language, f.Prefetch = language == 1, prefetch == 1
	f.First, f.Last = time.UnixMicro(first).UTC(), time.UnixMicro(last).UTC()
	return f, err
}

func digit(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// flushEvery and sweepEvery are how often Run writes down fetches and
// forgets browsers and sessions that ended.
const (
	flushEvery = time.Second
	sweepEvery = time.Hour
)

// Run writes down fetches and forgets what ended, until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	flush, sweep := time.NewTicker(flushEvery), time.NewTicker(sweepEvery)
	defer flush.Stop()
	defer sweep.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return s.Flush(context.WithoutCancel(ctx))
		case <-flush.C:
			err = s.Flush(ctx)
		case <-sweep.C:
			err = s.Sweep(ctx)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// Sweep forgets browsers and sessions that ended.
func (s *Store) Sweep(ctx context.Context) error {
	now := s.now().UnixMicro()
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		for _, q := range []string{
			`delete from link_device where expires_at <= $1`,
			`delete from link_session where expires_at <= $1`,
		} {
			if _, err := tx.ExecContext(ctx, q, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("link: sweep: %w", err)
	}
	return nil
}
