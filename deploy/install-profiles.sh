#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Puts the profiles for Kubernetes into the folder $1, each whole or not at all: a container that
# starts meanwhile reads the old one or the new one.
set -eu

to=$1
from=$(dirname "$(readlink -f "$0")")/profiles/kubernetes
umask 022
mkdir -p "$to"
for profile in "$from"/*.json; do
  name=${profile##*/}
  cp "$profile" "$to/.$name.new"
  mv "$to/.$name.new" "$to/$name"
  echo "$to/$name"
done
