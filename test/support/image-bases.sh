#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the two images that deploy/Dockerfile builds on, from Debian's packages, and prints the folder
# of the storage that has them, as localhost/build and localhost/base. It is kept there; another recipe
# or other package sources make another one.
# Needs root, buildah and mmdebstrap.
set -eu

suite=trixie
builders=ca-certificates,g++,make,npm,python3
cache=${SECCOMPAGENT_CACHE:-/var/cache/seccompagent}
# One file of sources, since others may say what only this machine has; without it, Debian's own.
sources=/etc/apt/sources.list.d/debian.sources
[ -f "$sources" ] || sources=

key=$(cat "$0" ${sources:+"$sources"} | sha256sum | cut -c 1-16)
storage=$cache/image-$key
if [ -d "$storage" ]; then
  echo "$storage"
  exit
fi

echo "making $storage" >&2
mkdir -p "$cache"
new=$(mktemp -d "$storage.XXXXXX")
run=$(mktemp -d)
trap 'rm -rf --one-file-system "$new" "$run"' EXIT
trap 'exit 1' HUP INT TERM

add_image() {
  mmdebstrap --quiet --mode=root --variant=minbase ${2:+"--include=$2"} \
    "$suite" "$run/$1.tar" ${sources:+"$sources"} >&2
  container=$(buildah --root "$new" --runroot "$run" --storage-driver overlay from scratch)
  buildah --root "$new" --runroot "$run" add --quiet "$container" "$run/$1.tar" / >&2
  buildah --root "$new" --runroot "$run" commit --quiet --rm "$container" "localhost/$1:test" >&2
  rm "$run/$1.tar"
}
add_image base ''
add_image build "$builders"

# Somebody else may have made the same one meanwhile.
mv -T "$new" "$storage" 2>/dev/null || [ -d "$storage" ]
echo "$storage"
