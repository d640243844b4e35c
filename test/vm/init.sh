#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The first process of the machine: runs the tests, says with what code they ended on the second
# serial line, and turns the machine off. $PROJECT, the files that are wanted as $TESTS, and the
# serial line as $ANSWER are from the kernel's command line.

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t securityfs securityfs /sys/kernel/security
mount -t devtmpfs dev /dev
mkdir /dev/pts
mount -t devpts devpts /dev/pts
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
ip link set lo up

# The project's disk is read-only; what is written beside it goes with the machine.
modprobe virtio_blk
mkdir -p "$PROJECT" /run/project /run/changes /run/work
mount -t erofs -o ro /dev/vda /run/project
mount -t overlay -o lowerdir=/run/project,upperdir=/run/changes,workdir=/run/work \
  project "$PROJECT"
cd "$PROJECT" || exit
# The output of tests goes to whoever wants it, not only to terminals.
export NO_COLOR=1 HOME=/root PATH="$PROJECT/node_modules/.bin:$PATH"

# Through a pipe, since tests that write to a terminal draw over what they have written.
{
  # shellcheck disable=SC2086 # one word for each file
  node node_modules/vitest/vitest.mjs run --config test/vm/vitest.config.ts $TESTS
  echo $? >/run/code
} </dev/null 2>&1 | cat
code=$(cat /run/code)
[ "$code" = 0 ] || dmesg | tail -n 40
echo "$code" >"/dev/$ANSWER"
echo o >/proc/sysrq-trigger
# The first process must not end before the machine does.
sleep 60
