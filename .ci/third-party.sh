#!/usr/bin/env bash
# Backends as strangers write them, outside of this package with the header alone: each is built, checked, and sent work by a
# training.
set -euo pipefail
cd "$(dirname "$0")/.."

# That of Mezzo itself, in which the header's package is built already.
scratch=.build
swift build --package-path Tests/ThirdParty --scratch-path "$scratch" "$@"
folder=$(swift build --package-path Tests/ThirdParty --scratch-path "$scratch" --show-bin-path "$@")
mezzo=$(swift build --show-bin-path "$@")/mezzo
case $(uname) in Darwin) suffix=dylib ;; *) suffix=so ;; esac
library=$folder/libRectifier.$suffix

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What this machine's user has approved or probed must not decide.
export XDG_CONFIG_HOME=$work/config XDG_DATA_HOME=$work/data MEZZO_CACHE_DIR=$work/cache

# train PIN... : a training whose routes have to name each backend that is pinned.
train() {
  local pins=() pin report
  for pin in "$@"; do pins+=(--pin "$pin"); done
  # Pinned: what a backend measured itself at decides otherwise, and a busy machine measures badly.
  report=$("$mezzo" train --epochs 1 --layers 16,16 --quiet --json "${pins[@]}")
  for pin in "$@"; do
    grep -q "\"backend\" : \"${pin##*=}\"" <<<"$report" || {
      echo "third-party: expected a training to follow the pin $pin; 'mezzo why-not ${pin##*=}' says why not" >&2
      exit 1
    }
  done
}

"$mezzo" backend check "$library"
MEZZO_BACKEND_PATH=$library train op:relu_gradient=rectifier
echo "third-party: rectifier conforms, and trains"

# A manifest that was written along the guide, for a library of the system.
manifest=$PWD/Tests/ThirdParty/Manifests/gslcblas.toml
if "$mezzo" backend check "$manifest" --level load >"$work/gslcblas.txt" 2>&1 || ! grep -q 'can be opened' "$work/gslcblas.txt"; then
  "$mezzo" backend check "$manifest"
  MEZZO_BACKEND_PATH=$manifest train op:matmul=gslcblas
  echo "third-party: gslcblas conforms, and trains"
else
  echo "third-party: skipped gslcblas, its library is not installed: apt-get install libgslcblas0"
fi

# Projects of three languages, all three in one training. Their symbols have the same names.
paths=() pins=() place=op:matmul
for project in c:cc rust:cargo swift:swiftc; do
  language=${project%:*} compiler=${project#*:}
  command -v "$compiler" >/dev/null || {
    echo "third-party: skipped the project in $language, there is no $compiler on PATH"
    continue
  }
  (cd "$work" && "$mezzo" backend new --lang "$language" "mine-$language" >/dev/null)
  make -C "$work/mine-$language" MEZZO="$mezzo" check
  paths+=("$work/mine-$language/mine-$language.$suffix")
  pins+=("$place=mine-$language")
  # The last pin that concerns an operation counts: the first is for all products, the others are for one layer each.
  case $place in
    op:matmul) place='*dense_1*&op:matmul' ;;
    *) place='*dense_2*&op:matmul' ;;
  esac
done
MEZZO_BACKEND_PATH=$(IFS=:; echo "${paths[*]}") train "${pins[@]}"
echo "third-party: ${#paths[@]} projects conform, and train together"

# The mistakes that the projects show are found in every language that can be compiled here.
MEZZO_LANGUAGES=all swift test --skip-build --filter BackendProjectTests "$@"
