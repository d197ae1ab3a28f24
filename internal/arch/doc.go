// Package arch holds the shape of the code to its plan: which house may
// import which, how long files and functions get, and what stays out.
//
// It is a test; there is nothing in it to import.
package arch
