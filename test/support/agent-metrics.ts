// SPDX-License-Identifier: Apache-2.0
// Metrics of a running agent at -metrics-bind-address.
import type { AgentProcess } from './agent-process.ts';

/** Values by the names of metrics, with their labels. */
export async function metricValues(agent: AgentProcess): Promise<ReadonlyMap<string, number>> {
  const [, address = ''] = await agent.logged(/serving metrics address=(\S+)/u);
  const text = await (await fetch(`http://${address}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}
