package portal

import (
	"math"
	"net/url"
	"testing"
	"time"

	"hale/internal/care/reading"
)

// FuzzReading gives anything to the form of a reading from home: what comes
// out are numbers.
func FuzzReading(f *testing.F) {
	f.Add("weight=180&unit=lb&at=2026-11-20T08:00")
	f.Add("upper=NaN&lower=Inf&weight=1e999&glucose=7,4")
	f.Fuzz(func(t *testing.T, text string) {
		in, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		r := readReading(reading.Weight, in, time.UTC)
		for _, v := range []float64{r.Upper, r.Lower, r.Weight, r.Glucose} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("%q is read as %v", text, v)
			}
		}
	})
}
