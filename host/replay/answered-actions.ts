// SPDX-License-Identifier: Apache-2.0
// Answers of components in a recording: numbers of actions, by system calls.
import { RecordingReader } from '../recording/recording-reader.ts';

/** By system call: the kind of the action, `failed` or `left-alone`, and how often. */
export type AnsweredActions = Readonly<Record<string, Readonly<Record<string, number>>>>;

/**
 * By the digests of the components.
 * @throws AgentError AGENT_RECORDING
 */
export async function answeredActions(file: string): Promise<ReadonlyMap<string, AnsweredActions>> {
  const reader = await RecordingReader.open(file);
  const byDigest = new Map<string, Record<string, Record<string, number>>>();
  for await (const { syscall, asks } of reader.calls()) {
    for (const { handler, outcome } of asks) {
      const { digest } = reader.header.handlers[handler] ?? {};
      if (digest === undefined) continue;
      const kind = outcome.kind === 'action' ? outcome.action.kind : outcome.kind;
      const component = byDigest.get(digest) ?? {};
      byDigest.set(digest, component);
      const counts = (component[syscall] ??= {});
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
  }
  return byDigest;
}
