# shellcheck shell=bash
# Runs tests of every kind and sums them up. Each job leaves NAME.rc and NAME.log, and NAME.xml (JUnit) when it can;
# tally.py reads those and prints the failures and the closing line.

# Test programs in which threads meet: these also run under ThreadSanitizer in CI.
TSAN_TESTS=(async_test net_test http_test telemetry_test store_test gateway_admit_test gateway_health_test)
PROGRAM_TIMEOUT_S=300  # the slowest takes seconds; a hang must not eat the whole of CI's time

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}

# dev_test [--tsan|--gcc] [NAME...]
dev_test() {
  local preset=dev names=() argument
  for argument in "$@"; do
    case $argument in
      --tsan) preset=tsan ;;
      --gcc) preset=gcc ;;
      --dev) preset=dev ;;
      -*) die "./dev test has no option $argument" ;;
      *) names+=("$argument") ;;
    esac
  done
  setup_toolchain
  setup_test
  setup_python
  export SLUICE_CACHE=$CACHE
  RESULTS=$ROOT/build/results
  rm -rf "$RESULTS"
  mkdir -p "$RESULTS"
  if [ ${#names[@]} -gt 0 ]; then
    test_named "$preset" "${names[@]}"
  elif [ "$preset" != dev ]; then
    test_programs "$preset"
  else
    test_everything
  fi
  "$PYTHON" tools/dev/tally.py "$RESULTS"
}

test_everything() {
  test_tools
  test_programs dev
  if build_for_test release; then
    setup_engine
    test_suites
    test_docs
    test_instructions
  fi
  [ "${CI:-}" = true ] || return 0
  test_programs gcc
  test_programs tsan "${TSAN_TESTS[@]}"
}

test_named() {
  local preset=$1 name programs=() suites=()
  shift
  for name in "$@"; do
    case $name in
      tools) test_tools ;;
      instructions) ! build_for_test release sluice bench_load bench_provider || test_instructions ;;
      docs) ! build_for_test release sluice || { setup_engine; test_docs; } ;;
      e2e | sdk | chaos | faults | agents | sdk_suites) suites+=("$name") ;;
      *) programs+=("$(printf '%s' "${name%_test}" | tr / _)_test") ;;
    esac
  done
  [ ${#programs[@]} -eq 0 ] || test_programs "$preset" "${programs[@]}"
  if [ ${#suites[@]} -gt 0 ] && build_for_test release sluice; then
    setup_engine
    test_suites "${suites[@]}"
  fi
}

# build_for_test PRESET [TARGET...]: a build that fails is one failed test, and the run goes on with what does not need it.
build_for_test() {
  (build_preset "$@") 2> >(tee "$RESULTS/build.$1.log" >&2) && return 0
  echo 1 >"$RESULTS/build.$1.rc"
  return 1
}

# test_programs PRESET [PROGRAM...]: builds all of the preset, or only the named programs, and runs them side by side.
test_programs() {
  local preset=$1 known wanted=() program
  shift
  configure_preset "$preset"
  ninja -C "build/$preset" build.ninja >/dev/null || true  # a new test file makes a new program; errors show in the build
  mapfile -t known <"build/$preset/tests.txt"
  for program in "$@"; do
    [[ " ${known[*]} " == *" $program "* ]] ||
      die "no test program $program; there are: ${known[*]%_test} (and tools, golden, docs, instructions, e2e, sdk, chaos, faults, agents, sdk_suites)"
  done
  build_for_test "$preset" "$@" || return 0
  mapfile -t known <"build/$preset/tests.txt"
  wanted=("$@")
  [ $# -gt 0 ] || wanted=("${known[@]}")
  step "run ${#wanted[@]} test programs of $preset"
  printf '%s\n' "${wanted[@]}" | xargs -P "$JOBS" -I {} bash -c '
    out=$1/$2.{}
    timeout -k 5 "$3" "build/$2/{}" --gtest_output="xml:$out.xml" --gtest_brief=1 >"$out.log" 2>&1 </dev/null
    echo $? >"$out.rc"' _ "$RESULTS" "$preset" "$PROGRAM_TIMEOUT_S"
}

# job NAME COMMAND...: one check without a report of its own; passes when the command does.
job() {
  local name=$1 status=0
  shift
  "$@" >"$RESULTS/$name.log" 2>&1 </dev/null || status=$?
  echo "$status" >"$RESULTS/$name.rc"
}

test_tools() {
  step "house rules and layers"
  job tools "$PYTHON" tools/tools_test.py --junit "$RESULTS/tools.xml"
  job layers "$PYTHON" tools/layers.py
  job tidy "$PYTHON" tools/tidy.py
  job format dev_format --check
}

# The suites that drive the built binary from outside: official SDKs, end to end, kill tests.
test_suites() {
  need_packages python3-venv
  command -v npm >/dev/null || need_packages npm  # a Node that is there may bring its own, which Debian's npm excludes
  step "suites against the built binary${*:+: $*}"
  local status=0
  bash tests/run.sh "$RESULTS/suites" "$@" >"$RESULTS/suites.log" 2>&1 </dev/null || status=$?
  mv "$RESULTS"/suites/*.xml "$RESULTS/" 2>/dev/null || true
  echo "$status" >"$RESULTS/suites.rc"
}

# The commands in docs/guides, run as they stand there.
test_docs() {
  step "the guides' commands"
  job docs "$PYTHON" tests/docs/run.py --junit "$RESULTS/docs.xml"
}

# Whether a request has become dearer, in instructions.
test_instructions() {
  step "instructions per request and per stream event"
  job instructions "$PYTHON" bench/instructions.py
  cat "$RESULTS/instructions.log" >&2
}
