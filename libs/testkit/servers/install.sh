#!/usr/bin/env bash
# Installs what the tests start: brokers and stores by apt (as root, never by sudo), Kubernetes, kwok
# and an S3 server built from Go modules, tools in Python by pip. Kept in the cache folder by version;
# a second run is quick. `--download` only fetches what would be built; `--scaling` also installs what only the scenarios of
# scaling need: Prometheus, its adapter, exporters. Exit code 3: something is missing that this may not install; it says what.
set -euo pipefail
[[ ${1:-} != -h && ${1:-} != --help ]] || { sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${MAREA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/marea}
kubernetes=1.35.4
kwok=v0.8.0
versitygw=v1.8.0
schemathesis=4.32.5
secantusdb=0.7.0b3
missing=()

say() { printf '[install] %s\n' "$*" >&2; }
has() { PATH="$PATH:/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin" command -v "$1" >/dev/null 2>&1; }

# --- Debian packages: program=package ---------------------------------------------------------
programs=(rabbitmq-server=rabbitmq-server epmd=erlang-base redis-server=redis-server redis-cli=redis-tools
  openssl=openssl chromium=chromium curl=curl jq=jq wrk=wrk git=git cc=gcc make=make)
[[ ${1:-} != --scaling ]] || programs+=(prometheus=prometheus prometheus-node-exporter=prometheus-node-exporter)

packages_missing() {
  local pair
  for pair in "${programs[@]}"; do
    has "${pair%%=*}" || echo "${pair#*=}"
  done
}

# Debian's current etcd is too old for this API server before trixie: 3.5 at least.
etcd_fits() { has etcd && etcd --version 2>/dev/null | grep -Eq '^etcd Version: (3\.([5-9]|[1-9][0-9])|[4-9])'; }

debian_codename() { (. /etc/os-release && echo "${VERSION_CODENAME:-}"); }

# The machine's own source with its suite exchanged, pinned so low that nothing else comes from it.
add_trixie() {
  local own=/etc/apt/sources.list.d/debian.sources ours=/etc/apt/sources.list.d/marea-trixie.sources
  [[ -f $own ]] || { say "no $own to derive a source of etcd 3.5 from"; return 1; }
  printf 'Package: *\nPin: release n=trixie\nPin-Priority: 100\n' >/etc/apt/preferences.d/marea-trixie
  awk -v RS= -v ORS='\n\n' -v from="$(debian_codename)" '
    $0 !~ "security" { gsub("Suites:[^\n]*", "Suites: trixie"); print; exit }' "$own" >"$ours.new"
  mv "$ours.new" "$ours"
}

apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -qq "$@" </dev/null >&2; }

