#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes the profiles of the examples for Kubernetes, for kubelets and for the Security Profiles
# Operator, into the folder $1 (default: this one): NAME for every runtime, and NAME-crun for crun and
# for runc from 1.5 on, where signals take no received call back.
set -eu

here=$(dirname "$(readlink -f "$0")")
to=${1:-$here}
profiles=$to/profiles/kubernetes
operator=$to/security-profiles-operator
flag=SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
mkdir -p "$profiles" "$operator"

make() {
  file=$1
  shift
  set -- "$here/../host/seccompagent.sh" profile generate \
    -socketfile=/run/seccomp-agent/agent.socket -base container "$@"
  "$@" -o "$profiles/$file.json"
  "$@" -format spo -name "$file" -o "$operator/$file.yaml"
}

generate() {
  name=$1
  shift
  make "$name" -runtime runc "$@"
  make "$name-crun" -runtime crun "$@"
}

generate demo-pod \
  -metadata 'MKDIR_TMPL=-{{.Namespace}}-{{.Pod}}-{{.Container}}' \
  -metadata EXEC_PATTERN=/bin/true -metadata EXEC_DURATION=2s \
  -metadata MOUNT_PROC=true kubernetes
# Whoever mounts may unmount.
generate userns-pod-cifs -allow umount,umount2 \
  -metadata MOUNT_OTHER_FS_LIST=cifs -metadata MOUNT_NEED_CAP_ADMIN=true kubernetes
# What buildah, crun and runc do that make containers in the container, in user namespaces of theirs.
generate unprivileged-build-pod -allow clone,pivot_root,sethostname,umount2,unshare \
  unprivileged-build

# This one is written by hand.
sed "s/^  \"listenerPath\"/  \"flags\": [\"$flag\"],\n&/" \
  "$here/profiles/kubernetes/dangerous.json" >"$profiles/dangerous-crun.json"
sed "s/^  listenerPath:/  flags:\n    - $flag\n&/; s/^  name: dangerous/&-crun/; s/dangerous\.json/dangerous-crun.json/" \
  "$here/security-profiles-operator/dangerous.yaml" >"$operator/dangerous-crun.yaml"
