// SPDX-License-Identifier: Apache-2.0
// Limits of children that work on what a stranger has written. Their address space is not limited:
// Node reserves more than a gigabyte of it that it never uses.

const mebibyte = 2 ** 20;

/**
 * Memory that Node maps at its start and hardly touches: the stacks of its threads, and from Node 24 on the
 * range for machine code.
 */
const untouchedBytes = Number(process.versions.node.split('.')[0]) < 24 ? 0 : 544 * mebibyte;
/** Of the agent, what it may take more while a child runs. */
const spareBytes = 32 * mebibyte;

export interface ChildLimits {
  /** Of what it maps for itself and may touch. */
  readonly dataBytes: number;
  readonly processorSeconds: number;
}

/**
 * The same limits, lower where the memory of our cgroup is short: a child that gets there has the
 * kernel kill one of us, or all.
 * @param leftBytes what the cgroup has left
 */
export function withinMemory<Limits extends ChildLimits>(
  limits: Limits,
  leftBytes: number = bytesLeft(),
): Limits {
  const dataBytes = Math.max(0, Math.min(limits.dataBytes, leftBytes - spareBytes));
  return { ...limits, dataBytes };
}

/** Only memory that cannot be reclaimed counts: no page cache. */
function bytesLeft(): number {
  // zero: there is no limit
  return (process.constrainedMemory() || Infinity) - process.memoryUsage.rss();
}

/**
 * The kernel kills it first where memory is short. Where a limit is lower already, it stays. Time that
 * is over is told by a signal of its own, SIGXCPU.
 */
const script = `
echo 1000 >/proc/self/oom_score_adj
ulimit -c 0
ulimit -d "$1"
ulimit -S -t "$2"
ulimit -H -t "$(($2 + 5))"
shift 2
unset PWD OLDPWD SHLVL
exec "$@"
`;

/** The same command, within limits. */
export function underLimits(
  { dataBytes, processorSeconds }: ChildLimits,
  command: readonly string[],
): readonly [string, ...string[]] {
  const kibibytes = String(Math.floor((dataBytes + untouchedBytes) / 1024));
  return ['/bin/sh', '-c', script, 'sh', kibibytes, String(processorSeconds), ...command];
}
