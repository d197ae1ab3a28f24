package journey

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"hale/internal/access"
	"hale/internal/reach/segment"
	"hale/internal/store/db"
)

const (
	memberPage  = 20_000 // people found at a time
	memberBatch = 100    // people written in one transaction, which others wait for
)

// crossing is somebody who came into a segment or left it. Who is gone left
// the record with it, and nothing is begun for them.
type crossing struct {
	patient string
	gone    bool
}

// follows says whether it matters to d who is in the segment it is about.
func (d *Definition) follows() bool {
	if d.Trigger.Segment == nil {
		return false
	}
	return d.Trigger.On == Entered || d.Trigger.On == Left || d.asksOfSegment()
}

// asksOfSegment says whether coming into the segment, or leaving it, means
// something to d after it has begun.
func (d *Definition) asksOfSegment() bool {
	about := func(event string) bool { return event == Entered || event == Left }
	return about(d.Goal) || slices.ContainsFunc(d.Nodes, func(n Node) bool { return about(n.Until) || about(n.Is) })
}

// lookIn notes who came into the segment of o and who left it since the last
// look, and takes them in. They are found outside the transactions, and each
// transaction moves only those of its few whom no other has moved: so whatever
// dies between two of them, or looks at the same moment, nobody is taken in
// twice, and nobody is forgotten.
func (s *Store) lookIn(ctx context.Context, pass access.Pass, o open) error {
	whole, err := s.begun(ctx, o)
	if err != nil {
		return err
	}
	for _, on := range []string{Left, Entered} {
		after := ""
		for {
			list, err := s.crossed(ctx, pass, o, on, after)
			if err != nil {
				return err
			}
			for some := range slices.Chunk(list, memberBatch) {
				if err := s.cross(ctx, pass, o, on, some, whole); err != nil {
					return err
				}
			}
			if len(list) < memberPage {
				break
			}
			after = list[len(list)-1].patient
		}
	}
	if whole {
		return nil
	}
	_, err = s.DB.ExecContext(ctx, `update journey_segment set whole = 1 where journey = $1`, o.id)
	return err
}

// begun says whether those are written down who were in the segment when o
// began to be about it: they did not come. They are not, either, when a new
// version asks for others.
func (s *Store) begun(ctx context.Context, o open) (bool, error) {
	text, err := json.Marshal(o.d.Trigger.Segment)
	if err != nil {
		return false, err
	}
	sum := sha256.Sum256(text)
	about := hex.EncodeToString(sum[:])
	const q = `select case when about = $2 then whole when about = '' then 2 else 0 end from journey_segment where journey = $1`
	known, err := db.All(ctx, s.DB, db.Value[int], q, o.id, about)
	if err != nil || len(known) == 1 && known[0] == 1 {
		return err == nil, err
	}
	whole := len(known) == 1 && known[0] == 2 // from before digests were kept
	const keep = `insert into journey_segment (journey, about, whole) values ($1, $2, $3)
		on conflict (journey) do update set about = excluded.about, whole = excluded.whole`
	n := 0
	if whole {
		n = 1
	}
	_, err = s.DB.ExecContext(ctx, keep, o.id, about, n)
	return whole, err
}

// crossed are the next people after one who came or left.
func (s *Store) crossed(ctx context.Context, pass access.Pass, o open, on, after string) ([]crossing, error) {
	inner, args, err := segment.Compile(pass, *o.d.Trigger.Segment, s.Now())
	if err != nil {
		return nil, err
	}
	const came = `select s.id, 0 from (%[1]s) s
		where s.id not in (select m.patient from journey_member m where m.journey = $%[2]d and m.inside = 1) and s.id > $%[3]d
		order by s.id limit $%[4]d`
	const left = `select m.patient, case when p.active = 1 and p.deceased = 0 then 0 else 1 end
		from journey_member m left join person p on p.id = m.patient
		where m.journey = $%[2]d and m.inside = 1 and m.patient > $%[3]d and m.patient not in (select s.id from (%[1]s) s)
		order by m.patient limit $%[4]d`
	form := came
	if on == Left {
		form = left
	}
	k := len(args)
	q := fmt.Sprintf(form, inner, k+1, k+2, k+3)
	return db.All(ctx, s.DB, func(scan db.Scan) (c crossing, err error) {
		err = scan(&c.patient, &c.gone)
		return c, err
	}, q, append(args, o.id, after, memberPage)...)
}

// cross writes down that some came or left, and takes in those of them whom
// this is news of. Before everybody is written down it is news of nobody.
func (s *Store) cross(ctx context.Context, pass access.Pass, o open, on string, some []crossing, whole bool) error {
	return s.DB.Tx(ctx, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "journey"); err != nil {
			return err
		}
		now := s.Now()
		at := db.Micro(now)
		if !whole {
			at = 0
		}
		moved, err := s.moved(ctx, tx, o.id, on, some, at)
		if err != nil || !whole {
			return err
		}
		var causes []cause
		for _, c := range some {
			if !c.gone && slices.Contains(moved, c.patient) {
				causes = append(causes, cause{on: on, patient: c.patient, key: crossings[on] + "/" + fmt.Sprint(at), at: now})
			}
		}
		return s.into(ctx, tx, pass, o, causes)
	})
}

// crossings begin the keys of causes.
var crossings = map[string]string{Entered: "entered", Left: "left"}

// moved returns those of some whom nobody moved before. At 0 they were there,
// or not there, from the beginning.
func (s *Store) moved(ctx context.Context, tx *db.Tx, journey, on string, some []crossing, at int64) ([]string, error) {
	if on == Left {
		args := []any{journey, at}
		for _, c := range some {
			args = append(args, c.patient)
		}
		q := `update journey_member set inside = 0, left_at = case when cast($2 as bigint) > 0 then cast($2 as bigint) else left_at end
			where journey = $1 and inside = 1 and patient in (` + db.In(3, len(some)) + `) returning patient`
		return db.All(ctx, tx, db.Value[string], q, args...)
	}
	var rows []any
	for _, c := range some {
		rows = append(rows, journey, c.patient, at)
	}
	return db.InsertReturning(ctx, tx, db.Value[string], `insert into journey_member (journey, patient, at)`, movedIn, 3, rows)
}

// inside has somebody in the segment again who was not; movedIn tells who
// that is.
const (
	inside = `on conflict (journey, patient) do update set inside = 1, at = case when excluded.at > 0 then excluded.at else journey_member.at end
	where journey_member.inside = 0`
	movedIn = inside + ` returning patient`
)
