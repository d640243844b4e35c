// SPDX-License-Identifier: Apache-2.0
// Status and figures of this process, with the version and the pid of the agent.
import { packageVersion } from '../package-root.ts';
import type { OwnFigures } from './figures.ts';
import type { OwnStatus } from './status.ts';

type ProcessFields = 'version' | 'pid' | 'startedAt' | 'uptimeSeconds';

export function ownStatus(startedAt: Date, rest: Omit<OwnStatus, ProcessFields>): OwnStatus {
  return {
    version: packageVersion(),
    pid: process.pid,
    startedAt: startedAt.toISOString(),
    uptimeSeconds: Math.floor((Date.now() - startedAt.getTime()) / 1000),
    ...rest,
  };
}

export function ownFigures(workers: number): OwnFigures {
  return {
    version: packageVersion(),
    pid: process.pid,
    takenAtMs: performance.now(),
    workers,
  };
}
