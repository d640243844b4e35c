#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A hook of mmdebstrap: puts the kernel that the package $1, named with its architecture, stands for
# into the root $2. Only its files, since the package itself would have an initramfs made.
set -eu

APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
export APT_CONFIG
package=$(apt-cache depends "$1" | sed -n 's/.*Depends: linux-image-/linux-image-/p')
package=${package%:*}
release=${package#linux-image-}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && apt-get download -qq -o APT::Sandbox::User=root "$package:${1##*:}")
# Not into the root itself, where lib may be a link.
dpkg-deb --extract "$work/$package"_*.deb "$work/files"
cp -a "$work/files/usr/lib/modules" "$2/usr/lib/"
cp "$work/files/boot/vmlinuz-$release" "$2/vmlinuz"
depmod --basedir "$2" "$release"
