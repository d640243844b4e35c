// SPDX-License-Identifier: Apache-2.0
// Room in the store of pulled bundles, in bytes. Bundles that were not used for the longest time make
// room for others, of those first who have most: who causes many pulls loses bundles of his own. What
// is used was looked at a short time ago, by whatever process.
import { lstatSync, mkdtempSync, readdirSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

import { AgentError } from '../../errors.ts';
import { readRegularFile } from '../../files/regular-file.ts';
import { byteSizeText } from '../../text/byte-size.ts';
import { isDigest } from './digest.ts';
import { memberOf, parseJson } from './json.ts';

export const defaultStoreBytes: number = 2 ** 30;

/** Who has caused a pull: its bundle counts for them. */
export interface Payer {
  /** Such as a user or a namespace; empty: the operator. */
  readonly owner: string;
  /** Of `-allow-uids`. */
  readonly isUser: boolean;
}

export const operatorPays: Payer = { owner: '', isUser: false };

/** Parts of the room: of one owner that is not the operator, and of all users, so that root has some. */
const parts = { owner: 1 / 4, users: 1 / 2 } as const;
/** However small: else there could be any number of bundles. */
const leastBytes = 2 ** 18;
/** So often what is used says so, at least. */
export const useEveryMs = 60_000;
/** Longer than three times that. */
const usedForMs = 200_000;

export const roomFile = 'room.json';
export const incomingPrefix = '.incoming-';
const removedPrefix = '.removed-';
/** Of the file that says who has caused a bundle. */
const roomLimits = { maxBytes: 4096, mayBeLink: false } as const;

/** A folder of the store. */
interface Stored {
  readonly name: string;
  readonly payer: Payer;
  readonly bytes: number;
  readonly usedMs: number;
  readonly isIncoming: boolean;
}

export function serializeRoom(payer: Payer, bytes: number): Uint8Array {
  return Buffer.from(`${JSON.stringify({ ...payer, bytes })}\n`);
}

/** It is used now. Nobody depends on it but who makes room. */
export function touchStored(folder: string): void {
  try {
    const now = new Date();
    utimesSync(folder, now, now);
  } catch {
    // it is gone, or another's
  }
}

/** Undefined: it is gone. */
function usedMsOf(folder: string): number | undefined {
  return lstatSync(folder, { throwIfNoEntry: false })?.mtimeMs;
}

function sizeOf(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => {
    const status = lstatSync(join(folder, name), { throwIfNoEntry: false });
    return sum + (status?.size ?? 0);
  }, 0);
}

/** Bundles of older versions do not say who has caused them. */
function roomOf(folder: string): Pick<Stored, 'payer' | 'bytes'> {
  try {
    const bytesOfRoom = readRegularFile(join(folder, roomFile), roomLimits);
    const json = parseJson(bytesOfRoom.toString('utf8'));
    const [owner, isUser, bytes] = ['owner', 'isUser', 'bytes'].map((key) => memberOf(json, key));
    if (typeof owner === 'string' && typeof bytes === 'number') {
      return { payer: { owner, isUser: isUser === true }, bytes };
    }
  } catch {
    // of an older version, or cut short
  }
  return { payer: operatorPays, bytes: sizeOf(folder) };
}

export function payerOf(folder: string): Payer {
  return roomOf(folder).payer;
}

function sumOf(stored: readonly Stored[]): number {
  return stored.reduce((sum, { bytes }) => sum + bytes, 0);
}

export interface RoomWish {
  readonly payer: Payer;
  readonly bytes: number;
  /** Names of folders that are not to be removed, and are no part of what there is. */
  readonly without: readonly string[];
}

export class StoreRoom {
  readonly #folder: string;
  readonly #maxBytes: number;

