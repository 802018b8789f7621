# Read by the scripts beside it.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$(basename "$0")

say() { printf '[%s] %s\n' "$program" "$*" >&2; }
die() { say "$*"; exit 1; }
wrong() { say "$*; try --help"; exit 2; }

# The comment at the head of the script that was called.
help() { awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$0"; }

need() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || die "$tool is needed; docker/Dockerfile.tools has it"
  done
}

environment() {
  case ${1:-} in
    dev | pre | pro) ;;
    *) wrong 'expected --environment dev, pre or pro' ;;
  esac
}

# What scripts/init wrote of this environment.
settings() { echo "$root/environments/$1.local.tfvars"; }

setting() {
  local file
  file=$(settings "$1")
  [[ -f $file ]] || die "no $file: run scripts/init first"
  sed -nE "s/^$2 *= *\"(.*)\"\$/\\1/p" "$file"
}

# `terraform` of the root module, with its state.
tf() { terraform -chdir="$root/gcp" "$@"; }

tf_init() {
  tf init -input=false -reconfigure \
    -backend-config="bucket=$(setting "$1" state_bucket)" -backend-config="prefix=$1" >&2
}

# Arguments that plan, apply and destroy have in common.
tf_variables() {
  printf '%s\n' -input=false "-var-file=$root/environments/$1.tfvars" "-var-file=$(settings "$1")"
}

confirm() {
  local answer
  [[ -t 0 ]] || die "there is nobody to ask; say --yes"
  read -r -p "$1 [type $2] " answer
  [[ $answer == "$2" ]] || die 'nothing was done'
}

# The name that kubectl knows a cluster by.
context() { echo "marea-$1-$2"; }
