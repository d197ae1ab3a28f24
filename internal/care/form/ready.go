package form

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"hale/internal/access"
	"hale/internal/standard/form"
)

//go:embed ready/*.json
var readyFiles embed.FS

// Ready is a form that comes with Hale, for a clinic to take over and change.
type Ready struct{ Key, Title, About string }

// ReadyForms returns them. The PHQ-9 and the GAD-7 may be used by everybody,
// in English and in Spanish (https://www.phqscreeners.com); the others are
// words of our own.
func ReadyForms() ([]Ready, error) {
	names, err := fs.Glob(readyFiles, "ready/*.json")
	if err != nil {
		return nil, fmt.Errorf("form: ready: %w", err)
	}
	var list []Ready
	for _, name := range names {
		body, err := readyFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("form: ready: %w", err)
		}
		q, err := form.Parse(body)
		if err != nil {
			return nil, fmt.Errorf("form: ready %s: %w", name, err)
		}
		list = append(list, Ready{strings.TrimSuffix(path.Base(name), ".json"), q.Title.Words, q.About.Words})
	}
	return list, nil
}

// AddReady makes a draft of a form that comes with Hale.
func (s *Store) AddReady(ctx context.Context, pass access.Pass, key string) (Version, error) {
	body, err := readyFiles.ReadFile("ready/" + path.Base(key) + ".json")
	if err != nil {
		return Version{}, errNone.Because(err)
	}
	v, err := s.Import(ctx, pass, body)
	if err == nil && key == registration {
		err = s.SetUse(ctx, pass, Use{URL: v.URL, Office: true})
	}
	return v, err
}

// registration is the ready form that the front desk works on.
const registration = "registration"
