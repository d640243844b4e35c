// SPDX-License-Identifier: Apache-2.0
// Parts of `profile generate` and `profile lint`: the container that a profile is for, and files.
import { textOf, usage } from '../../text/command-line.ts';
import { AgentError } from '../../errors.ts';
import { readRegularFile } from '../../files/regular-file.ts';
import { runtimes } from '../../profile/runtime-calls.ts';
import type { Runtime } from '../../profile/runtime-calls.ts';
import { workloadFor } from '../../resolvers/container-fields.ts';
import { parseMetadata } from '../../resolvers/metadata.ts';
import type { Registry } from '../../registry/registry.ts';
import type { ContainerIdentity } from '../../resolvers/resolver.ts';

export const defaultSocketFile = '/run/seccomp-agent.socket';

export type Values = ReadonlyMap<string, unknown>;

export function configOf(values: Values): { readonly configFile?: string } {
  const configFile = textOf(values, 'config');
  return configFile === undefined ? {} : { configFile };
}

/** Of a pod that there may be. */
const anyPod = { Namespace: 'namespace', Pod: 'pod', Container: 'container' } as const;

/** A container as far as profiles go: its settings are looked at, and templates find something. */
export function containerWith(metadata: string): ContainerIdentity {
  return {
    state: {
      fds: [],
      processPid: process.pid,
      metadata,
      containerId: 'profile',
      containerPid: process.pid,
      status: 'creating',
      ociBundle: '',
      annotations: new Map(),
    },
    firstPid: process.pid,
    workload: workloadFor(anyPod),
  };
}

/** Whether nobody but the kernel is to have to do with what handlers pass on. */
export function leavesToKernel({ defaultAction }: Registry, text: string): boolean {
  const { middleware = [], shadow = [] } = parseMetadata(text);
  return defaultAction === 'continue' && !middleware.includes('falco') && shadow.length === 0;
}

export function runtimeOf(values: Values): Runtime | undefined {
  const named = textOf(values, 'runtime');
  if (named === undefined) return undefined;
  return (
    runtimes.find((known) => known === named) ?? usage(`-runtime must be ${runtimes.join(' or ')}`)
  );
}

/** Docker's own has 15 KiB. */
const maxBytes = 256 * 1024;

export function readText(file: string): string {
  try {
    return readRegularFile(file, { maxBytes }).toString();
  } catch (cause) {
    throw new AgentError('AGENT_PROFILE_INVALID', `${file}: cannot be read`, { cause });
  }
}
