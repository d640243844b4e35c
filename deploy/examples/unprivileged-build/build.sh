#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the container of the example runs: buildah, which starts the RUN step with crun or runc.
set -eu

runtime=$1

echo 'The container:'
sh /example/show.sh
echo

# vfs needs neither overlay mounts nor /dev/fuse. The container has no network to give away.
export BUILDAH_ISOLATION=rootless STORAGE_DRIVER=vfs
buildah bud --runtime "$runtime" --network host --build-context programs=/usr/bin \
  --tag example /example
