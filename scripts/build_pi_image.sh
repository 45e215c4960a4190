#!/usr/bin/env bash
# Builds the alarm's image for arm64, as idc-sentinel/alarm:TAG-arm64 (TAG is IDC_TAG, default 0.1.0), on any machine
# that scripts/install_pi_tools.sh prepared. The base image comes from the registry; without a registry, a stand-in is
# built from Debian's packages, which needs only a Debian mirror.
set -euEo pipefail
trap 'echo "build_pi_image.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
cd "$(dirname "$0")/.."

base=python:3.11-slim-bookworm
stand_in=local/python:3.11-slim-bookworm-arm64
image=idc-sentinel/alarm:${IDC_TAG:-0.1.0}-arm64
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

say() { printf 'pi image: %s\n' "$*" >&2; }

# Debian's Python under the names that the official image uses. The packages are only unpacked, since running their
# scripts under QEMU takes minutes; the RUN line does the part of those scripts that the alarm's image needs.
make_stand_in() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mmdebstrap --quiet --variant=extract --arch=arm64 --aptopt='Acquire::Languages "none"' \
        --include=bash,base-files,base-passwd,ca-certificates,coreutils,libc-bin,passwd,python3-pip,python3.11,util-linux \
        --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr bookworm "$work/root.tar" \
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" 2>"$work/log" ||
        { cat "$work/log" >&2; return 1; }
    # a site's proxy may sign with its own authority, which this machine knows
    cp /etc/ssl/certs/ca-certificates.crt "$work/"
    cat >"$work/Dockerfile" <<'DOCKERFILE'
FROM scratch
ADD root.tar /
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
SHELL ["/bin/bash", "-euc"]
RUN install -d /usr/local/bin && install -d -m 1777 /tmp && cp /usr/share/base-passwd/passwd.master /etc/passwd && cp /usr/share/base-passwd/group.master /etc/group \
    && ln -sf bash /bin/sh && ldconfig && rm /usr/lib/python3*/EXTERNALLY-MANAGED \
    && for name in python python3 python3.11; do ln -s /usr/bin/python3.11 /usr/local/bin/$name; done \
    && printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >/etc/pip.conf
ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
CMD ["python3"]
DOCKERFILE
    docker buildx build --quiet --platform linux/arm64 --load --tag "$stand_in" "$work" >/dev/null
}

if ! timeout 30 docker buildx imagetools inspect "$base" >/dev/null 2>&1; then
    say "cannot reach a registry: using a stand-in for $base"
    docker image inspect "$stand_in" >/dev/null 2>&1 || make_stand_in
    base=$stand_in
fi
say "building $image"
docker buildx build --quiet --platform linux/arm64 --load --build-arg "PYTHON_IMAGE=$base" --build-arg SERVICE=alarm \
    --target alarm --tag "$image" --file services/Dockerfile . >/dev/null
