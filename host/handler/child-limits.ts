// SPDX-License-Identifier: Apache-2.0
// Limits of children that work on what a stranger has written. Their address space is not limited:
// Node reserves more than a gigabyte of it that it never uses.

export interface ChildLimits {
  /** Of what it maps for itself. Node 24 and later map 560 MiB of it at once. */
  readonly dataBytes: number;
  readonly processorSeconds: number;
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
  const kibibytes = String(Math.floor(dataBytes / 1024));
  return ['/bin/sh', '-c', script, 'sh', kibibytes, String(processorSeconds), ...command];
}
