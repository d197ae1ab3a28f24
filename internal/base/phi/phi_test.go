package phi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"hale/internal/base/phi"
)

func TestTextNeverPrints(t *testing.T) {
	const secret = "Alvarez"
	text := phi.Text(secret)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("seen", "name", text, "list", []phi.Text{text})
	encoded, err := json.Marshal(map[string]any{"name": text})
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{
		fmt.Sprint(text), fmt.Sprintf("%s %q %v %+v %#v %x", text, text, text, text, text, text),
		fmt.Sprintf("%v", struct{ Name phi.Text }{text}), log.String(), string(encoded),
	}
	for _, s := range shown {
		if strings.Contains(s, secret) || strings.Contains(s, fmt.Sprintf("%x", secret)) {
			t.Errorf("printed %q, want the text hidden", s)
		}
	}
	if got := text.Reveal(); got != secret {
		t.Errorf("Reveal() = %q, want %q", got, secret)
	}
}
