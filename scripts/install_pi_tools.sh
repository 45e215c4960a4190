#!/usr/bin/env bash
# Installs the missing tools for the emulated Raspberry Pi, on Debian or Ubuntu: QEMU for arm64 programs and for a whole
# Pi, mmdebstrap, fdtput and cpio; and lets the kernel start arm64 programs. Idempotent; reports what it does.
set -euEo pipefail
trap 'echo "install_pi_tools.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR

say() { printf 'pi tools: %s\n' "$*" >&2; }

as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
        say "not root and no sudo: run as root: $*"
        return 1
    fi
}

missing=()
for pair in qemu-aarch64-static=qemu-user-static qemu-system-aarch64=qemu-system-arm mmdebstrap=mmdebstrap \
    fdtput=device-tree-compiler cpio=cpio zstd=zstd; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
done
if [[ ${#missing[@]} != 0 ]]; then
    command -v apt-get >/dev/null || { say "install these with your system's package manager: ${missing[*]}"; exit 1; }
    say "installing ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi

# The package registers its interpreter through a systemd service; without systemd, this does it. The flag F in Debian's
# line opens the interpreter now, so it also works in containers, which do not contain it.
binfmt=/proc/sys/fs/binfmt_misc
[[ -e $binfmt/register ]] || as_root mount -t binfmt_misc binfmt_misc "$binfmt"
if [[ ! -e $binfmt/qemu-aarch64 && $(uname -m) != aarch64 ]]; then
    say "enabling arm64 programs in the kernel"
    as_root sh -c "cat /usr/lib/binfmt.d/qemu-aarch64.conf >$binfmt/register"
fi
