// Package prooftest holds the proofs that need all of Hale at once: who
// meets what on every route, what a power cut leaves, what happens on a full
// disk, under a jumping clock and before a restarting database.
//
// Each proof writes its figures with package figures when HALE_FIGURES names
// a folder; make trust puts them into docs/TRUST.md.
package prooftest
