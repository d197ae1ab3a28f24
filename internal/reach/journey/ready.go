package journey

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed ready/*.json
var readyFiles embed.FS

// Ready is a journey to begin with.
type Ready struct {
	Key        string
	Definition Definition
}

// ReadyMade returns the journeys that Hale comes with, in the order of their
// names. They can be used as they are.
func ReadyMade() ([]Ready, error) {
	files, err := fs.Glob(readyFiles, "ready/*.json")
	if err != nil {
		return nil, fmt.Errorf("journey: ready: %w", err)
	}
	list := make([]Ready, len(files))
	for i, f := range files {
		text, err := readyFiles.ReadFile(f)
		if err == nil {
			err = json.Unmarshal(text, &list[i].Definition)
		}
		if err != nil {
			return nil, fmt.Errorf("journey: %s: %w", f, err)
		}
		list[i].Key = strings.TrimSuffix(strings.TrimPrefix(f, "ready/"), ".json")
	}
	return list, nil
}
