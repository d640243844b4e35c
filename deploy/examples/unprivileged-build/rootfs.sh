#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the root file system of the example's container from Debian's packages, and prints where it
# is. It is kept there; another recipe or other package sources make another one.
# Needs root and mmdebstrap.
set -eu

suite=trixie
packages=buildah,busybox-static,crun,libcap2-bin,netavark,runc,uidmap
cache=${SECCOMPAGENT_CACHE:-/var/cache/seccompagent}
# One file of sources, since others may say what only this machine has; without it, Debian's own.
sources=/etc/apt/sources.list.d/debian.sources
[ -f "$sources" ] || sources=

key=$(cat "$0" ${sources:+"$sources"} | sha256sum | cut -c 1-16)
rootfs=$cache/unprivileged-build-$key
if [ -d "$rootfs" ]; then
  echo "$rootfs"
  exit
fi

echo "making $rootfs" >&2
mkdir -p "$cache"
new=$(mktemp -d "$rootfs.XXXXXX")
trap 'rm -rf --one-file-system "$new"' EXIT
trap 'exit 1' HUP INT TERM

# A newuidmap that is setuid would need CAP_SYS_ADMIN to write the maps of its caller's user
# namespace; with a file capability it stays its caller, who owns that namespace.
# The hooks' $1 is the root.
mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
  --customize-hook='chroot "$1" useradd --create-home --uid 1000 builder' \
  --customize-hook='chroot "$1" chmod u-s /usr/bin/newuidmap /usr/bin/newgidmap' \
  --customize-hook='chroot "$1" setcap cap_setuid=ep /usr/bin/newuidmap' \
  --customize-hook='chroot "$1" setcap cap_setgid=ep /usr/bin/newgidmap' \
  --customize-hook='mkdir "$1/example"' \
  "$suite" "$new" ${sources:+"$sources"} >&2
chmod 0755 "$new"

# Somebody else may have made the same one meanwhile.
mv -T "$new" "$rootfs" 2>/dev/null || [ -d "$rootfs" ]
echo "$rootfs"
