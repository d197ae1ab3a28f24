// Package browsertest runs the product's one story in a real browser: a
// nurse's outreach, the text on a patient's phone, the page behind its link,
// the booking, and what the desk makes of it.
//
// Every page visited is scanned by axe-core, in light and dark and at 320
// pixels, and may not scroll sideways, load anything from elsewhere, or
// complain on the console. Without Chromium the tests skip and say so.
//
// Spec: https://www.w3.org/TR/WCAG22/
package browsertest
