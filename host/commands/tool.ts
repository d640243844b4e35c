// SPDX-License-Identifier: Apache-2.0
// Modules of the commands.
import { commandNames } from './command-names.ts';
import type { CommandName } from './command-names.ts';
import type { Tool } from './command.ts';

export interface ToolEntry {
  readonly name: string;
  /** For the list of commands. */
  readonly summary: string;
  /** Only who uses a command pays for what it needs. */
  readonly load: () => Promise<Tool>;
}

const loads: Readonly<Record<CommandName, () => Promise<Tool>>> = {
  new: async () => (await import('./new.ts')).newBundle,
  build: async () => (await import('./build.ts')).build,
  test: async () => (await import('./test.ts')).test,
  config: async () => (await import('./config.ts')).config,
  inspect: async () => (await import('./inspect.ts')).inspect,
  push: async () => (await import('./push.ts')).push,
  pull: async () => (await import('./pull.ts')).pull,
  sign: async () => (await import('./sign.ts')).sign,
  verify: async () => (await import('./verify.ts')).verify,
  list: async () => (await import('./list.ts')).list,
  key: async () => (await import('./key.ts')).key,
  record: async () => (await import('./record.ts')).record,
  replay: async () => (await import('./replay.ts')).replay,
  bench: async () => (await import('./bench.ts')).bench,
  doctor: async () => (await import('./doctor.ts')).doctor,
  profile: async () => (await import('./profile.ts')).profile,
  status: async () => (await import('./status.ts')).status,
  top: async () => (await import('./top.ts')).top,
  'log-level': async () => (await import('./log-level.ts')).logLevel,
};

export const tools: readonly ToolEntry[] = commandNames.map(({ name, summary }) => ({
  name,
  summary,
  load: loads[name],
}));
