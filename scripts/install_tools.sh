#!/usr/bin/env bash
# Installs what the tests need and this machine lacks: uv (into .tools/, from PyPI), Mosquitto, Chromium and PostgreSQL (Debian's
# or Ubuntu's packages), and the project's Python environment. Idempotent; says what it does.
#
#   scripts/install_tools.sh uv       uv alone
#   scripts/install_tools.sh          everything
set -euEo pipefail
trap 'echo "install_tools.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
cd "$(dirname "$0")/.."

uv_version=0.13.9

say() { printf 'tools: %s\n' "$*" >&2; }

as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
        say "not root and no sudo: run as root: $*"
        return 1
    fi
}

apt_install() { # COMMAND=PACKAGE...
    local missing=()
    for pair in "$@"; do
        PATH=$PATH:/usr/sbin command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [[ ${#missing[@]} == 0 ]] && return
    command -v apt-get >/dev/null || { say "install these by your system's own means: ${missing[*]}"; return 1; }
    say "installing ${missing[*]}"
    as_root apt-get update -qq
    # Debian starts a packaged broker at once; the tests start their own.
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

install_uv() {
    command -v uv >/dev/null || [[ -x .tools/bin/uv ]] && return
    python3 -c 'import ensurepip, venv' 2>/dev/null || { apt_install no-such-command=python3-venv; }
    say "installing uv $uv_version into .tools/"
    python3 -m venv .tools
    .tools/bin/pip install --quiet "uv==$uv_version"
}

install_uv
[[ ${1:-} == uv ]] && exit
apt_install mosquitto=mosquitto openssl=openssl chromium=chromium systemd-analyze=systemd
# Debian keeps PostgreSQL's programs out of the PATH; the tests make clusters of their own.
[[ -n $(compgen -G '/usr/lib/postgresql/*/bin/initdb') ]] || apt_install no-such-command=postgresql
uv=$(command -v uv || echo .tools/bin/uv)
"$uv" sync --frozen --all-packages --quiet

# Another server of the Open Inference Protocol, which the tests put in the place of the project's own, and a client.
scripts/install_peer.sh mlserver
scripts/install_peer.sh kserve

# The compiler for the Neural Compute Stick: a program in the last wheel that has it. It needs no Python and no stick.
if [[ $(uname -m) == x86_64 && ! -x .tools/myriad/openvino/libs/myriad_compile ]]; then
    say "installing myriad_compile into .tools/myriad"
    ldconfig -p | grep -q libusb-1.0.so.0 || apt_install no-such-command=libusb-1.0-0
    "$uv" pip install --quiet --target .tools/myriad --no-deps --only-binary :all: --python-version 3.8 \
        --python-platform x86_64-manylinux2014 openvino==2021.3.0
    chmod +x .tools/myriad/openvino/libs/myriad_compile
fi
