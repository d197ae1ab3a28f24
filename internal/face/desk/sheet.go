package desk

import (
	"encoding/csv"
	"io"
	"strings"
)

// cell makes text safe to open in a spreadsheet: what begins like a formula
// gets an apostrophe in front, so that it stays text.
//
// Spec: https://owasp.org/www-community/attacks/CSV_Injection
func cell(text string) string {
	trimmed := strings.TrimLeft(text, " \u00a0\ufeff")
	if trimmed == "" {
		return text
	}
	if isNumber(text) {
		return text
	}
	if strings.ContainsRune("=+-@\t\r\n|%＝＋－＠", []rune(trimmed)[0]) {
		return "'" + text
	}
	return text
}

// isNumber says whether text is a plain number, which no spreadsheet runs.
func isNumber(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	return digits != "" && strings.Trim(digits, "0123456789.") == "" && strings.Count(digits, ".") <= 1
}

// writeSheet writes rows as CSV, every text cell safe.
func writeSheet(w io.Writer, rows [][]string) error {
	out := csv.NewWriter(w)
	for _, row := range rows {
		safe := make([]string, len(row))
		for i, text := range row {
			safe[i] = cell(text)
		}
		if err := out.Write(safe); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
