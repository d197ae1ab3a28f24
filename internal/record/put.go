package record

import (
	"context"
	"fmt"
	"time"

	"hale/internal/base/errs"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

var errChanged = errs.New(errs.Conflict, "Somebody else changed this in the meantime. Please look at it again.")

// PutAll writes drafts in tx: it checks their shape, keeps the version
// before, writes the search index, lets the views follow and notes the
// event. A body that is the current one byte for byte is no change and not in
// the result. The error for a draft that cannot be taken is errs.Invalid and
// has an *InvalidError.
func (s *Store) PutAll(ctx context.Context, tx *db.Tx, src Source, drafts []Draft) ([]Change, error) {
	list := make([]Prepared, 0, len(drafts))
	for _, d := range drafts {
		p, err := s.Prepare(d)
		if err != nil {
			return nil, fmt.Errorf("record: put: %w", err)
		}
		list = append(list, p)
	}
	return s.PutPrepared(ctx, tx, src, list)
}

// PutPrepared is PutAll for what Prepare has made ready.
func (s *Store) PutPrepared(ctx context.Context, tx *db.Tx, src Source, list []Prepared) ([]Change, error) {
	return s.putLots(ctx, tx, []lot{{src, list}})
}

// lot is what comes from one source.
type lot struct {
	src  Source
	list []Prepared
}

// putLots is PutPrepared for several sources.
func (s *Store) putLots(ctx context.Context, tx *db.Tx, lots []lot) ([]Change, error) {
	b := batch{store: s, tx: tx, at: s.now().UTC().Truncate(time.Microsecond)}
	list, err := b.join(ctx, lots)
	if err != nil {
		return nil, fmt.Errorf("record: put: %w", err)
	}
	var all []Change
	for len(list) > 0 {
		n := distinct(list)
		changes, err := b.put(ctx, list[:n])
		if err != nil {
			return nil, fmt.Errorf("record: put: %w", err)
		}
		all = append(all, changes...)
		list = list[n:]
	}
	if err := b.shield(ctx, all); err != nil {
		return nil, fmt.Errorf("record: shield: %w", err)
	}
	if err := s.follow(ctx, tx, all); err != nil {
		return nil, err
	}
	if err := b.tell(ctx, all); err != nil {
		return nil, fmt.Errorf("record: put: %w", err)
	}
	if err := b.noted(ctx, all); err != nil {
		return nil, fmt.Errorf("record: put: %w", err)
	}
	return all, nil
}

// distinct returns how many of list come before one that has been there.
func distinct(list []Prepared) int {
	seen := make(map[[2]string]bool, len(list))
	for i, p := range list {
		key := [2]string{p.draft.Type, p.draft.ID}
		if seen[key] {
			return i
		}
		seen[key] = true
	}
	return len(list)
}

// follow tells the views and the events what changed.
func (s *Store) follow(ctx context.Context, tx *db.Tx, all []Change) error {
	if len(all) == 0 {
		return nil
	}
	for _, v := range s.views {
		var mine []Change
		for _, c := range all {
			if v.types[c.Type] {
				mine = append(mine, c)
			}
		}
		if len(mine) == 0 {
			continue
		}
		if err := v.view.Project(ctx, tx, mine); err != nil {
			return fmt.Errorf("record: project: %w", err)
		}
	}
	return s.events.Add(ctx, tx, happened(all)...)
}

// happened returns one event for each patient in all, with what changed.
func happened(all []Change) []event.Event {
	var list []event.Event
	at := map[string]int{}
	for _, c := range all {
		i, ok := at[c.Patient]
		if !ok {
			i = len(list)
			at[c.Patient] = i
			list = append(list, event.Event{At: c.At, Kind: "record.changed", Patient: c.Patient,
				Subject: c.Type + "/" + c.ID, Data: map[string]int{}})
		} else {
			list[i].Subject = "" // several
		}
		list[i].Data.(map[string]int)[c.Type]++
	}
	return list
}
