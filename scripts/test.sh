#!/usr/bin/env bash
# Runs the tests that need no container engine and ends with a line for each layer and their sum.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=$(command -v uv || echo .tools/bin/uv)
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
status=0
# All layers in one run: integration tests wait for processes while unit tests keep the cores busy.
workers=$(($(nproc) + 1))
"$uv" run --frozen --all-packages pytest tests/integration tests/unit tests/contract tests/manifests \
    -q -n "$workers" --dist worksteal --junit-xml "$reports/tests.xml" || status=$?
"$uv" run --frozen --all-packages python scripts/count_tests.py "$reports/tests.xml"
exit "$status"
