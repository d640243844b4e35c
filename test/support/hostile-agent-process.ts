// SPDX-License-Identifier: Apache-2.0
// Starts test/support/hostile-agent.ts, an agent whose containers choose their handlers by name.
import { join } from 'node:path';

import { compilerFlags } from '../../host/handler/compiling/compiler-flags.ts';
import { BundleFolder } from './bundle-folder.ts';
import { RunningCommand } from './command.ts';
import { until } from './polling.ts';
import { TemporaryFolder } from './temporary-folder.ts';
import type { AgentEnd } from './watched-agent.ts';

export interface HostileAgent extends AsyncDisposable {
  readonly socket: string;
  /** Of the agent, or of the wrapper. */
  readonly pid: number;
  /** Where the bundles that containers may name are written. */
  readonly bundles: BundleFolder;
  /** The lines of its log so far. */
  log(): readonly string[];
  /** Resolves with the first line, of those after the first `from`, that has all of the texts. */
  untilLogged(texts: readonly string[], from?: number): Promise<string>;
  /** Ends it by SIGTERM, and a wrapper by SIGKILL. */
  stop(): Promise<AgentEnd>;
}

export interface HostileAgentOptions {
  readonly log?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** A command that runs the agent, its last arguments, and that is killed with it in the end. */
  readonly wrapper?: readonly string[];
}

const lifeMs = 240_000;
const stopMs = 10_000;

/** Starts one and waits until runtimes can connect. */
export async function startHostileAgent(options: HostileAgentOptions = {}): Promise<HostileAgent> {
  using resources = new DisposableStack();
  const socket = resources.use(new TemporaryFolder()).at('agent.socket');
  const bundles = resources.use(new BundleFolder());
  const program = join(import.meta.dirname, 'hostile-agent.ts');
  const node = [process.execPath, ...compilerFlags] as const;
  const command = [...node, program, socket, bundles.path, options.log ?? 'info'] as const;
  const { wrapper = [], environment = {} } = options;
  const [first, ...rest] = [...wrapper, ...command];
  const running = new RunningCommand([first, ...rest], { environment, deadlineMs: lifeMs });
  await running.printed(/^ready$/mu);
  const kept = resources.move();

  const log = (): readonly string[] => running.stderr.split('\n').slice(0, -1);
  const stop = async (): Promise<AgentEnd> => {
    const began = performance.now();
    running.kill(wrapper.length === 0 ? 'SIGTERM' : 'SIGKILL');
    const last = setTimeout(() => {
      running.kill('SIGKILL');
    }, stopMs);
    const { code, signal } = await running.ended;
    clearTimeout(last);
    kept.dispose();
    return { code, signal, tookMs: performance.now() - began };
  };
  return {
    socket,
    pid: running.pid,
    bundles,
    log,
    untilLogged: async (texts, from = 0) =>
      until(`a line with ${texts.join(' and ')} in the log`, () =>
        log()
          .slice(from)
          .find((line) => texts.every((text) => line.includes(text))),
      ).catch((cause: unknown) => {
        throw new Error(`this was logged:\n${log().slice(from).join('\n')}`, { cause });
      }),
    stop,
    [Symbol.asyncDispose]: async () => {
      const hasEndedBefore = running.hasEnded;
      const { code, signal } = hasEndedBefore ? await running.ended : await stop();
      kept.dispose();
      if (hasEndedBefore && code !== 0) {
        const last = running.stderr.split('\n').slice(-30).join('\n');
        throw new Error(`the agent ended with ${signal ?? `code ${code}`}:\n${last}`);
      }
    },
  };
}
