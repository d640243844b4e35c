// SPDX-License-Identifier: Apache-2.0
// Parts of the agent: its sockets, its configuration, its bundles.
import { lstatSync, readdirSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';

import { AgentError, messageOf, systemCodeOf } from '../errors.ts';
import { askForText } from '../control/control-client.ts';
import type { AgentStatus } from '../control/status.ts';
import { BundleStore } from '../bundles/bundle-store.ts';
import { shippedBundles } from '../package-root.ts';
import { fail, ok, warn } from './check.ts';
import type { Check } from './check.ts';

/** An agent may be there all the same. */
const asRoot = 'run doctor as root, with sudo';

/** Undefined: somebody listens there. */
async function refusalAt(path: string): Promise<string | undefined> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return undefined;
  } catch (thrown) {
    return systemCodeOf(thrown) ?? messageOf(thrown);
  } finally {
    socket.destroy();
  }
}

export async function agentSocketCheck(path: string): Promise<Check> {
  const name = 'agent-socket';
  const refusal = await refusalAt(path);
  if (refusal === 'EACCES') return warn(name, `${path} requires root`, asRoot);
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) {
    return warn(
      name,
      `${path} does not exist: containers whose profile names it cannot start`,
      'start the agent (seccompagent -resolver=…)',
    );
  }
  if (!status.isSocket()) {
    return fail(name, `${path} is not a socket`, 'remove it, or use another -socketfile');
  }
  const owner = `${path} belongs to user ${status.uid}`;
  if (refusal !== undefined) {
    return warn(name, `${owner}, and no agent answers (${refusal})`, 'start the agent');
  }
  if (status.uid === 0) return ok(name, `${owner}, and a process listens`);
  return fail(
    name,
    `${owner}: a process of another user listens there, gets the listeners of containers and answers their calls`,
    'check which process listens; the socket of an agent of root belongs to root',
  );
}

/** Status of a running agent. */
export interface AskedAgent {
  readonly check: Check;
  /** Absent: no agent says where it listens. */
  readonly agentSocket?: string;
}

export async function askAgent(path: string): Promise<AskedAgent> {
  const name = 'agent';
  try {
    const text = await askForText({ socket: path, method: 'GET', path: '/status' });
    const { version, pid, agentSocket }: Partial<AgentStatus> = JSON.parse(text);
    return {
      check: ok(name, `version ${version} answers, with pid ${pid}`),
      ...(typeof agentSocket === 'string' ? { agentSocket } : {}),
    };
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    const isForRootAlone = (await refusalAt(path)) === 'EACCES';
    const advice = 'start the agent, or name its socket with -control-socket';
    return { check: warn(name, messageOf(thrown), isForRootAlone ? asRoot : advice) };
  }
}

/** Whether all of the package's own can be loaded. */
export function bundleCheck(): Check {
  const name = 'bundles';
  const folder = shippedBundles();
  try {
    const store = new BundleStore();
    const names = readdirSync(folder);
    for (const each of names) store.shipped(each);
    return ok(name, `all ${names.length} in ${folder} can be loaded`);
  } catch (thrown) {
    return fail(name, messageOf(thrown), 'if they were not built, npm run build:handlers');
  }
}
