#!/usr/bin/env bash
# What a row of the ledger costs, in CPU and bytes, and how long a usage page's questions take on a database of many rows.
# Usage: ./dev bench --ledger [ROWS]; ten million rows unless told, which need 6 GB of disk for some minutes. What a row takes in
# PostgreSQL, too, where SLUICE_BENCH_POSTGRES is the URL of an empty one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rows=${1:-10000000}
place=$(mktemp -d "${TMPDIR:-/tmp}/sluice-bench-ledger-XXXXXX")
trap 'rm -rf "$place"' EXIT
build/release/bench_ledger append "$place/append" 200000
[ -z "${SLUICE_BENCH_POSTGRES:-}" ] || build/release/bench_ledger append "$place/append-postgres" 1000000 "$SLUICE_BENCH_POSTGRES"
build/release/bench_ledger strict "$place/strict" 20000
build/release/bench_ledger fill "$place/fill" "$rows"
build/release/bench_ledger ask "$place/fill"
build/release/bench_ledger fill "$place/start" 1000000
build/release/bench_ledger ask "$place/start"
