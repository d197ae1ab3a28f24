package db

import "time"

// Micro returns t as columns keep times: microseconds since 1970, UTC; 0 for
// no time.
func Micro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time returns the time that a column keeps, the zero time for 0.
func Time(micro int64) time.Time {
	if micro == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micro).UTC()
}
