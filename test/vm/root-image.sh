#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the disk that the machine starts from and takes its kernel out of it, both from Debian's
# packages, and prints the folder that they are in. It is kept there; another recipe, another first
# process or other package sources make another one.
# Needs root, mmdebstrap and mke2fs.
set -eu

suite=trixie
# The one for virtual machines has NVMe disks and ext4 built in, so it starts without an initramfs.
kernel_package=linux-image-cloud-amd64
packages=apparmor,busybox-static,crun,iproute2,kmod,ksmbd-tools,libatomic1,libstdc++6,runc
size=1G
here=$(cd "$(dirname "$0")" && pwd)
cache=${SECCOMPAGENT_CACHE:-/var/cache/seccompagent}
# One file of sources, since others may say what only this machine has; without it, Debian's own.
sources=/etc/apt/sources.list.d/debian.sources
[ -f "$sources" ] || sources=

key=$(cat "$0" "$here/add-kernel.sh" "$here/init.sh" ${sources:+"$sources"} | sha256sum | cut -c 1-16)
image=$cache/vm-$key
if [ -d "$image" ]; then
  echo "$image"
  exit
fi

echo "making $image" >&2
mkdir -p "$cache"
new=$(mktemp -d "$image.XXXXXX")
trap 'rm -rf --one-file-system "$new"' EXIT
trap 'exit 1' HUP INT TERM

# The hook's $1 is the root.
mmdebstrap --quiet --mode=root --variant=minbase \
  --include="$packages" \
  --customize-hook="sh '$here/add-kernel.sh' $kernel_package \"\$1\"" \
  "$suite" "$new/root" ${sources:+"$sources"} >&2
cp "$here/init.sh" "$new/root/sbin/init"
chmod 0755 "$new/root/sbin/init"
mv "$new/root/vmlinuz" "$new/"
mke2fs -q -t ext4 -O ^has_journal -d "$new/root" "$new/root.ext4" "$size"
rm -rf --one-file-system "$new/root"

# Somebody else may have made the same one meanwhile.
mv -T "$new" "$image" 2>/dev/null || [ -d "$image" ]
echo "$image"
