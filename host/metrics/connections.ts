// SPDX-License-Identifier: Apache-2.0
// Connections to the metrics port, which anybody may have who reaches it. Those that have asked for
// nothing yet, that wait for metrics, and that probe have room of their own. Where it is full, whoever
// has most of it loses a connection.
import type { Socket } from 'node:net';

export type ConnectionKind = 'silent' | 'scrape' | 'probe';

interface Connection {
  readonly source: string;
  readonly limit: NodeJS.Timeout;
  readonly kind: ConnectionKind;
}

/** From connecting to the last byte of the answer: a scrape takes milliseconds. */
const connectionLimitMs = 5000;
/** Probes are answered at once: many come in a moment before there are so many. */
const maxOfKind: Readonly<Record<ConnectionKind, number>> = { silent: 32, scrape: 32, probe: 256 };

/**
 * Whoever has an address of IPv6 has 2⁶⁴ of them.
 * @returns the address of IPv4, or the network
 */
export function sourceOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [before = '', after] = address.split('::');
  const groups = before.split(':').filter((group) => group !== '');
  const last = (after ?? '').split(':').filter((group) => group !== '');
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - last.length) }, () => '0');
  return [...groups, ...zeros, ...last].slice(0, 4).join(':');
}

export class Connections {
  /** Oldest first; those that have asked, by when they have. */
  readonly #all: Map<Socket, Connection> = new Map();

  admit(socket: Socket): void {
    const limit = setTimeout(() => {
      socket.destroy();
    }, connectionLimitMs);
    const source = sourceOf(socket.remoteAddress ?? '');
    this.#all.set(socket, { source, limit, kind: 'silent' });
    socket.once('close', () => {
      this.#forget(socket);
    });
    this.#limit('silent');
  }

  /** It has asked for something. */
  asked(socket: Socket, kind: Exclude<ConnectionKind, 'silent'>): void {
    const connection = this.#all.get(socket);
    if (connection === undefined) return;
    this.#all.delete(socket);
    this.#all.set(socket, { ...connection, kind });
    this.#limit(kind);
  }

  /**
   * Of those that say nothing, and where each source has one, the oldest one goes: it has had its time.
   * Others keep their turn.
   */
  #limit(kind: ConnectionKind): void {
    const ofKind = [...this.#all].filter(([, connection]) => connection.kind === kind);
    if (ofKind.length <= maxOfKind[kind]) return;
    const counts = new Map<string, number>();
    for (const [, { source }] of ofKind) counts.set(source, (counts.get(source) ?? 0) + 1);
    const most = Math.max(...counts.values());
    const crowded = ofKind.filter(([, { source }]) => counts.get(source) === most);
    const isOldest = kind === 'silent' || most === 1;
    const [socket] = (isOldest ? crowded.at(0) : crowded.at(-1)) ?? [];
    if (socket === undefined) return;
    this.#forget(socket);
    socket.destroy();
  }

  #forget(socket: Socket): void {
    clearTimeout(this.#all.get(socket)?.limit);
    this.#all.delete(socket);
  }
}
