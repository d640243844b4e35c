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
  | 'top';

export const commandNames: readonly { readonly name: CommandName; readonly summary: string }[] = [
  { name: 'new', summary: 'a bundle with one handler to begin with' },
  { name: 'build', summary: 'the components of a bundle, from their sources' },
  { name: 'test', summary: 'a handler on test cases, without root or kernel' },
  { name: 'config', summary: 'what the configuration grants, and what is wrong with it' },
  { name: 'inspect', summary: 'what a bundle or a component answers and wants' },
  { name: 'push', summary: 'a bundle into an OCI registry' },
  { name: 'pull', summary: 'a bundle out of an OCI registry into the store' },
  { name: 'sign', summary: 'signs a bundle in a registry, as cosign does' },
  { name: 'verify', summary: 'who has signed a bundle' },
  { name: 'list', summary: 'the pulled bundles' },
  { name: 'key', summary: 'makes keys to sign bundles with' },
  { name: 'record', summary: 'what handlers are asked and answer, into a file' },
  { name: 'replay', summary: 'the calls of a recording, through another build' },
  { name: 'bench', summary: 'how long handlers take for the calls of a recording' },
  { name: 'doctor', summary: 'whether the agent can work here, and what to do' },
  { name: 'profile', summary: 'seccomp profiles: makes them, and finds what is wrong' },
  { name: 'status', summary: 'what a running agent does now' },
  { name: 'top', summary: 'what its containers do, as they do it' },
];
