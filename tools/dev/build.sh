# shellcheck shell=bash
# Builds a preset; the checks that need a compiler's view of the sources.

# ninja_with_progress DIR TARGET...: a moving line on a terminal, a line per 20 % elsewhere; errors as they come.
ninja_with_progress() {
  local dir=$1
  shift
  if [ -t 1 ]; then
    NINJA_STATUS='           [%p %f/%t, %e s] ' ninja -C "$dir" -j "$JOBS" "$@" >&2
  else
    NINJA_STATUS='@%p@' ninja -C "$dir" -j "$JOBS" "$@" 2>&1 | awk '
      match($0, /^@ *[0-9]+%@/) { p = substr($0, 2, RLENGTH - 3) + 0
        if (int(p / 20) > last) { last = int(p / 20); printf "           %d %%\n", p; fflush() }
        next }
      /^(-- |ninja: (Entering|no work))/ { next }
      { print; fflush() }' >&2
  fi
}

# configure_preset PRESET: once; after that ninja sees to it itself.
configure_preset() {
  local preset=$1 log
  [ "$preset" != gcc ] || need_packages g++
  [ ! -f "build/$preset/build.ninja" ] || return 0
  step "configure $preset"
  mkdir -p build
  log=build/configure-$preset.log
  cmake --preset "$preset" >"$log" 2>&1 || { cat "$log" >&2; rm -rf "build/$preset"; die "cmake --preset $preset failed"; }
}

# build_preset [PRESET] [TARGET...]
build_preset() {
  local preset=${1:-release}
  [ $# -eq 0 ] || shift
  configure_preset "$preset"
  step "build $preset${*:+: $*}"
  ninja_with_progress "build/$preset" "$@" || die "the build of $preset failed (see above)"
}

dev_fuzz() {
  local name=${1:-} seconds=${2:-30} target found=no
  build_preset fuzz
  # shellcheck disable=SC2046  # names without blanks
  build/fuzz/write_seeds build/fuzz/corpus $(cat build/fuzz/fuzzers.txt)
  while read -r target; do
    [ -z "$name" ] || [ "$target" = "${name}_fuzz" ] || continue
    found=yes
    step "$target for $seconds s"
    mkdir -p "build/fuzz/corpus/$target"
    "build/fuzz/$target" -max_total_time="$seconds" -print_final_stats=0 "build/fuzz/corpus/$target" \
      >"build/fuzz/$target.log" 2>&1 || { tail -n 40 "build/fuzz/$target.log" >&2; die "$target found a fault"; }
  done <build/fuzz/fuzzers.txt
  [ "$found" = yes ] || die "no fuzz target '$name'; there are: $(sed 's/_fuzz$//' build/fuzz/fuzzers.txt | xargs)"
}

# dev_tidy [FILE...]: all three checks, also when the first finds something.
dev_tidy() {
  local files=("$@") status=0
  need_packages clang-tidy-19
  setup_python
  "$PYTHON" tools/layers.py || status=1
  "$PYTHON" tools/tidy.py || status=1
  configure_preset dev
  [ ${#files[@]} -gt 0 ] || mapfile -t files < <(git ls-files 'src/*.cpp' ':!*_fuzz.cpp')
  step "clang-tidy on ${#files[@]} files"
  printf '%s\n' "${files[@]}" | xargs -P "$JOBS" -n 4 clang-tidy-19 --quiet -p build/dev 2> >(grep -v 'warnings generated' >&2) ||
    status=1
  return "$status"
}

dev_format() {
  need_packages clang-format-19
  local mode=(-i)
  [ "${1:-}" != --check ] || mode=(--dry-run -Werror)
  git ls-files '*.cpp' '*.h' | xargs -P "$JOBS" -n 40 clang-format-19 "${mode[@]}"
}
