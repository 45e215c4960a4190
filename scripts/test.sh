#!/usr/bin/env bash
# Runs the tests that need no container engine, layer by layer, and ends with a line for each layer and their sum.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=$(command -v uv || echo .tools/bin/uv)
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
failed=0
for layer in unit contract manifests integration; do
    echo "== $layer"
    "$uv" run --frozen --all-packages pytest "tests/$layer" -q -n auto --junit-xml "$reports/$layer.xml" || failed=1
done
"$uv" run --frozen --all-packages python scripts/count_tests.py "$reports"/*.xml
exit $failed
