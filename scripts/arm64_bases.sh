#!/usr/bin/env bash
# Prints the name of the base image for arm64, of Python or of Debian: the official one or, on a machine without a way to
# its registry, one that is made here of Debian's packages and needs only a Debian mirror (DEBIAN_MIRROR).
#
#   scripts/arm64_bases.sh python|debian
#
# Run scripts/install_pi_tools.sh first, unless this machine is arm64.
set -euEo pipefail
trap 'echo "arm64_bases.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf 'arm64 bases: %s\n' "$*" >&2; }

bootstrap() { # SUITE OPTION...
    local suite=$1
    shift
    mmdebstrap --quiet --arch=arm64 --aptopt='Acquire::Languages "none"' "$@" "$suite" "$work/root.tar" \
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" 2>"$work/log" ||
        { cat "$work/log" >&2; return 1; }
    # a site's proxy may sign with its own authority, which this machine knows
    cp /etc/ssl/certs/ca-certificates.crt "$work/"
}

# Debian's Python under the names that the official image uses. The packages are only unpacked, since running their
# scripts under QEMU takes minutes; the RUN line does the part of those scripts that the services need.
make_python() {
    bootstrap bookworm --variant=extract --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
        --include=bash,base-files,base-passwd,ca-certificates,coreutils,libc-bin,libstdc++6,mawk,netbase,passwd,python3-pip,python3.11,sed,util-linux
    cat >"$work/Dockerfile" <<'DOCKERFILE'
FROM scratch
ADD root.tar /
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
SHELL ["/bin/bash", "-euc"]
RUN install -d /usr/local/bin && install -d -m 1777 /tmp && cp /usr/share/base-passwd/passwd.master /etc/passwd && cp /usr/share/base-passwd/group.master /etc/group \
    && ln -sf bash /bin/sh && ln -sf mawk /usr/bin/awk && ldconfig && rm /usr/lib/python3*/EXTERNALLY-MANAGED \
    && for name in python python3 python3.11; do ln -s /usr/bin/python3.11 /usr/local/bin/$name; done \
    && printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >/etc/pip.conf
ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
CMD ["python3"]
DOCKERFILE
}

# A whole minimal Debian, since its users install packages.
make_debian() {
    bootstrap trixie --variant=minbase --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*'
    printf 'FROM scratch\nADD root.tar /\nCMD ["bash"]\n' >"$work/Dockerfile"
}

case ${1:-} in
    python) official=python:3.11-slim-bookworm ;;
    debian) official=debian:trixie-slim ;;
    *) echo "usage: arm64_bases.sh python|debian" >&2; exit 64 ;;
esac
if timeout 30 docker buildx imagetools inspect "$official" >/dev/null 2>&1; then
    echo "$official"
    exit
fi
stand_in=local/$official-arm64
if ! docker image inspect "$stand_in" >/dev/null 2>&1; then
    say "cannot reach a registry: making $stand_in"
    "make_$1"
    docker buildx build --quiet --platform linux/arm64 --load --tag "$stand_in" "$work" >/dev/null
fi
echo "$stand_in"
