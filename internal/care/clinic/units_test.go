package clinic

import "testing"

// Units follow the clinic's country until somebody chooses.
func TestUnits(t *testing.T) {
	tests := []struct {
		name   string
		s      Settings
		metric bool
		fails  bool
	}{
		{name: "nothing said", s: Settings{Name: "A"}},
		{name: "a number in Illinois", s: Settings{Name: "A", Phone: "(312) 555-0100"}},
		{name: "a number in Canada", s: Settings{Name: "A", Phone: "+1 604 555 0100"}, metric: true},
		{name: "a number in Germany", s: Settings{Name: "A", Phone: "+49 30 901820"}, metric: true},
		{name: "chosen against the country", s: Settings{Name: "A", Phone: "(312) 555-0100", Units: Metric}, metric: true},
		{name: "customary abroad", s: Settings{Name: "A", Phone: "+49 30 901820", Units: Customary}},
		{name: "no unit", s: Settings{Name: "A", Units: "stones"}, fails: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.s.Metric(); got != tt.metric {
				t.Errorf("Metric() = %v, want %v", got, tt.metric)
			}
			if _, err := Check(tt.s); (err != nil) != tt.fails {
				t.Errorf("Check() = %v", err)
			}
		})
	}
}
