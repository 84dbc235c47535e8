#!/usr/bin/env bash
# Runs the suites that need the built binary: official SDKs, end to end, chaos. Usage: tests/run.sh JUNIT_DIR [pytest arguments]
# The binary is build/release/sluice, or what SLUICE_BINARY names.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
junit_dir=${1:?usage: tests/run.sh JUNIT_DIR [pytest arguments]}
shift
mkdir -p "$junit_dir"
junit_dir=$(cd "$junit_dir" && pwd)

"$here/setup.sh"
mapfile -t folders < <("$here/setup.sh" --print)
python_dir=${folders[0]}
export SLUICE_TEST_NODE_DIR=${folders[1]}

cd "$here"
exec "$python_dir/bin/python" -m pytest -n 2 --dist loadfile --junitxml "$junit_dir/suites.xml" "$@"
