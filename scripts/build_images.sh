#!/usr/bin/env bash
# Builds the images of a cluster's nodes, for this machine's processor or, under QEMU, for the other one.
#
#   scripts/build_images.sh tar ARCH [IMAGE...]         saves them as var/images/idc-sentinel-TAG-ARCH.tar
#   scripts/build_images.sh load ARCH [IMAGE...]        into this machine's Docker, as idc-sentinel/IMAGE:TAG-ARCH
#   scripts/build_images.sh push REGISTRY [IMAGE...]    for each processor it can run on, to REGISTRY/idc-sentinel/IMAGE:TAG
#
# ARCH: amd64 or arm64. IMAGE: such as `alarm`; by default every image that a node may run. TAG is IDC_TAG (0.1.0). In a
# tar each image has two names: idc-sentinel/IMAGE, and images.idc.internal/idc-sentinel/IMAGE for k3s's embedded mirror.
# For another processor than this machine's, run scripts/install_pi_tools.sh first. BASE_PYTHON and BASE_DEBIAN name
# other base images; without a way to a registry, scripts/arm64_bases.sh makes some for arm64. DEVICE_PACKAGES is a driver
# for inference (intel-opencl-icd). Needs Docker with buildx.
set -euEo pipefail
trap 'echo "build_images.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
cd "$(dirname "$0")/.."

usage="usage: build_images.sh tar|load amd64|arm64 [IMAGE...] | push REGISTRY [IMAGE...]"
mode=${1:?$usage}
target=${2:?$usage}
shift 2
tag=${IDC_TAG:-0.1.0}
everywhere=(broker inference gateway slides alarm observability)
# TensorFlow's wheels and the stick's firmware are for amd64
amd64_only=(trainer inference-ncs)

say() { printf 'images: %s\n' "$*" >&2; }

# Prints the options of `docker buildx build` for an image.
options_of() { # IMAGE ARCH
    local python=${BASE_PYTHON:-} debian=${BASE_DEBIAN:-} device=''
    case $1 in
        broker | observability)
            [[ $2 != arm64 || $debian ]] || debian=$(scripts/arm64_bases.sh debian)
            echo "--file $1/Dockerfile${debian:+ --build-arg DEBIAN_IMAGE=$debian}"
            ;;
        inference-ncs) echo "--file services/inference/Dockerfile.ncs" ;;
        alarm | gateway | inference | slides | trainer)
            [[ $2 != arm64 || $python ]] || python=$(scripts/arm64_bases.sh python)
            [[ $1 != inference || ! ${DEVICE_PACKAGES:-} ]] || device="--build-arg DEVICE_PACKAGES=$DEVICE_PACKAGES"
            echo "--file services/Dockerfile --target $1 --build-arg SERVICE=$1${python:+ --build-arg PYTHON_IMAGE=$python} $device"
            ;;
        *) say "there is no image $1: ${everywhere[*]} ${amd64_only[*]}"; return 64 ;;
    esac
}

build() { # IMAGE ARCH NAME...
    local image=$1 arch=$2 options name names=()
    shift 2
    options=$(options_of "$image" "$arch") || exit
    for name in "$@"; do names+=(--tag "$name"); done
    say "building $image for $arch"
    # word by word
    # shellcheck disable=SC2086
    docker buildx build --quiet --provenance=false --platform "linux/$arch" --load $options "${names[@]}" . >/dev/null
}

save() { # ARCH IMAGE...
    local arch=$1 file=var/images/idc-sentinel-$tag-$1.tar image names=()
    shift
    mkdir -p var/images
    for image in "$@"; do
        build "$image" "$arch" "idc-sentinel/$image:$tag" "images.idc.internal/idc-sentinel/$image:$tag"
        names+=("idc-sentinel/$image:$tag" "images.idc.internal/idc-sentinel/$image:$tag")
    done
    docker save --output "$file.new" "${names[@]}"
    mv -f "$file.new" "$file"
    say "$file: on the node, sudo k3s ctr images import ${file##*/}"
}

# One processor after the other, and then one name for both: Docker's own builder cannot build for two at once.
push() { # REGISTRY IMAGE
    local name=$1/idc-sentinel/$2:$tag arch arches=(amd64 arm64)
    [[ " ${amd64_only[*]} " != *" $2 "* ]] || arches=(amd64)
    for arch in "${arches[@]}"; do
        build "$2" "$arch" "$name-$arch"
        docker push --quiet "$name-$arch" >/dev/null
    done
    docker buildx imagetools create --tag "$name" "${arches[@]/#/$name-}" >/dev/null
    say "$name is there for ${arches[*]}"
}

chosen() { # ARCH IMAGE...: the images to build for it
    local arch=$1
    shift
    [[ $# == 0 ]] || { printf '%s\n' "$@"; return; }
    printf '%s\n' "${everywhere[@]}"
    [[ $arch == arm64 ]] || echo "${amd64_only[0]}"
}

if [[ $mode == push ]]; then
    for image in $(chosen both "$@"); do push "$target" "$image"; done
    exit
fi
[[ $target =~ ^(amd64|arm64)$ ]] || { echo "$usage" >&2; exit 64; }
mapfile -t images < <(chosen "$target" "$@")
case $mode in
    tar) save "$target" "${images[@]}" ;;
    load) for image in "${images[@]}"; do build "$image" "$target" "idc-sentinel/$image:$tag-$target"; done ;;
    *) echo "$usage" >&2; exit 64 ;;
esac
