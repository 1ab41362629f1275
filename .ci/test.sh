#!/usr/bin/env bash
# Runs `swift test` with the arguments given, and fails also when no test ran: SwiftPM calls that a success.
set -euo pipefail
cd "$(dirname "$0")/.."

report=$(mktemp -d)
trap 'rm -rf "$report"' EXIT

swift test --xunit-output "$report/tests.xml" "$@"

count=$(cat "$report"/*.xml | grep -c '<testcase' || true)
if [[ $count == 0 ]]; then
  printf 'test: expected at least one test to run with: swift test %s; found none\n' "$*" >&2
  exit 1
fi
printf 'test: %s tests passed\n' "$count"
