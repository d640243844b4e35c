#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what the project depends on as npm does on the architecture $1, without the packages that
# the other arguments name, and prints the folder. It is kept there; another recipe or other
# dependencies make another one.
# Needs npm.
set -eu

architecture=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
cache=${SECCOMPAGENT_CACHE:-/var/cache/seccompagent}
key=$( (cat "$0" "$project/package-lock.json" && echo "$*") | sha256sum | cut -c 1-16)
folder=$cache/modules-$architecture-$key
if [ -d "$folder" ]; then
  echo "$folder"
  exit
fi

echo "making $folder" >&2
mkdir -p "$cache"
new=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf --one-file-system "$new"' EXIT
trap 'exit 1' HUP INT TERM

mkdir "$new/guest-sdk"
for name in package.json package-lock.json guest-sdk/package.json; do
  cp "$project/$name" "$new/$name"
done
cd "$new"
npm ci --ignore-scripts --os=linux --cpu="$architecture" --libc=glibc --no-audit --no-fund >&2
for name; do
  rm -rf "node_modules/$name"
done

# Somebody else may have made the same one meanwhile.
mv -T "$new" "$folder" 2>/dev/null || [ -d "$folder" ]
echo "$folder"
