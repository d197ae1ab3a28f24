//go:build !race

package haletest

// Race says that the race detector runs, which makes Go code five to ten
// times slower and what is compiled without it not.
const Race = false
