// SPDX-License-Identifier: Apache-2.0
// The options of the agent that config.yaml has keys for, by the same names.
import type { OptionTable } from '../text/command-line.ts';

const watchOptionTable = {
  'audit-log': { type: 'string' },
  'audit-arguments': { type: 'boolean' },
  'falco-socket': { type: 'string' },
  'falco-output': { type: 'string' },
  'container-rate': { type: 'string' },
  'rotate-size': { type: 'string' },
  'rotate-files': { type: 'string', isNumber: true },
} as const;

/** Options on who answers, also of `run`. */
export const answeringOptionTable = {
  resolver: { type: 'string' },
  bundle: { type: 'string', isOnce: true, isList: true },
  'bundle-shadow': { type: 'string', isOnce: true, isList: true },
  log: { type: 'string', isList: true },
} as const;

export const agentOptionTable: OptionTable = {
  ...answeringOptionTable,
  socketfile: { type: 'string' },
  'take-over': { type: 'boolean' },
  'allow-uids': { type: 'string', isList: true },
  'metrics-bind-address': { type: 'string' },
  kubeconfig: { type: 'string' },
  'node-name': { type: 'string' },
  'control-socket': { type: 'string' },
  ...watchOptionTable,
};