  constructor(folder: string, maxBytes: number) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
  }

  /**
   * Makes room for a bundle.
   * @throws AgentError AGENT_STORE where what is used leaves none
   */
  make({ payer, bytes, without }: RoomWish): void {
    removeLeft(this.#folder);
    const wanted = Math.max(bytes, leastBytes);
    const max = this.#maxBytes;
    const isOwn = (other: Payer): boolean => other.owner === payer.owner;
    const shares = [
      ...(payer.owner === '' ? [] : [{ has: isOwn, max: max * parts.owner, whose: payer.owner }]),
      ...(payer.isUser
        ? [{ has: (other: Payer) => other.isUser, max: max * parts.users, whose: 'all users' }]
        : []),
      { has: () => true, max, whose: '' },
    ];
    let all = this.#all().filter(({ name }) => !without.includes(name));
    const removed: Stored[] = [];
    for (const share of shares) {
      const its = all.filter((stored) => share.has(stored.payer));
      const over = sumOf(its) + wanted - share.max;
      const going = leaving(its, over, { owner: payer.owner, bytes: wanted });
      // before anything is removed in vain
      if (sumOf(going) < over) this.#refuse(wanted, share);
      removed.push(...going);
      all = all.filter((stored) => !going.includes(stored));
    }
    for (const stored of removed) this.#remove(stored);
  }

  #refuse(bytes: number, { max, whose }: { readonly max: number; readonly whose: string }): never {
    const size = byteSizeText(Math.ceil(bytes / 1024) * 1024);
    const room = byteSizeText(Math.floor(max / 1024) * 1024);
    const part = whose === '' ? `the limit of ${room}` : `${room}, the part of ${whose}`;
    const why =
      bytes > max
        ? `it takes ${size}, more than ${part}`
        : `it takes ${size}, and bundles in use leave no room for it in ${part}`;
    throw new AgentError(
      'AGENT_STORE',
      `${this.#folder}: the bundle is not stored: ${why}. Raise limits.store in the configuration`,
    );
  }

  #all(): readonly Stored[] {
    return readdirSync(this.#folder).flatMap((name) => {
      const isIncoming = name.startsWith(incomingPrefix);
      if (!isIncoming && !isDigest(name.replace('-', ':'))) return [];
      const folder = join(this.#folder, name);
      try {
        const usedMs = usedMsOf(folder);
        if (usedMs === undefined) return [];
        const { payer, bytes } = roomOf(folder);
        return [{ name, payer, usedMs, isIncoming, bytes: Math.max(bytes, leastBytes) }];
      } catch {
        // it went meanwhile
        return [];
      }
    });
  }

  /** It goes in one step, unless somebody uses it again until then: then there is too much for a while. */
  #remove({ name }: Stored): void {
    const folder = join(this.#folder, name);
    const away = mkdtempSync(join(this.#folder, removedPrefix));
    const moved = join(away, name);
    try {
      renameSync(folder, moved);
      if (isUsed(usedMsOf(moved) ?? 0)) renameSync(moved, folder);
    } catch {
      // another process was before us
    } finally {
      rmSync(away, { recursive: true, force: true });
    }
  }
}

/** Leftovers of processes that ended while they removed something. @throws what Node throws */
export function removeLeft(store: string): void {
  for (const name of readdirSync(store)) {
    if (!name.startsWith(removedPrefix)) continue;
    rmSync(join(store, name), { recursive: true, force: true });
  }
}

/**
 * Bundles that make so much room, or all that can: of whoever has most, counting what is wanted, the
 * one that was used longest ago, and so on.
 */
function leaving(
  its: readonly Stored[],
  bytes: number,
  wanted: { readonly owner: string; readonly bytes: number },
): readonly Stored[] {
  const going: Stored[] = [];
  if (bytes <= 0) return going;
  const totals = new Map([[wanted.owner, wanted.bytes]]);
  const unused = new Map<string, Stored[]>();
  // the last of each is the oldest
  for (const stored of its.toSorted((one, other) => other.usedMs - one.usedMs)) {
    const { owner } = stored.payer;
    totals.set(owner, (totals.get(owner) ?? 0) + stored.bytes);
    if (stored.isIncoming || isUsed(stored.usedMs)) continue;
    const own = unused.get(owner) ?? [];
    own.push(stored);
    unused.set(owner, own);
  }
  const totalOf = (owner: string): number => totals.get(owner) ?? 0;
  for (let left = bytes; left > 0 && unused.size > 0;) {
    const [most = ''] = [...unused.keys()].toSorted((one, other) => totalOf(other) - totalOf(one));
    const oldest = unused.get(most)?.pop();
    if (oldest === undefined) {
      unused.delete(most);
      continue;
    }
    going.push(oldest);
    left -= oldest.bytes;
    totals.set(most, totalOf(most) - oldest.bytes);
  }
  return going;
}

function isUsed(usedMs: number): boolean {
  // clocks may be set
  return Math.abs(Date.now() - usedMs) < usedForMs;
}
