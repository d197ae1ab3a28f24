// Package clients holds a whole Hale to what others wrote: a client of FHIR
// from the npm registry walks the API, and a validator from there is shown
// everything that Hale answered, wrote and exported meanwhile.
//
// scripts/install-test-tools.sh installs both; without them, or without Node,
// the tests skip and say so.
//
// Spec: https://hl7.org/fhir/R4/http.html,
// https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
package clients
