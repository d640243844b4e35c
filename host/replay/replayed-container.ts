// SPDX-License-Identifier: Apache-2.0
// The container of a recording, as resolvers see containers: templates and settings are what they
// were, as far as the recording says.
import { AgentError } from '../errors.ts';
import { workloadFor } from '../resolvers/container-fields.ts';
import type { ContainerIdentity } from '../resolvers/resolver.ts';
import type { HeaderEntry } from '../recording/recording-format.ts';

function pidOf(text: string | undefined): number {
  return /^\d{1,9}$/u.test(text ?? '') ? Number(text) : 0;
}

function metadataOf(settings: ReadonlyMap<string, string>): string {
  return [...settings]
    .map(([key, value]) => {
      if (!/[\n=]/u.test(key) && !value.includes('\n')) return `${key}=${value}`;
      throw new AgentError('AGENT_USAGE', `the setting "${key}" cannot be written as metadata`);
    })
    .join('\n');
}

/** Values that the recording has, and those that are said now. */
export function settingsFor(
  { given }: HeaderEntry,
  said: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const recorded = Object.entries(given).flatMap(([key, value]) =>
    value === null ? [] : [[key, value] as const],
  );
  return new Map([...recorded, ...said]);
}

/** Keys whose values were left out and are not said either. */
export function missingSettings(
  { given }: HeaderEntry,
  said: ReadonlyMap<string, string>,
): readonly string[] {
  return Object.keys(given).filter((key) => given[key] === null && !said.has(key));
}

export function identityOf(
  { container }: HeaderEntry,
  settings: ReadonlyMap<string, string>,
): ContainerIdentity {
  const { id, annotations, fields } = container;
  const firstPid = pidOf(fields['Pid1']);
  return {
    state: {
      fds: [],
      processPid: pidOf(fields['Pid']),
      metadata: metadataOf(settings),
      containerId: id,
      containerPid: firstPid,
      status: 'running',
      ociBundle: '',
      annotations: new Map(annotations),
    },
    firstPid: firstPid === 0 ? undefined : firstPid,
    workload: workloadFor(fields),
    isInit: fields['Init'] === String(true),
  };
}
