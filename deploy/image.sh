#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The last step of the image's build stage, run in the folder in which `npm ci` has built everything:
# puts what the image has into the folder $1. It takes the packages away from here.
set -eu

out=$1
here=$(pwd)
program=$out/usr/lib/seccompagent
mkdir -p "$program/host/observation/falco" "$program/build/Release" "$program/deploy" "$program/guest-sdk" "$out/usr/bin"

cp -R dist CHANGELOG.md LICENSE package-lock.json package.json "$program"
cp host/seccompagent.sh "$program/host"
cp host/observation/falco/seccompagent-falco.proto "$program/host/observation/falco"
cp build/Release/seccompagent.node build/Release/seccompagent-helper "$program/build/Release"
cp -R deploy/install-profiles.sh deploy/profiles deploy/schema "$program/deploy"
ln -s ../lib/seccompagent/host/seccompagent.sh "$out/usr/bin/seccompagent"

# An example of a language whose components are pictures of a memory, another one each time.
rm -r "$program/dist/handlers-wasm/mkdir-suffix-ts"

# What only builds stays here: the image makes no handlers.
mv node_modules "$program"
cd "$program"
# In a pod the API is reached by its service account, without a kubeconfig.
"$program"/node_modules/node-linux-*/bin/node "$here/deploy/remove-build-packages.mjs" . \
  node-addon-api node-gyp assemblyscript @kubernetes/client-node
rm -rf package-lock.json node_modules/.package-lock.json node_modules/.bin guest-sdk \
  node_modules/node-linux-*/include node_modules/node-linux-*/share node_modules/node-linux-*/bin/np*
strip node_modules/node-linux-*/bin/node

# Node needs it, and slim base images do not have it.
library=$(find /usr/lib -name libatomic.so.1 | head -n 1)
mkdir -p "$out$(dirname "$library")"
cp -L "$library" "$out$library"

find "$out" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
