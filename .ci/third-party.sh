#!/usr/bin/env bash
# Builds a backend in a package of its own that knows the header alone, checks that it conforms, and that a training sends
# work to it.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=.build-third-party
swift build --package-path Tests/ThirdParty --scratch-path "$scratch" "$@"
folder=$(swift build --package-path Tests/ThirdParty --scratch-path "$scratch" --show-bin-path "$@")
mezzo=$(swift build --show-bin-path "$@")/mezzo
case $(uname) in Darwin) library=$folder/libRectifier.dylib ;; *) library=$folder/libRectifier.so ;; esac

"$mezzo" backend check "$library"
# Nobody approved the library, and no one has to: this is its author.
export MEZZO_BACKEND_PATH=$library MEZZO_BACKENDS=only:rectifier MEZZO_ALLOW_UNTRUSTED=1
# Pinned: what it measured itself at decides otherwise, and a busy machine measures badly.
report=$("$mezzo" train --epochs 1 --layers 16 --quiet --json --pin op:relu_gradient=rectifier)
grep -q '"backend" : "rectifier"' <<<"$report" || {
  echo "third-party: expected a training to send its relu_gradient to rectifier; 'mezzo why-not rectifier' says why not" >&2
  exit 1
}
echo "third-party: rectifier conforms, and trains"

if [[ $(uname) == Linux ]] && ldconfig -p | grep -q 'libgslcblas\.so\.0'; then
  "$mezzo" backend check Tests/ThirdParty/Manifests/gslcblas.toml
else
  echo "third-party: skipped gslcblas.toml, whose library is not installed (Debian: libgslcblas0)"
fi
