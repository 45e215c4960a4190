#!/usr/bin/env bash
# Builds the images of a cluster's nodes, for this machine's processor or, under QEMU, for the other one.
#
#   scripts/build_images.sh tar ARCH [IMAGE...]         saves them as var/images/idc-sentinel-TAG-ARCH.tar
#   scripts/build_images.sh push REGISTRY [IMAGE...]    for amd64 and arm64, to REGISTRY/idc-sentinel/IMAGE:TAG
#
# ARCH: amd64 or arm64. IMAGE: such as `alarm`; by default every image that a node may run. TAG is IDC_TAG (0.1.0). In a
# tar each image has two names: idc-sentinel/IMAGE, and images.idc.internal/idc-sentinel/IMAGE for k3s's embedded mirror.
# For another processor than this machine's, run scripts/install_pi_tools.sh first. BASE_PYTHON names
# another base image of the Python services. Needs Docker with buildx.
set -euEo pipefail
trap 'echo "build_images.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
cd "$(dirname "$0")/.."

usage="usage: build_images.sh tar amd64|arm64 [IMAGE...] | push REGISTRY [IMAGE...]"
mode=${1:?$usage}
target=${2:?$usage}
shift 2
tag=${IDC_TAG:-0.1.0}
everywhere=(broker inference gateway slides alarm observability)
# TensorFlow's wheels and the stick's firmware are for amd64
amd64_only=(trainer inference-ncs)

say() { printf 'images: %s\n' "$*" >&2; }

# Prints the options of `docker buildx build` for an image.
options_of() { # IMAGE
    case $1 in
        broker | observability) echo "--file $1/Dockerfile" ;;
        inference-ncs) echo "--file services/inference/Dockerfile.ncs" ;;
        alarm | gateway | inference | slides | trainer) echo "--file services/Dockerfile --target $1 --build-arg SERVICE=$1" ;;
        *) say "there is no image $1: ${everywhere[*]} ${amd64_only[*]}"; return 64 ;;
    esac
}

build() { # IMAGE OPTION...
    local image=$1 options
    shift
    options=$(options_of "$image") || exit
    [[ ${BASE_PYTHON:-} ]] && options+=" --build-arg PYTHON_IMAGE=$BASE_PYTHON"
    # word by word
    # shellcheck disable=SC2086
    docker buildx build --quiet --provenance=false $options "$@" . >/dev/null
}

save() { # ARCH IMAGE...
    local arch=$1 file=var/images/idc-sentinel-$tag-$1.tar image names=()
    shift
    mkdir -p var/images
    for image in "$@"; do
        say "building $image for $arch"
        build "$image" --platform "linux/$arch" --load --tag "idc-sentinel/$image:$tag" \
            --tag "images.idc.internal/idc-sentinel/$image:$tag"
        names+=("idc-sentinel/$image:$tag" "images.idc.internal/idc-sentinel/$image:$tag")
    done
    docker save --output "$file.new" "${names[@]}"
    mv -f "$file.new" "$file"
    say "$file: on the node, sudo k3s ctr images import ${file##*/}"
}

case $mode in
    tar)
        case $target in
            amd64) images=("${everywhere[@]}" "${amd64_only[0]}") ;;
            arm64) images=("${everywhere[@]}") ;;
            *) echo "$usage" >&2; exit 64 ;;
        esac
        [[ $# == 0 ]] || images=("$@")
        save "$target" "${images[@]}"
        ;;
    push)
        [[ $# == 0 ]] && set -- "${everywhere[@]}"
        for image in "$@"; do
            say "building and pushing $image for amd64 and arm64"
            build "$image" --platform linux/amd64,linux/arm64 --push --tag "$target/idc-sentinel/$image:$tag"
        done
        # the trainer is for amd64 alone: `docker push` what `tar amd64 trainer` has built
        ;;
    *) echo "$usage" >&2; exit 64 ;;
esac
