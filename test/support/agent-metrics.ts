// SPDX-License-Identifier: Apache-2.0
// Metrics of a running agent at -metrics-bind-address.
import type { AgentProcess } from './agent-process.ts';

/** HOST:PORT, once it serves them. */
export async function metricsAddress(agent: AgentProcess): Promise<string> {
  return String((await agent.logged('metrics-serving'))['address']);
}

/** Values by the names of metrics, with their labels. */
export async function metricValues(agent: AgentProcess): Promise<ReadonlyMap<string, number>> {
  const address = await metricsAddress(agent);
  const text = await (await fetch(`http://${address}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}
