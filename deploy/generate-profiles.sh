#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes the profiles of the examples for Kubernetes, for kubelets and for the Security Profiles
# Operator, into the folder $1 (default: this one).
set -eu

here=$(dirname "$(readlink -f "$0")")
to=${1:-$here}
mkdir -p "$to/profiles/kubernetes" "$to/security-profiles-operator"

generate() {
  name=$1
  shift
  set -- "$here/../host/seccompagent.sh" profile generate \
    -socketfile=/run/seccomp-agent/agent.socket "$@"
  "$@" -o "$to/profiles/kubernetes/$name.json"
  "$@" -format spo -name "$name" -o "$to/security-profiles-operator/$name.yaml"
}

generate demo-pod -block-io-uring \
  -metadata 'MKDIR_TMPL=-{{.Namespace}}-{{.Pod}}-{{.Container}}' \
  -metadata EXEC_PATTERN=/bin/true -metadata EXEC_DURATION=2s \
  -metadata MOUNT_PROC=true kubernetes
generate userns-pod-cifs \
  -metadata MOUNT_OTHER_FS_LIST=cifs -metadata MOUNT_NEED_CAP_ADMIN=true kubernetes
generate unprivileged-build-pod unprivileged-build
