#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds an image with buildah in an unprivileged container of runc.
set -eu

usage() {
  cat >&2 <<'END'
Usage: sh run.sh [--runtime crun|runc] [--socket PATH | --without-agent] [COMMAND ARG...]
  --runtime        what buildah runs the RUN step with (default crun)
  --socket         the agent socket (default /run/seccomp-agent.socket)
  --without-agent  without a seccomp profile
  COMMAND          what the container runs in place of the build
END
  exit 2
}

example=$(dirname "$(readlink -f "$0")")
runtime=crun
socket=/run/seccomp-agent.socket
deadline_seconds=60

while [ $# -gt 0 ]; do
  case $1 in
    --runtime | --socket) [ $# -ge 2 ] || usage ;;
  esac
  case $1 in
    --runtime) runtime=$2 && shift ;;
    --socket) socket=$2 && shift ;;
    --without-agent) socket= ;;
    -*) usage ;;
    *) break ;;
  esac
  shift
done
case $runtime in
  crun | runc) ;;
  *) usage ;;
esac
[ $# -gt 0 ] || set -- sh /example/build.sh "$runtime"

for needed in jq mmdebstrap runc; do
  command -v "$needed" >/dev/null && continue
  echo "run.sh: $needed is needed: apt-get install jq mmdebstrap runc" >&2
  exit 1
done
if [ "$(id -u)" != 0 ]; then
  echo 'run.sh: only root can start the container' >&2
  exit 1
fi
if [ -n "$socket" ] && [ ! -S "$socket" ]; then
  echo "run.sh: no agent at $socket: start seccompagent -resolver=unprivileged-build" >&2
  exit 1
fi

rootfs=$(sh "$example/rootfs.sh")
work=$(mktemp -d)
id=unprivileged-build-${work##*.}
clean_up() {
  runc --root "$work/state" delete --force "$id" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

runc spec --bundle "$work"
jq --from-file "$example/config.jq" --slurpfile profile "$example/seccomp.json" \
  --arg socket "$socket" --arg rootfs "$rootfs" --arg example "$example" \
  --args -- "$@" <"$work/config.json" >"$work/config.new"
mv "$work/config.new" "$work/config.json"

# A shell that waits for a background job hears signals at once.
timeout --signal KILL "$deadline_seconds" \
  runc --root "$work/state" run --bundle "$work" "$id" &
wait $!
