#!/usr/bin/env bash
# Installs what the tests use and this machine lacks: PostgreSQL and Chromium
# from Debian or Ubuntu, axe-core and oidc-provider from npm into .bin. Where it cannot, it says
# what is skipped and does not fail: the tests say so again.
set -euo pipefail
cd "$(dirname "$0")/.."

axe_version=4.14.1
oidc_version=9.13.3
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)

has() { command -v "$1" >/dev/null 2>&1; }
skip() { echo "not installed: $1 — $2"; }

has_postgres() { compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || has initdb; }
has_chromium() { has chromium || has chromium-browser || has google-chrome; }

packages=()
has_postgres || packages+=(postgresql)
has_chromium || packages+=(chromium)
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

has_postgres || skip PostgreSQL "the store tests run on SQLite alone"
has_chromium || skip Chromium "the browser run is skipped"
[ -d .bin/oidc/node_modules/oidc-provider ] || skip oidc-provider "single sign-on is not tried at a real server"
[ -f .bin/axe/axe.min.js ] || skip axe-core "pages are not scanned for accessibility"
[ -n "${HALE_TESTDATA:-}" ] || echo "HALE_TESTDATA names no folder — tests on real records are skipped"
exit 0
