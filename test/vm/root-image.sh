#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the disk that a machine of Debian's architecture $1 starts from and takes its kernel out of
# it, both from Debian's packages, and prints the folder that they are in. It is kept there; another
# recipe, another first process or other package sources make another one.
# Needs root, mmdebstrap, depmod and mke2fs.
set -eu

architecture=$1
suite=trixie
# The one for virtual machines has NVMe disks and ext4 built in, so it starts without an initramfs.
kernel_package=linux-image-cloud-$architecture
# Those that Debian calls essential, as far as they are needed, and those that tests use.
packages=base-files,base-passwd,bash,coreutils,dash,findutils,grep,gzip,libc-bin,mount,sed,tar
packages=$packages,apparmor,attr,busybox-static,crun,iproute2,kmod,ksmbd-tools,libasan8,libatomic1
packages=$packages,libstdc++6,libubsan1,passwd,runc,util-linux
size=1G
here=$(cd "$(dirname "$0")" && pwd)
cache=${SECCOMPAGENT_CACHE:-/var/cache/seccompagent}
# One file of sources, since others may say what only this machine has; without it, Debian's own.
sources=/etc/apt/sources.list.d/debian.sources
[ -f "$sources" ] || sources=

recipe=$(cat "$0" "$here/add-kernel.sh" "$here/init.sh" ${sources:+"$sources"} | sha256sum)
image=$cache/vm-$architecture-$(echo "$recipe" | cut -c 1-16)
if [ -d "$image" ]; then
  echo "$image"
  exit
fi

echo "making $image" >&2
mkdir -p "$cache"
new=$(mktemp -d "$image.XXXXXX")
trap 'rm -rf --one-file-system "$new"' EXIT
trap 'exit 1' HUP INT TERM

# Only the packages' files: their scripts would have to run on the machine's processor. The hook's
# $1 is the root.
mmdebstrap --quiet --mode=root --variant=extract --architectures="$architecture" \
  --include="$packages" \
  --extract-hook="sh '$here/add-kernel.sh' $kernel_package:$architecture \"\$1\"" \
  "$suite" "$new/root" ${sources:+"$sources"} >&2
# what the scripts of base-passwd and base-files do
for name in passwd group; do
  cp "$new/root/usr/share/base-passwd/$name.master" "$new/root/etc/$name"
done
mkdir -p "$new/root/mnt"
cp "$here/init.sh" "$new/root/sbin/init"
chmod 0755 "$new/root/sbin/init"
mv "$new/root/vmlinuz" "$new/"
mke2fs -q -t ext4 -O ^has_journal -d "$new/root" "$new/root.ext4" "$size"
rm -rf --one-file-system "$new/root"

# Somebody else may have made the same one meanwhile.
mv -T "$new" "$image" 2>/dev/null || [ -d "$image" ]
echo "$image"
