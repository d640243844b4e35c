// SPDX-License-Identifier: Apache-2.0
// `seccompagent top`: what the containers of a running agent do, as they do it.
import { numberOf, parseWords, textOf, usage } from '../text/command-line.ts';
import { defaultControlSocket } from '../control/control-socket.ts';
import type { AgentFigures } from '../control/figures.ts';
import { escaped } from '../terminal-text.ts';
import { Screen } from '../top/screen.ts';
import { isSortKey, sortKeys, sorted, tableOf } from '../top/table.ts';
import type { SortKey } from '../top/table.ts';
import { headOf, roomOf, View } from '../top/view.ts';
import { lookAt, looks } from '../top/watch.ts';
import type { Tool } from './command.ts';

interface Wish {
  readonly socket: string;
  readonly intervalMs: number;
  /** Undefined: until it is ended. */
  readonly count: number | undefined;
  readonly sort: SortKey;
}

interface Watching {
  readonly first: AgentFigures;
  readonly ending: AbortController;
}

/** For programs, files and pipes: one text after another. */
async function batch(wish: Wish, { first, ending }: Watching): Promise<number> {
  let shown = 0;
  let isGone = false;
  for await (const look of looks(wish.socket, wish.intervalMs, { first, signal: ending.signal })) {
    if (look.kind === 'gone' && !isGone) {
      process.stderr.write(`seccompagent: ${escaped(look.why)}; waiting for it\n`);
    }
    isGone = look.kind === 'gone';
    if (look.kind !== 'rates') continue;
    const room = process.stdout.isTTY ? roomOf(process.stdout.columns, wish.sort) : undefined;
    const table = tableOf(sorted(look.rates, wish.sort), room);
    const lines = [headOf(look.agent, look.rates), ...table];
    process.stdout.write(`${shown === 0 ? '' : '\n'}${lines.join('\n')}\n`);
    shown += 1;
    if (shown === wish.count) break;
  }
  return 0;
}

async function live(wish: Wish, { first, ending }: Watching): Promise<number> {
  const view = new View(wish.sort, first);
  using screen = new Screen({
    input: process.stdin,
    output: process.stdout,
    onKey: (key) => {
      if (!view.press(key)) ending.abort();
      draw();
    },
    onResize: () => {
      draw();
    },
  });
  const draw = (): void => {
    screen.draw(view.lines(screen.size));
  };
  draw();
  for await (const look of looks(wish.socket, wish.intervalMs, { first, signal: ending.signal })) {
    view.see(look);
    draw();
  }
  return 0;
}

function wishOf(words: readonly string[]): Wish {
  const { values, rest } = parseWords(words, {
    interval: { type: 'string' },
    count: { type: 'string' },
    once: { type: 'boolean' },
    sort: { type: 'string' },
    'control-socket': { type: 'string' },
  });
  if (rest.length > 0) usage('top takes no arguments');
  const sort = textOf(values, 'sort') ?? 'calls';
  if (!isSortKey(sort)) return usage(`-sort must be one of ${sortKeys.join(', ')}`);
  const isOnce = values.get('once') === true;
  const count = numberOf(values, 'count');
  if (isOnce && count !== undefined) usage('-once and -count exclude each other');
  return {
    socket: textOf(values, 'control-socket') ?? defaultControlSocket,
    intervalMs: secondsOf(textOf(values, 'interval') ?? '2') * 1000,
    count: isOnce ? 1 : count,
    sort,
  };
}

function secondsOf(text: string): number {
  const seconds = /^\d{1,4}(?:\.\d{1,3})?$/u.test(text) ? Number(text) : 0;
  return seconds >= 0.1 ? seconds : usage('-interval needs seconds, at least 0.1');
}

async function run(words: readonly string[]): Promise<number> {
  const wish = wishOf(words);
  const ending = new AbortController();
  const end = (): void => {
    ending.abort();
  };
  // who has nobody to show it to
  process.stdout.on('error', end);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
  const first = await lookAt(wish.socket, ending.signal);
  const isLive = process.stdout.isTTY && wish.count === undefined;
  return isLive ? live(wish, { first, ending }) : batch(wish, { first, ending });
}

export const top: Tool = {
  usage: `Usage: seccompagent top [options]

Shows the activity of the containers of a running agent: calls per second, calls that returned an
errno, calls at which the agent or a handler failed, latency, the most frequent calls, and quarantined
handlers. Requires root.

On a terminal it runs until q or a signal; arrow keys sort and scroll. Elsewhere, and with -once or
-count, it prints one table after another. On a terminal, columns that say nothing are left out, and
lines fit its width.

Options:
  -interval SECONDS   time between updates (default 2)
  -once               print one table
  -count N            print N tables
  -sort KEY           calls, errors, failures, p50, p99 or name (default calls)
  -control-socket PATH
                      the control socket of the agent (default ${defaultControlSocket})
  -help
`,
  run,
};
