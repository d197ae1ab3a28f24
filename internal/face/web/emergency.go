package web

import "time"

// Emergency is one record that the reader has open in an emergency: it is
// said on every page for as long as it lasts.
type Emergency struct {
	Record string    // address of the record's page
	End    string    // where ending it is posted to
	Until  time.Time // at the clinic
}
