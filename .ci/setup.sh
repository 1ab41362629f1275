#!/usr/bin/env bash
# Checks the Swift toolchain and installs, through apt-get, the libraries that are missing. Says nothing when none is.
# Exit status: 0 ready to build, 2 something required is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
  say "$@"
  exit 2
}

require_swift() {
  local advice="install Swift 6.3, the version tested, from https://www.swift.org/install and put it on PATH"
  local pattern='Swift version ([0-9]+)\.([0-9]+)'
  command -v swift >/dev/null || fail "expected swift 6.2 or newer on PATH, found none: $advice"
  [[ $(swift --version 2>&1) =~ $pattern ]] || fail "expected 'swift --version' to name a version: $advice"
  local major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}
  ((major > 6 || (major == 6 && minor >= 2))) || fail "expected swift 6.2 or newer, found $major.$minor: $advice"
}

compiler=$(command -v clang || command -v cc || echo clang)

# Asking the compiler is right on every system: macOS has these libraries in its SDK, where pkg-config does not look.
has_header() {
  # shellcheck disable=SC2046  # pkg-config prints several flags
  printf '#include <%s>\n' "$2" | "$compiler" $(pkg-config --cflags "$1" 2>/dev/null || true) -x c -fsyntax-only - 2>/dev/null
}

has_ffi() { has_header libffi ffi.h || has_header libffi ffi/ffi.h; }
has_zlib() { has_header zlib zlib.h; }
has_onednn() { has_header dnnl oneapi/dnnl/dnnl.h; }

# Nobody answers a password prompt where there is no terminal.
as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif ! command -v sudo >/dev/null; then
    say "expected root or sudo to run: $*"
    return 1
  elif [[ -t 0 ]]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$@" >&2; }

require_swift

wanted=()
has_ffi || wanted+=(libffi-dev)
has_zlib || wanted+=(zlib1g-dev)
command -v pkg-config >/dev/null || wanted+=(pkg-config)
onednn=yes
has_onednn || onednn=no
# The libraries that the manifests in Plugins and Tests bind: opened by name at run time, so no header has to be there.
bound=()
if command -v dpkg-query >/dev/null; then
  for package in libopenblas0-pthread libblis4-pthread libdnnl2 libxnnpack0 libgslcblas0; do
    [[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == "install ok installed" ]] || bound+=("$package")
  done
fi
[[ ${#wanted[@]} == 0 && $onednn == yes && ${#bound[@]} == 0 ]] && exit 0

if command -v apt-get >/dev/null; then
  optional=()
  [[ $onednn == yes ]] || optional=(libdnnl-dev)
  say "installing through apt-get:" ${wanted[@]+"${wanted[@]}"} ${optional[@]+"${optional[@]}"} ${bound[@]+"${bound[@]}"}
  # An unreachable source need not matter: what is wanted may be in another one.
  apt update || say "apt-get update failed; going on with the lists that are there"
  if [[ ${#wanted[@]} -gt 0 ]]; then apt install -y --no-install-recommends "${wanted[@]}" || true; fi
  for package in ${bound[@]+"${bound[@]}"}; do
    apt install -y --no-install-recommends "$package" || say "$package cannot be installed: its manifest goes untested"
  done
  if [[ $onednn == no ]] && apt install -y --no-install-recommends libdnnl-dev && has_onednn; then
    onednn=yes
    # The plugin asks for oneDNN's headers when it is compiled: an earlier build without them is out of date now.
    find Plugins/OneDNN -name '*.c' -exec touch {} + 2>/dev/null || true
  fi
fi

if ! has_ffi || ! has_zlib; then
  fail "expected the headers of libffi and zlib; install them, then run this again:
  Debian, Ubuntu: apt-get install libffi-dev zlib1g-dev pkg-config libdnnl-dev
  Fedora:         dnf install libffi-devel zlib-devel pkgconf-pkg-config onednn-devel
  macOS:          xcode-select --install, or brew install libffi zlib pkgconf onednn"
fi
if [[ $onednn == no ]]; then
  say "oneDNN is not installed (Debian: libdnnl-dev, Fedora: onednn-devel, Homebrew: onednn): going on without it," \
    "the oneDNN backend will be listed as absent"
fi
