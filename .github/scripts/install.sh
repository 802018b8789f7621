#!/bin/sh
# Installs the command line `marea` from its releases:
#   curl -fsSL https://github.com/@REPOSITORY@/releases/latest/download/install.sh | sh
# MAREA_VERSION=v0.1.0 chooses a version, MAREA_BIN=/usr/local/bin where to.
set -eu
repository=${MAREA_REPOSITORY:-@REPOSITORY@}
releases=${MAREA_RELEASES:-https://github.com/$repository/releases}
bin=${MAREA_BIN:-$HOME/.local/bin}
fail() { echo "install: $*" >&2; exit 1; }

case $(uname -s) in
  Linux) system=linux ;;
  Darwin) system=darwin ;;
  *) fail "there is no marea for $(uname -s); build it: cargo build --release --package marea" ;;
esac
case $(uname -m) in
  x86_64 | amd64) machine=x86_64 ;;
  aarch64 | arm64) machine=aarch64 ;;
  *) fail "there is no marea for $(uname -m); build it: cargo build --release --package marea" ;;
esac

from=$releases/latest/download
[ -z "${MAREA_VERSION:-}" ] || from=$releases/download/$MAREA_VERSION
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
curl -fsSL "$from/SHA256SUMS" -o "$work/SHA256SUMS"
archive=$(sed -n "s/^[0-9a-f]*  \(marea-.*-$machine-$system\.tar\.gz\)\$/\1/p" "$work/SHA256SUMS")
[ -n "$archive" ] || fail "the release has none for $machine-$system"
curl -fsSL "$from/$archive" -o "$work/$archive"
cd "$work"
if command -v sha256sum >/dev/null; then check='sha256sum -c'; else check='shasum -a 256 -c'; fi
grep "  $archive\$" SHA256SUMS | $check >/dev/null || fail "$archive is not what the release says it is"
tar -xzf "$archive"
mkdir -p "$bin"
mv marea "$bin/marea"
"$bin/marea" --version
case :$PATH: in
  *:"$bin":*) ;;
  *) echo "install: $bin is not in PATH" >&2 ;;
esac
