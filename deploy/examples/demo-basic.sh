#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Shows the three answers of the resolver demo-basic; `npm run demo` runs it under the agent.
set -eu

# We are in a private mount namespace: this file system, and all that is made in it, goes with us.
# Its mount is trapped too, but the handler lends its power for proc only: the kernel judges this one.
mount -n -t tmpfs -o mode=0755 demo /mnt
cd /mnt
# mount(8) keeps notes in /run; it would make a folder for them there
export LIBMOUNT_UTAB=/mnt/utab/utab

say() { printf '\n%s\n' "$1"; }
show() {
  printf '  # %s\n' "$*"
  "$@" 2>&1 | sed 's/^/  /'
}
# The same as root without CAP_SYS_ADMIN, as most containers are.
show_powerless() {
  printf '  # %s\n' "$*"
  setpriv --inh-caps=-sys_admin --bounding-set=-sys_admin -- "$@" 2>&1 | sed 's/^/  /'
}

echo 'Every mkdir, chmod and mount below is trapped; a WebAssembly handler decides about it.'

say '1. mkdir: the handler chooses another path. It adds the number of the first process.'
show mkdir abc
made=$(echo abc-pid-*)
show ls -d "$made"

say '2. chmod: the handler answers with an errno, and nothing happens.'
show chmod 777 .

say '3. mount without CAP_SYS_ADMIN: the agent lends it for proc, for this one call.'
show_powerless mount -t tmpfs none "$made"
show_powerless mount -t proc proc "$made"
show ls "$made/self/cmdline"
