#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Shows who runs it and what /proc and /sys hide from it: in the container, and in the RUN step.
set -eu

# Behind a mask there is /dev/null or an empty folder; a proc of processes alone does not have them.
is_hidden() {
  [ -e "$1" ] || return 0
  [ ! -c "$1" ] || return 0
  [ -d "$1" ] && content=$(ls -A "$1" 2>&1) && [ -z "$content" ]
}

# A later line of mountinfo lies over an earlier one.
is_read_only() {
  answer=1
  while read -r _ _ _ _ point options _; do
    [ "$point" = "$1" ] || continue
    case ,$options, in
      *,ro,*) answer=0 ;;
      *) answer=1 ;;
    esac
  done </proc/self/mountinfo
  return $answer
}

hidden='' shown='' read_only='' writable=''
for path in /proc/acpi /proc/kcore /proc/keys /proc/scsi /proc/timer_list /sys/firmware; do
  if is_hidden "$path"; then hidden="$hidden $path"; else shown="$shown $path"; fi
done
for path in /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger; do
  if [ ! -e "$path" ]; then
    hidden="$hidden $path"
  elif is_read_only "$path"; then
    read_only="$read_only $path"
  else
    writable="$writable $path"
  fi
done

while read -r key value _; do
  case $key in
    Uid:) user=$value ;;
    CapEff:) effective=$value ;;
    CapBnd:) bounding=$value ;;
  esac
done </proc/self/status

cd /proc
echo "  process $$ of these:" [0-9]*
echo "  user $user, Linux capabilities $effective of $bounding"
echo "  hidden:$hidden"
echo "  shown:$shown"
echo "  read-only:$read_only"
echo "  writable:$writable"
