// SPDX-License-Identifier: Apache-2.0
// Lines of the screen of `top`.
import type { AgentFigures } from '../control/figures.ts';
import { counted } from '../terminal-text.ts';
import type { ContainerRates } from './rates.ts';
import type { ScreenLine, ScreenSize } from './screen.ts';
import { shownRate, sortKeys, sorted, tableOf } from './table.ts';
import type { SortKey, TableRoom } from './table.ts';
import type { Look } from './watch.ts';

export function headOf(agent: AgentFigures, rates: readonly ContainerRates[]): string {
  const { version, pid, workers, containers } = agent;
  const calls = rates.reduce((sum, { callsPerSecond }) => sum + callsPerSecond, 0);
  return `seccompagent ${version}, pid ${pid}, ${counted(workers, 'worker')}, ${counted(containers.length, 'container')}, ${shownRate(calls)} calls/s`;
}

/** Of a terminal that tells its width; undefined: lines may have any length. */
export function roomOf(columns: number, sort: SortKey): TableRoom | undefined {
  return columns > 0 ? { columns, sort } : undefined;
}

/** Present contents of the screen, and their place. */
export class View {
  #sort: SortKey;
  #offset = 0;
  #look: Look;

  constructor(sort: SortKey, first: AgentFigures) {
    this.#sort = sort;
    this.#look = { kind: 'first', agent: first };
  }

  see(look: Look): void {
    this.#look = look;
  }

  /** @returns false: nobody wants to see more */
  press(key: string): boolean {
    switch (key) {
      case 'q':
        return false;
      case 'right':
        this.#sortBy(1);
        break;
      case 'left':
        this.#sortBy(-1);
        break;
      case 'down':
      case 'j':
        this.#offset += 1;
        break;
      case 'up':
      case 'k':
        this.#offset -= 1;
        break;
      default:
    }
    return true;
  }

  lines({ rows, columns }: ScreenSize): readonly ScreenLine[] {
    const look = this.#look;
    if (look.kind === 'gone') return [{ text: `${look.why}; waiting for it (q ends this)` }];
    const rates = look.kind === 'rates' ? look.rates : [];
    const [titles, ...all] = tableOf(sorted(rates, this.#sort), roomOf(columns, this.#sort));
    const room = Math.max(1, rows - 3);
    this.#offset = Math.max(0, Math.min(this.#offset, all.length - room));
    const until = Math.min(all.length, this.#offset + room);
    const place = all.length <= room ? '' : ` (${this.#offset + 1} to ${until})`;
    return [
      { text: `${headOf(look.agent, rates)}${place}` },
      { text: `sorted by ${this.#sort}; arrows: sort and scroll; q ends` },
      { text: titles, isTitle: true },
      ...all.slice(this.#offset, until).map((text) => ({ text })),
    ];
  }

  #sortBy(step: number): void {
    const index = sortKeys.indexOf(this.#sort) + step + sortKeys.length;
    this.#sort = sortKeys[index % sortKeys.length] ?? this.#sort;
  }
}
