# shellcheck shell=bash
# What every verb of ./dev uses: step lines, progress, retries. Sourced, never run.

CACHE=${SLUICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice}
JOBS=${SLUICE_JOBS:-$(nproc)}

step() { printf '==> %4d s  %s\n' "$SECONDS" "$*" >&2; }
note() { printf '           %s\n' "$*" >&2; }
die() { printf 'dev: %s\n' "$*" >&2; exit 1; }

# progress PERCENT TEXT: one line that moves on a terminal, a line every 20 % elsewhere.
progress_last=-1
progress() {
  local percent=${1%%.*} text=${2:-} bar
  if [ -t 2 ]; then
    printf -v bar '%*s' $((percent / 5)) ''
    printf '\r           [%-20s] %3d %% %-45.45s' "${bar// /#}" "$percent" "$text" >&2
  elif [ $((percent / 20)) -ne "$progress_last" ]; then
    progress_last=$((percent / 20))
    note "$percent % $text"
  fi
}
progress_end() { progress_last=-1; [ ! -t 2 ] || printf '\n' >&2; }

# retry WHAT COMMAND...: three tries with a growing pause, for commands that need the network.
retry() {
  local what=$1 try
  shift
  for try in 1 2 3; do
    if "$@"; then return 0; fi
    [ "$try" -lt 3 ] || break
    note "$what failed (try $try of 3); the network may be down: again in $((try * 5)) s"
    sleep $((try * 5))
  done
  note "$what failed three times"
  return 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "this needs root, and there is no sudo: run as root: $*"
  fi
}

sha256_of() { sha256sum "$1" | cut -d' ' -f1; }
