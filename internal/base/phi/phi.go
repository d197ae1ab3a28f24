// Package phi has types for patient data that never print.
//
// Text in a log, an error or a panic shows as [phi], whatever the verb; only
// Reveal gives the text, so each place that does is easy to find.
package phi

import (
	"fmt"
	"io"
	"log/slog"
)

const blank = "[phi]"

// Text is patient data as text.
type Text string

// Reveal returns the text itself.
func (t Text) Reveal() string { return string(t) }

// String hides the text.
func (t Text) String() string { return blank }

// Format hides the text from every verb of package fmt.
func (t Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, blank) }

// LogValue hides the text from package slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(blank) }

// MarshalJSON hides the text from JSON that was not made for it.
func (t Text) MarshalJSON() ([]byte, error) { return []byte(`"` + blank + `"`), nil }
