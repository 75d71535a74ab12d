#!/bin/sh
# Builds both images without a daemon or an image registry, on a Debian 12 that is made here, and runs
# them (image.py). Called by check.sh; as root, with buildah and mmdebstrap. The root that all bases are
# stands in $IMAGE_DIR/base.tar and is made once.
set -eu

: "${IMAGE_DIR:=.image-check}" "${BIN:=.venv-package/bin}"
export BUILDAH_ISOLATION=chroot
mkdir -p "$IMAGE_DIR"
IMAGE_DIR=$(cd "$IMAGE_DIR" && pwd)
with_all=python3,python3-pip,ca-certificates,curl,dnsutils,iproute2,lsof,openssh-client,openssl,procps,kubernetes-client
if [ ! -f "$IMAGE_DIR/base.tar" ]; then
    mmdebstrap --quiet --variant=minbase --mode=root --include=$with_all bookworm "$IMAGE_DIR/new.tar"
    mv "$IMAGE_DIR/new.tar" "$IMAGE_DIR/base.tar"
fi

work=$(mktemp -d "$IMAGE_DIR/work.XXXXXX")
b() { buildah --root "$work/storage" --runroot "$work/run" "$@"; }
trap 'b umount --all >/dev/null 2>&1; b rm --all >/dev/null 2>&1; rm -rf "$work"' EXIT

base=$(b from scratch)
b add -q "$base" "$IMAGE_DIR/base.tar" / >/dev/null
b commit -q "$base" base:12 >/dev/null
b rm "$base" >/dev/null

# What the machine trusts is needed to reach the package index where a proxy is in between.
certificates=/etc/ssl/certs/ca-certificates.crt
failed=0
for target in server engine; do
    set -- --build-arg VERSION=check --build-arg REVISION=check
    for argument in BUILD_BASE SERVER_BASE ENGINE_BASE KUBECTL_BASE; do
        set -- "$@" --build-arg "$argument=localhost/base:12"
    done
    b bud --quiet --layers --target "$target" --timestamp 1700000000 "$@" \
        --volume "$certificates:$certificates:ro" --tag "opsmcp:$target" \
        --file deploy/image/Containerfile . >"$work/log" 2>&1 || {
        echo "FAIL  $target: build"
        tail -n 20 "$work/log"
        failed=1
        continue
    }
    container=$(b from "localhost/opsmcp:$target")
    root=$(b mount "$container")
    config=$(b inspect --type image "localhost/opsmcp:$target" |
        "$BIN/python" -c 'import json, sys; print(json.dumps(json.load(sys.stdin)["OCIv1"]["config"]))')
    "$BIN/python" -m tests.packaging.image "$root" "$config" "$target" || failed=1
    b umount "$container" >/dev/null
done
exit $failed
