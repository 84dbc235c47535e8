#!/usr/bin/env bash
# Sets up what the tests need besides the build: a Python environment and the Node packages, in the cache folder, once
# per content of requirements.txt and package-lock.json. Prints one line per step; says nothing when all is there.
# Usage: tests/setup.sh          prepares all
#        tests/setup.sh --print  prepares nothing, prints the five folders (Python, Node, agents, Python SDKs' suites, Node SDKs' suites)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${SLUICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice}/tests

stamp() { cat "$@" | sha256sum | cut -c1-12; }
python_dir=$cache/python-$(stamp "$here/requirements.txt")
node_dir=$cache/node-$(stamp "$here/package.json" "$here/package-lock.json")
agents_dir=$cache/agents-$(stamp "$here/agents/package.json" "$here/agents/package-lock.json")
suites_dir=$cache/suites-$(stamp "$here/sdk_suites/requirements.txt")
node_suites_dir=$cache/node-suites-$(stamp "$here/sdk_suites/package.json" "$here/sdk_suites/package-lock.json")

if [ "${1:-}" = --print ]; then
  echo "$python_dir"
  echo "$node_dir"
  echo "$agents_dir"
  echo "$suites_dir"
  echo "$node_suites_dir"
  exit 0
fi

say() { echo "tests: $*" >&2; }
fail() { say "$1"; say "  $2"; exit 1; }

# Builds into DIR.part and renames at the end, so that an interrupted set-up is never taken for a finished one.
once() {  # once DIR FUNCTION MESSAGE
  [ -d "$1" ] && return 0
  say "$3"
  rm -rf "$1.part"
  mkdir -p "$1.part"
  "$2" "$1.part"
  mv "$1.part" "$1"
}

install_python() {
  local python
  for python in python3 /usr/bin/python3; do
    ! "$python" -c 'import ensurepip, venv' 2>/dev/null || break
    python=
  done
  [ -n "$python" ] || fail "python3 cannot make virtual environments" "install what it lacks: apt-get install python3-venv"
  # The environment is used through its interpreter's path alone, so that it survives the rename.
  "$python" -m venv --copies "$1"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$here/requirements.txt" >&2
}

install_node() {
  command -v npm >/dev/null || fail "npm was not found" "install it: apt-get install npm"
  cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$1"
  # The packages want a newer Node than most systems have; the one they run with is among them.
  (cd "$1" && npm ci --ignore-scripts --loglevel=error >&2)
}

# Native programs of 1.2 GB. Their packages' own installers do not run.
install_agents() {
  cp "$here/agents/package.json" "$here/agents/package-lock.json" "$here/.npmrc" "$1"
  (cd "$1" && PATH="$(dirname "$node_dir"/node_modules/node-linux-*/bin/node):$PATH" npm ci --ignore-scripts --loglevel=error >&2)
}

# The SDKs' sources hold their tests, which run with what the SDKs' developers run them with.
install_suites() {
  "$python_dir/bin/python" -m venv --copies "$1/python"
  "$1/python/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$here/sdk_suites/requirements.txt" >&2
  grep -E '^(openai|anthropic|google-genai)==' "$here/sdk_suites/requirements.txt" >"$1/sources.txt"
  "$1/python/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary openai,anthropic,google-genai \
    -r "$1/sources.txt" -d "$1" >&2
  for archive in "$1"/*.tar.gz; do tar -xzf "$archive" -C "$1"; done
}

# The Node SDKs' tests come from checkouts, which whoever runs them has made; here is what runs them.
install_node_suites() {
  cp "$here/sdk_suites/package.json" "$here/sdk_suites/package-lock.json" "$here/.npmrc" "$1"
  (cd "$1" && PATH="$(dirname "$node_dir"/node_modules/node-linux-*/bin/node):$PATH" npm ci --ignore-scripts --loglevel=error >&2)
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
once "$python_dir" install_python "installing the Python packages (about half a minute)"
once "$node_dir" install_node "installing the Node packages (about half a minute)"
once "$agents_dir" install_agents "installing the command-line agents (1.2 GB, about a minute)"
# Their other side is made from a specification that is no part of the repository.
if [ -d "${SLUICE_SHARED_DATA:-$here/../../shared/data}/specs" ]; then
  once "$suites_dir" install_suites "installing the SDKs' own tests (about a minute)"
fi
if [ -n "${SLUICE_SDK_CHECKOUTS:-}" ]; then
  once "$node_suites_dir" install_node_suites "installing what the Node SDKs' own tests run with (a quarter of a minute)"
fi