install_packages() {
  local wanted
  mapfile -t wanted < <(packages_missing)
  local etcd_wanted=false
  etcd_fits || etcd_wanted=true
  [[ ${#wanted[@]} -eq 0 && $etcd_wanted == false ]] && return
  if [[ $(id -u) -ne 0 ]] || ! has apt-get; then
    [[ ${#wanted[@]} -eq 0 ]] || missing+=("packages: apt-get install --no-install-recommends ${wanted[*]}")
    [[ $etcd_wanted == false ]] || missing+=("etcd 3.5 or newer: apt-get install -t trixie --no-install-recommends etcd-server")
    return
  fi
  say "apt: ${wanted[*]} etcd 3.5"
  [[ $etcd_wanted == false || $(debian_codename) != bookworm ]] || add_trixie
  apt_get update
  # Their packages would start them as services: policy-rc.d says no for the time of this installation.
  local policy=/usr/sbin/policy-rc.d made=false
  [[ -e $policy ]] || { printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made=true; }
  [[ ${#wanted[@]} -eq 0 ]] || apt_get install -y --no-install-recommends "${wanted[@]}"
  if [[ $etcd_wanted == true && $(debian_codename) == bookworm ]]; then
    apt_get install -y -t trixie --no-install-recommends etcd-server
  elif [[ $etcd_wanted == true ]]; then
    apt_get install -y --no-install-recommends etcd-server
  fi
  [[ $made == false ]] || rm -f $policy
}

# --- Built from Go modules ----------------------------------------------------------------------
# Everything is built under another name and moved when it is whole, so that a run that was stopped goes on.

needs_go() {
  has go && return
  missing+=("Go 1.26 or newer, to build $*")
  return 1
}

install_kubernetes() {
  local folder=$cache/kubernetes-$kubernetes program wanted=() flags module=k8s.io/component-base/version
  for program in kube-apiserver kube-controller-manager kube-scheduler kubectl; do
    [[ -x $folder/$program ]] || wanted+=("$program")
  done
  [[ ${#wanted[@]} -gt 0 ]] || return 0
  needs_go "${wanted[@]}" || return 0
  # In a copy: `-mod=mod` may write to it.
  mkdir -p "$folder/src"
  cp "$here/kubernetes/go.mod" "$here/kubernetes/go.sum" "$folder/src/"
  flags="-s -w -X $module.gitVersion=v$kubernetes -X $module.gitMajor=1 -X $module.gitMinor=${kubernetes:2:2}"
  for program in "${wanted[@]}"; do
    say "building $program $kubernetes (minutes, once)"
    (cd "$folder/src" && CGO_ENABLED=0 go build -mod=mod -trimpath -ldflags "$flags" \
      -o "$folder/$program.new" "k8s.io/kubernetes/cmd/$program" >&2)
    mv "$folder/$program.new" "$folder/$program"
  done
}

# install_module PROGRAM PACKAGE: what the module of its own beside this script pins, for `go install` refuses it: one has
# replacements, the other's list of versions is not to be had everywhere.
install_module() {
  [[ -x $cache/bin/$1 ]] && return
  needs_go "$1" || return 0
  say "building $1 (minutes, once)"
  mkdir -p "$cache/$1"
  cp "$here/$1/go.mod" "$here/$1/go.sum" "$cache/$1/"
  (cd "$cache/$1" && CGO_ENABLED=0 go build -mod=mod -trimpath -ldflags '-s -w' -o "$cache/bin/$1.new" "$2" >&2)
  mv "$cache/bin/$1.new" "$cache/bin/$1"
}

# install_go PROGRAM PACKAGE VERSION: into the cache's bin, with a stamp that names the version.
install_go() {
  local stamp=$cache/bin/.$1-$3
  [[ -x $cache/bin/$1 && -e $stamp ]] && return
  needs_go "$1" || return 0
  if ! { [[ -x $cache/bin/$1 ]] && go version -m "$cache/bin/$1" | grep -Eq "mod.*$3"; }; then
    say "building $1 $3 (minutes, once)"
    mkdir -p "$cache/bin/.new"
    GOBIN=$cache/bin/.new CGO_ENABLED=0 go install "$2@$3" >&2
    mv "$cache/bin/.new/$1" "$cache/bin/$1"
  fi
  touch "$stamp"
}

# --- Python ------------------------------------------------------------------------------------
# install_python PROGRAM PACKAGE VERSION: into an environment of its own, linked from the cache's bin.
install_python() {
  local program=$1 package=$2 version=$3 folder=$cache/$2-$3
  [[ -e $folder/whole && -x $folder/bin/$program && $cache/bin/$program -ef $folder/bin/$program ]] && return
  if ! has python3 || ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    missing+=("Python 3.10 or newer with venv, for $package")
    return
  fi
  # A virtual environment cannot be moved: one without its last file is begun anew.
  [[ -x $folder/bin/$program && -e $folder/whole ]] || {
    say "installing $package $version"
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet "$package==$version" >&2
    touch "$folder/whole"
  }
  ln -sf "$folder/bin/$program" "$cache/bin/$program"
}

# Fetches the modules that are built later, as nobody's cores are needed for it.
download() {
  has go || return 0
  if [[ ! -x $cache/kubernetes-$kubernetes/kubectl ]]; then
    mkdir -p "$cache/kubernetes-$kubernetes/src"
    cp "$here/kubernetes/go.mod" "$here/kubernetes/go.sum" "$cache/kubernetes-$kubernetes/src/"
    (cd "$cache/kubernetes-$kubernetes/src" && go list -mod=mod -deps k8s.io/kubernetes/cmd/kube-apiserver \
      k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kube-scheduler \
      k8s.io/kubernetes/cmd/kubectl >/dev/null)
  fi
  [[ -x $cache/bin/kwok ]] || go mod download "sigs.k8s.io/kwok@$kwok"
  [[ -x $cache/bin/versitygw ]] || go mod download "github.com/versity/versitygw@$versitygw"
}

# --- All of it ---------------------------------------------------------------------------------
mkdir -p "$cache/bin"
if has flock; then
  exec 9>"$cache/.lock"
  flock -n 9 || { say "waiting for another run"; flock 9; }
fi
if [[ ${1:-} == --download ]]; then
  download
  exit
fi
install_packages
install_kubernetes
install_go kwok sigs.k8s.io/kwok/cmd/kwok $kwok
install_go versitygw github.com/versity/versitygw/cmd/versitygw $versitygw
install_python schemathesis schemathesis $schemathesis
# A stand-in that speaks MongoDB's wire protocol.
install_python secantusd-py secantusdb $secantusdb
if [[ ${1:-} == --scaling ]]; then
  install_module prometheus-adapter sigs.k8s.io/prometheus-adapter/cmd/adapter
  install_module kube-state-metrics k8s.io/kube-state-metrics/v2
fi
if [[ ${#missing[@]} -gt 0 ]]; then
  say "missing, and not installable by this user:"
  printf '  %s\n' "${missing[@]}" >&2
  exit 3
fi
say "all there, in $cache and on PATH"
