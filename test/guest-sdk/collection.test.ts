// SPDX-License-Identifier: Apache-2.0
// That no argument is collected or overwritten while a call runs, however many calls there are.

import { expect, test } from 'vitest';

import { openGuest } from './canonical-abi.ts';
import { buildText } from './scratch-handler.ts';

const CALLS = 100_000;
const MS_PER_TEST = 120_000;

/** Bytes that differ from call to call and from argument to argument. */
function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + seed * 7 + (i >> 8)) & 0xff;
  return bytes;
}

test(
  'collection: large arguments arrive whole in 100,000 calls, and so does what is kept',
  async () => {
    const { component } = await buildText(`
      import { Action, Path, mounts } from '@seccompagent/guest-sdk';
      let kept: Path[] = [];
      export function mount(
        source: Path | null, target: Path, filesystemType: Path | null, flags: u64, data: Uint8Array | null,
      ): Action {
        // Garbage of its own between the arguments and their use.
        let text = '';
        for (let i = 0; i < 8; i++) text += target.concat('/' + i.toString()).at(i).toString();
        if (flags % 1000 == 0) kept.push(target);
        for (let i = 0; i < kept.length; i++) {
          if (kept[i].length != 4096) return Action.value(-1);
        }
        const answer = mounts.mount(source, target, filesystemType, flags, data).toAction();
        return text.length > 0 ? answer : Action.next();
      }
      export function mkdir(path: Path, mode: u32): Action {
        return mounts.mount(null, kept[mode], null, mode, null).toAction();
      }`);
    const seen: { bytes: Buffer | null; flags: bigint }[] = [];
    const guest = openGuest(component, (self) => {
      const copy = (tag: number, pointer: number, length: number): Buffer | null =>
        tag === 0 ? null : Buffer.from(self.bytes().slice(pointer, pointer + length));
      return {
        mounts: {
          mount: (...p: (number | bigint)[]) => {
            const [
              hasSource,
              source,
              sourceLength,
              target,
              targetLength,
              hasType,
              type,
              typeLength,
            ] = p.map(Number);
            const [hasData, data, dataLength, result] = p.slice(9).map(Number);
            seen.length = 0;
            for (const bytes of [
              copy(hasSource ?? 0, source ?? 0, sourceLength ?? 0),
              copy(1, target ?? 0, targetLength ?? 0),
              copy(hasType ?? 0, type ?? 0, typeLength ?? 0),
              copy(hasData ?? 0, data ?? 0, dataLength ?? 0),
            ]) {
              seen.push({ bytes, flags: BigInt(p[8] ?? 0) });
            }
            self.view().setUint8(result ?? 0, 0);
          },
        },
      };
    });
    expect(guest.configure({})).toBeNull();

    const sets = Array.from({ length: 16 }, (_, seed) => [
      pattern(2000 + seed * 100, seed),
      pattern(4096, seed + 100),
      pattern(seed, seed + 200),
      pattern(4096 - seed, seed + 300),
    ]);
    let wrong = 0;
    for (let call = 0; call < CALLS; call++) {
      const set = sets[call % sets.length] ?? [];
      const [source, target, type, data] = set.map((bytes) => guest.lowerBytes(bytes));
      if (!source || !target || !type || !data) throw new Error('a set has four arguments');
      const options = [source, type, data].map((span) => [1, span.pointer, span.length]);
      const [first = [], second = [], third = []] = options;
      const targetSpan = [target.pointer, target.length];
      const answer = guest.call(
        'mount',
        ...first,
        ...targetSpan,
        ...second,
        BigInt(call),
        ...third,
      );
      const isWhole =
        answer.kind === 'value' &&
        answer.value === 0n &&
        set.every((bytes, index) => seen[index]?.bytes?.equals(bytes) === true);
      if (!isWhole) wrong++;
    }
    expect(wrong).toBe(0);

    for (let kept = 0; kept < CALLS / 1000; kept++) {
      guest.call('mkdir', 8, 0, kept);
      expect(seen[1]?.bytes?.equals(sets[(kept * 1000) % sets.length]?.[1] ?? pattern(0, 0))).toBe(
        true,
      );
    }
    expect(guest.bytes().length).toBeLessThanOrEqual(4 << 20);
  },
  MS_PER_TEST,
);

test(
  'collection: arguments of a megabyte do not fill the memory',
  async () => {
    const { component } = await buildText(`
      import { Action, Path } from '@seccompagent/guest-sdk';
      export function mkdir(path: Path, mode: u32): Action { return Action.value(path.length); }`);
    const guest = openGuest(component);
    const bytes = pattern(1 << 20, 0);
    for (let call = 0; call < 1000; call++) {
      const { pointer, length } = guest.lowerBytes(bytes);
      expect(guest.call('mkdir', pointer, length, 0)).toEqual({ kind: 'value', value: 1n << 20n });
    }
    expect(guest.bytes().length).toBeLessThanOrEqual(8 << 20);
  },
  MS_PER_TEST,
);
