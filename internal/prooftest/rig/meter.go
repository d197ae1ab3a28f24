package rig

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticks is how many clock ticks the kernel counts in a second, on every
// Linux that Go runs on.
const ticks = 100

// Usage is what the machine and some processes had used up at a moment.
type Usage struct {
	at           time.Time
	server       float64 // CPU seconds of hale
	database     float64 // of PostgreSQL's processes
	busy, stolen float64 // CPU seconds of the machine, and those its host took away
}

// Measured is the time of a run and what it used.
type Measured struct {
	Time             time.Duration
	Server, Database float64 // CPU seconds
	Steal            float64 // share of the machine's time that its host took away
}

// Take looks at the process server and, on PostgreSQL, at its processes.
func Take(server int, engine string) Usage {
	u := Usage{at: time.Now(), server: CPU(server)}
	if engine == "postgres" {
		u.database = named("postgres")
	}
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return u
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	for i := 1; i < len(fields) && i <= 8; i++ {
		n, _ := strconv.ParseFloat(fields[i], 64)
		if i == 8 {
			u.stolen = n / ticks
		}
		u.busy += n / ticks // with what was idle: all there was
	}
	return u
}

// Until returns what was used between u and v.
func (u Usage) Until(v Usage) Measured {
	m := Measured{Time: v.at.Sub(u.at), Server: v.server - u.server, Database: v.database - u.database}
	if all := v.busy - u.busy; all > 0 {
		m.Steal = (v.stolen - u.stolen) / all
	}
	return m
}

// CPU returns the CPU seconds that a process has used.
func CPU(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / ticks
}

// Rest waits until a process has little to do: what was imported is being
// read for its words and its labels in the background, and that is measured
// by how long it takes, not by what it takes from others.
func Rest(ctx context.Context, pid int) (time.Duration, error) {
	const (
		look    = 2 * time.Second
		looks   = 3   // one after the other: it may be waiting for the database in one
		little  = 0.1 // of one core
		longest = 30 * time.Minute
	)
	began, quiet := time.Now(), 0
	for before := CPU(pid); time.Since(began) < longest; {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(look):
		}
		now := CPU(pid)
		if quiet++; now-before >= little*look.Seconds() {
			quiet = 0
		}
		if quiet == looks {
			return time.Since(began) - looks*look, nil
		}
		before = now
	}
	return time.Since(began), nil
}

// named returns the CPU seconds of all processes with a name.
func named(name string) (sum float64) {
	files, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && strings.TrimSpace(string(text)) == name {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			sum += CPU(pid)
		}
	}
	return sum
}

// Peak returns the most memory that a process has had resident, in MiB.
func Peak(pid int) int { return memory(pid, "VmHWM:") }

// Resident returns how much memory a process has now, in MiB.
func Resident(pid int) int { return memory(pid, "VmRSS:") }

// ForgetPeak has the peak of this process begin anew.
func ForgetPeak() error { return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

func memory(pid int, what string) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, what); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return n >> 10
		}
	}
	return 0
}
