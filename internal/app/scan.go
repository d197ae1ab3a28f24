package app

import (
	"context"

	"hale/internal/care/document"
	"hale/internal/gateway/clamd"
)

// scanner is what looks for malware in what patients send; nil for none.
func (c Config) scanner() document.Scanner {
	if c.Scanner == "" {
		return nil
	}
	return clamd.New(c.Scanner)
}

// letterbox takes what patients send.
func (a *App) letterbox() *document.Letterbox {
	return document.NewLetterbox(a.db, a.Record, a.ids, a.c.Now, a.c.scanner())
}

// checkScanner says whether what patients send is looked over.
func checkScanner(ctx context.Context, c Config) Finding {
	if c.Scanner == "" {
		return Finding{"scanner", Note, "Not set: nothing looks for malware in what patients send. Photos are drawn anew all the same, and nothing is opened here."}
	}
	if err := clamd.New(c.Scanner).Ping(ctx); err != nil {
		return Finding{"scanner", Wrong, c.Scanner + " does not answer: no patient can send a document."}
	}
	return Finding{"scanner", OK, c.Scanner + " looks over what patients send."}
}
