#!/usr/bin/env bash
# Runs the tests that need no container engine and ends with a line for each layer and their sum.
set -euEo pipefail
trap 'echo "test.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
cd "$(dirname "$0")/.."

uv=$(command -v uv || echo .tools/bin/uv)
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
run=("$uv" run --frozen --all-packages pytest -q)
status=0

# The trainer's tests share one process, since TensorFlow takes ten seconds to load; the others run beside it, all
# layers together: integration tests wait for processes while unit tests keep the cores busy.
"${run[@]}" tests/unit/trainer tests/integration/test_trainer_* \
    --junit-xml "$reports/trainer.xml" >"$reports/trainer.log" 2>&1 &
trainer=$!
"${run[@]}" tests/integration tests/unit tests/contract tests/manifests \
    --ignore tests/unit/trainer --ignore-glob 'tests/integration/test_trainer_*' \
    -n $(($(nproc) + 1)) --dist worksteal --junit-xml "$reports/tests.xml" || status=$?
wait "$trainer" || status=$?
cat "$reports/trainer.log"
"$uv" run --frozen --all-packages python scripts/count_tests.py "$reports"/*.xml
exit "$status"
