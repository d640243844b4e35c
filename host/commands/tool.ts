// SPDX-License-Identifier: Apache-2.0
// The commands for people who write and ship handlers: each is a file here and a line below.
export interface Tool {
  readonly usage: string;
  /**
   * @param words what stands behind the command's name
   * @returns the exit code
   * @throws AgentError AGENT_USAGE: the message is shown, and where help is
   */
  readonly run: (words: readonly string[]) => Promise<number>;
}

export interface ToolEntry {
  readonly name: string;
  /** For the list of commands. */
  readonly summary: string;
  /** Only who uses a command pays for what it needs. */
  readonly load: () => Promise<Tool>;
}

export const tools: readonly ToolEntry[] = [
  {
    name: 'new',
    summary: 'a bundle with one handler to begin with',
    load: async () => (await import('./new.ts')).newBundle,
  },
  {
    name: 'build',
    summary: 'the components of a bundle, from their sources',
    load: async () => (await import('./build.ts')).build,
  },
  {
    name: 'test',
    summary: 'a handler on test cases, without root or kernel',
    load: async () => (await import('./test.ts')).test,
  },
  {
    name: 'config',
    summary: 'what the configuration grants, and what is wrong with it',
    load: async () => (await import('./config.ts')).config,
  },
  {
    name: 'inspect',
    summary: 'what a bundle or a component answers and wants',
    load: async () => (await import('./inspect.ts')).inspect,
  },
  {
    name: 'push',
    summary: 'a bundle into an OCI registry',
    load: async () => (await import('./push.ts')).push,
  },
  {
    name: 'pull',
    summary: 'a bundle out of an OCI registry into the store',
    load: async () => (await import('./pull.ts')).pull,
  },
  {
    name: 'sign',
    summary: 'signs a bundle in a registry, as cosign does',
    load: async () => (await import('./sign.ts')).sign,
  },
  {
    name: 'verify',
    summary: 'who has signed a bundle',
    load: async () => (await import('./verify.ts')).verify,
  },
  {
    name: 'list',
    summary: 'the pulled bundles',
    load: async () => (await import('./list.ts')).list,
  },
  {
    name: 'key',
    summary: 'makes keys to sign bundles with',
    load: async () => (await import('./key.ts')).key,
  },
  {
    name: 'record',
    summary: 'what handlers are asked and answer, into a file',
    load: async () => (await import('./record.ts')).record,
  },
  {
    name: 'replay',
    summary: 'the calls of a recording, through another build',
    load: async () => (await import('./replay.ts')).replay,
  },
  {
    name: 'bench',
    summary: 'how long handlers take for the calls of a recording',
    load: async () => (await import('./bench.ts')).bench,
  },
  {
    name: 'doctor',
    summary: 'whether the agent can work here, and what to do',
    load: async () => (await import('./doctor.ts')).doctor,
  },
  {
    name: 'profile',
    summary: 'seccomp profiles: makes them, and finds what is wrong',
    load: async () => (await import('./profile.ts')).profile,
  },
  {
    name: 'status',
    summary: 'what a running agent does now',
    load: async () => (await import('./status.ts')).status,
  },
  {
    name: 'top',
    summary: 'what its containers do, as they do it',
    load: async () => (await import('./top.ts')).top,
  },
];
