#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes an OCI bundle with a root of busybox and a seccomp profile, that of the demo if none is named:
#   sh deploy/examples/oci-bundle.sh FOLDER [PROFILE]
# Needs runc and a statically linked busybox (Debian: busybox-static).
set -eu

folder=${1:?usage: sh oci-bundle.sh FOLDER [PROFILE]}
profile=${2:-$(dirname "$0")/../profiles/demo-basic.json}
if ! [ -f "$profile" ]; then
  echo "oci-bundle.sh: there is no file $profile" >&2
  exit 1
fi
for needed in busybox runc; do
  command -v "$needed" >/dev/null && continue
  echo "oci-bundle.sh: $needed is needed: apt-get install busybox-static runc" >&2
  exit 1
done
busybox=$(command -v busybox)

mkdir -p "$folder"
for name in bin dev etc mnt proc root sys tmp; do mkdir -p "$folder/rootfs/$name"; done
cp "$busybox" "$folder/rootfs/bin/busybox"
echo 'root:x:0:0:root:/root:/bin/sh' > "$folder/rootfs/etc/passwd"
chroot "$folder/rootfs" /bin/busybox --install -s /bin

rm -f "$folder/config.json"
runc spec -b "$folder"
# The specification that runc writes has a section "linux": the profile becomes its "seccomp", and
# the root may be written to.
awk -v profile="$profile" '
  { sub(/"readonly": true/, "\"readonly\": false"); print }
  /^\t"linux": \{/ {
    printf "\t\t\"seccomp\": "
    while ((getline line < profile) > 0) text = text line "\n"
    sub(/\n$/, ",\n", text)
    printf "%s", text
  }
' "$folder/config.json" > "$folder/config.json.new"
mv "$folder/config.json.new" "$folder/config.json"
