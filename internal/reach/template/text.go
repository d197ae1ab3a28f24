package template

import "hale/internal/standard/gsm"

// GSM returns text in the characters a text message carries cheaply, where
// they say the same.
func GSM(text string) string { return gsm.Plain(text) }

// Segments returns how many text messages text is, and whether it needs
// 16-bit characters.
func Segments(text string) (n int, wide bool) { return gsm.Segments(text) }
