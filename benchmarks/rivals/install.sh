#!/usr/bin/env bash
# Installs another inference server from PyPI into an environment of its own, .tools/rivals/NAME: its dependencies and
# this project's do not agree. For the benchmark of rivals, and for the test that swaps one in.
#
#   benchmarks/rivals/install.sh litserve|mlserver
set -euo pipefail
cd "$(dirname "$0")/../.."

case $1 in
    litserve) package=litserve==0.2.19 ;;
    mlserver) package=mlserver==1.7.1 ;;
    *) echo "usage: $0 litserve|mlserver" >&2; exit 64 ;;
esac
folder=.tools/rivals/$1
[[ -e $folder/done ]] && exit
uv=$(command -v uv || echo .tools/bin/uv)
"$uv" venv --quiet --clear --python 3.11 "$folder"
"$uv" pip install --quiet --python "$folder" "$package" openvino==2026.4.1 pillow numpy
touch "$folder/done"
