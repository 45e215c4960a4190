#!/usr/bin/env bash
# Installs another project's program from PyPI into its own environment, .tools/peers/NAME: a server or client of the
# Open Inference Protocol. Their dependencies conflict with this project's. For tests and benchmarks.
#
#   scripts/install_peer.sh kserve|litserve|mlserver
set -euEo pipefail
trap 'echo "install_peer.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
cd "$(dirname "$0")/.."

case ${1:-} in
    kserve) packages=(kserve==0.21.0) ;;
    litserve) packages=(litserve==0.2.19 openvino==2026.4.1 pillow numpy) ;;
    mlserver) packages=(mlserver==1.7.1 openvino==2026.4.1 pillow numpy) ;;
    *) echo "usage: $0 kserve|litserve|mlserver" >&2; exit 64 ;;
esac
folder=.tools/peers/$1
[[ -e $folder/done ]] && exit
echo "tools: installing $1 into $folder" >&2
uv=$(command -v uv || echo .tools/bin/uv)
"$uv" venv --quiet --clear --python 3.11 "$folder"
"$uv" pip install --quiet --python "$folder" "${packages[@]}"
touch "$folder/done"
