# SPDX-License-Identifier: Apache-2.0
# Runs containerd in the namespaces that it is started in, until stdin ends: whoever has started it is
# gone then, or through. Nothing of it stays: neither its processes nor its containers and cgroups.
# Arguments: the folder with config.toml, and the cgroup below which its containers are.
set -u
folder=$1
cgroup=$2

# crun refuses to work with cgroups of version 2 beside version 1, and makes folders where they were
unified=/sys/fs/cgroup/unified
if mountpoint -q $unified; then umount $unified && mount -t tmpfs none $unified || exit 1; fi
# runtimes, shims and network plugins keep something there, whatever they are told
mount -t tmpfs none /run && mount -t tmpfs none /var/lib || exit 1
ip link set lo up || exit 1
owner_of_null=$(stat -c %u:%g /dev/null)

cgroups() {
  awk '$3 ~ /^cgroup/ { print $2 }' /proc/mounts | while read -r hierarchy; do
    find "$hierarchy/$cgroup" -depth "$@" 2>/dev/null
  done
}

# what is frozen by version 1 cannot be killed
thaw() {
  cgroups -name freezer.state | while read -r file; do echo THAWED >"$file"; done
}

# containerd, its shims and the runtimes have our mounts, containers have our cgroup
remaining() {
  # brackets have a meaning in patterns
  mounts=$(readlink /proc/$$/ns/mnt | tr '[]' '??')
  find /proc/[0-9]*/ns/mnt -maxdepth 0 -lname "$mounts" 2>/dev/null | cut -d/ -f3 |
    while read -r pid; do
      case $(cat "/proc/$pid/comm" 2>/dev/null) in
      containerd* | runc* | crun* | ctr) echo "$pid" ;;
      esac
    done
  cgroups -name cgroup.procs -exec cat {} +
}

containerd --config "$folder/config.toml" >"$folder/containerd.log" 2>&1 </dev/null &
cat >/dev/null

while pids=$(remaining | sort -u) && [ -n "$pids" ]; do
  thaw
  # shellcheck disable=SC2086
  kill -KILL $pids 2>/dev/null
  sleep 0.05
done
# crun gives what is the stdin of a container to the container's root
chown "$owner_of_null" /dev/null
# the last process may still be on its way out
while cgroups -type d -exec rmdir {} + && [ -n "$(cgroups -type d)" ]; do sleep 0.05; done
