// SPDX-License-Identifier: Apache-2.0
// The agents that are measured beside each other, and the calls that each answers.
import { type StartedAgent, startAgent, startAgentOfOneWorker, startBare } from './agents.ts';
import { EBADMSG, type LoadSyscall } from './load.ts';

export interface Contender {
  readonly name: string;
  readonly syscall: LoadSyscall;
  readonly expectedErrno: number;
  readonly start: (cpus: string) => Promise<StartedAgent>;
}

const errno = { syscall: 'getpgid', expectedErrno: EBADMSG } as const;
const errnoAfterRead = { syscall: 'chmod', expectedErrno: EBADMSG } as const;
const goesOn = { syscall: 'getpgid', expectedErrno: 0 } as const;

export const bareErrno: Contender = {
  name: 'bare, errno',
  ...errno,
  start: (cpus) => startBare('errno', cpus),
};
export const agentErrno: Contender = {
  name: 'agent, errno',
  ...errno,
  start: (cpus) => startAgent({ bundle: 'errno-getpgid', cpus }),
};
export const bareRead: Contender = {
  name: 'bare, errno after read',
  ...errnoAfterRead,
  start: (cpus) => startBare('read', cpus),
};
export const agentRead: Contender = {
  name: 'agent, errno after read',
  ...errnoAfterRead,
  start: (cpus) => startAgent({ bundle: 'errno-after-read', cpus }),
};
export const bareContinue: Contender = {
  name: 'bare, continue',
  ...goesOn,
  start: (cpus) => startBare('continue', cpus),
};
export const agentObserver: Contender = {
  name: 'agent, observer',
  ...goesOn,
  start: (cpus) => startAgent({ bundle: 'observer-quiet', cpus }),
};
export const agentAllWorkers: Contender = { ...agentRead, name: 'agent, all workers' };
export const agentOneWorker: Contender = {
  name: 'agent, one worker',
  ...errnoAfterRead,
  start: (cpus) => startAgentOfOneWorker({ bundle: 'errno-after-read', cpus }),
};
