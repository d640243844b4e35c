// SPDX-License-Identifier: Apache-2.0
// The commands for people who write and ship handlers: each is a file here and a line below.
export type CommandName =
  | 'new'
  | 'build'
  | 'test'
  | 'config'
  | 'inspect'
  | 'push'
  | 'pull'
  | 'sign'
  | 'verify'
  | 'list'
  | 'key'
  | 'record'
  | 'replay'
  | 'bench'
  | 'doctor'
  | 'profile'
  | 'status'
  | 'top'
  | 'log-level';

export const commandNames: readonly { readonly name: CommandName; readonly summary: string }[] = [
  { name: 'new', summary: 'scaffold a bundle with one handler' },
  { name: 'build', summary: 'build the components of a bundle' },
  { name: 'test', summary: 'run the test cases of a handler, without root or kernel' },
  { name: 'config', summary: 'check the configuration and show its grants' },
  { name: 'inspect', summary: 'show a bundle or component: calls, grants, settings' },
  { name: 'push', summary: 'push a bundle to an OCI registry' },
  { name: 'pull', summary: 'pull a bundle from an OCI registry into the store' },
  { name: 'sign', summary: 'sign a bundle in an OCI registry, as cosign does' },
  { name: 'verify', summary: 'verify the signatures of a bundle' },
  { name: 'list', summary: 'list the pulled bundles' },
  { name: 'key', summary: 'generate keys to sign bundles with' },
  { name: 'record', summary: 'record the calls and answers of handlers' },
  { name: 'replay', summary: 'replay a recording through another build' },
  { name: 'bench', summary: 'measure handlers with the calls of a recording' },
  { name: 'doctor', summary: 'check whether the agent can work on this machine' },
  { name: 'profile', summary: 'generate and lint seccomp profiles' },
  { name: 'status', summary: 'show the state of a running agent' },
  { name: 'top', summary: 'show live activity of containers' },
  { name: 'log-level', summary: 'show or change the log level of a running agent' },
];
