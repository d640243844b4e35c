// SPDX-License-Identifier: Apache-2.0
// Tests the authors' imports through a built handler.

import { beforeAll, expect, test } from 'vitest';

import { type Guest, openGuest } from './canonical-abi.ts';
import { buildText } from './scratch-handler.ts';

const ENOENT = 1;

interface Line {
  readonly level: number;
  readonly message: string;
}

let component: Uint8Array;

beforeAll(async () => {
  ({ component } = await buildText(`
    import {
      Action, ArgumentKind, Call, Errno, Path, callArguments, filesystem, log, setting, settingList, settingOr,
    } from '@seccompagent/guest-sdk';

    const late = Action.fail(Errno.ENOENT).after(7);

    export function configure(): string | null {
      return settingOr('refuse', '') == '' ? null : 'refused: ' + setting('refuse');
    }

    export function mkdir(path: Path, mode: u32): Action {
      switch (mode) {
        case 0: return filesystem.mkdir(path, 493).toAction();
        case 1: log.info(path.withSuffix('-ä').toString()); break;
        case 2: log.warn(path.toString()); break;
        case 3: log.error(settingList('list').join('|')); break;
        case 4: log.debug(setting('none')); break;
        case 5: return Action.value(path.at(0));
        case 6: return Action.value(path.equals(Path.fromString('/ä')) ? 1 : 0);
        case 7: return Action.value(path.startsWith(Path.fromString('/ä')) ? 1 : 0);
        case 8: return Action.fail(Errno.EHWPOISON);
        case 9: return Action.continue();
        case 10: return Action.value(i64.MIN_VALUE);
        case 11: return Action.fail(Errno.EHWPOISON).after(50);
        case 12: return Action.continue().after(u64.MAX_VALUE);
        case 13: return Action.value(-5000).after(2000).after(500).after(0);
        case 14: return Action.value(0).after(0);
        case 15: return Action.next().after(1);
        case 16: return Action.continue().after(u64.MAX_VALUE).after(1);
        case 17: return late;
      }
      return Action.next();
    }

    export function any(call: Call): Action {
      let text = call.syscall + ' ' + call.family + ' ' + call.register(0).toString() + ' ' +
        call.register(5).toString();
      const items = callArguments();
      for (let i = 0; i < items.length; i++) {
        const item = items[i];
        text += ' ' + item.name + '=';
        if (item.kind == ArgumentKind.Integer) text += item.integer.toString();
        if (item.kind == ArgumentKind.Bytes) text += String.UTF8.decode(item.bytes.buffer);
        if (item.kind == ArgumentKind.Null) text += 'null';
        if (item.kind == ArgumentKind.Fault) text += 'fault' + item.fault.toString();
      }
      log.info(text);
      return Action.value(items.length);
    }`));
}, 60_000);

/** A guest, and the lines that it logs. */
function open(made: { path?: Buffer; result?: number } = {}): { guest: Guest; lines: Line[] } {
  const lines: Line[] = [];
  const guest = openGuest(component, (self) => ({
    log: {
      log: (level, pointer, length) => {
        const bytes = self.bytes().slice(pointer, pointer + length * 2);
        lines.push({ level, message: new TextDecoder('utf-16le', { fatal: true }).decode(bytes) });
      },
    },
    filesystem: {
      mkdir: (pointer, length, _, result) => {
        made.path = Buffer.from(self.bytes().slice(pointer, pointer + length));
        self.view().setUint8(result, made.result === undefined ? 0 : 1);
        self.view().setUint8(result + 1, made.result ?? 0);
      },
    },
    arguments: { all: (result) => lowerArguments(self, result) },
  }));
  return { guest, lines };
}

/** path="/a", mode=-1, data=NULL, source=fault(enoent) */
function lowerArguments(guest: Guest, result: number): void {
  const names = ['path', 'mode', 'data', 'source'].map((name) => guest.lowerString(name));
  const bytes = guest.lowerBytes(Buffer.from('/a'));
  const list = guest.lowerBytes(Buffer.alloc(names.length * 24));
  const view = guest.view();
  names.forEach((name, index) => {
    view.setUint32(list.pointer + index * 24, name.pointer, true);
    view.setUint32(list.pointer + index * 24 + 4, name.length, true);
    view.setUint8(list.pointer + index * 24 + 8, [1, 0, 2, 3][index] ?? 0);
  });
  view.setUint32(list.pointer + 16, bytes.pointer, true);
  view.setUint32(list.pointer + 20, bytes.length, true);
  view.setBigInt64(list.pointer + 24 + 16, -1n, true);
  view.setUint8(list.pointer + 72 + 16, ENOENT);
  view.setUint32(result, list.pointer, true);
  view.setUint32(result + 4, names.length, true);
}

function mkdir(guest: Guest, path: string | Buffer, mode: number): unknown {
  const { pointer, length } = guest.lowerBytes(Buffer.from(path));
  // The canonical ABI leaves the address of an empty list open.
  return guest.call('mkdir', length === 0 ? 8 : pointer, length, mode);
}

test('Result: success is the value 0', () => {
  const made: { path?: Buffer } = {};
  const { guest } = open(made);
  expect(mkdir(guest, '/a', 0)).toEqual({ kind: 'value', value: 0n });
  expect(made.path?.toString()).toBe('/a');
});

test('Result: failure is the same errno', () => {
  const { guest } = open({ result: ENOENT });
  expect(mkdir(guest, '/a', 0)).toEqual({ kind: 'fail', ordinal: ENOENT });
});

test('Result: an empty path reaches the host as empty', () => {
  const made: { path?: Buffer } = {};
  const { guest } = open(made);
  mkdir(guest, '', 0);
  expect(made.path?.length).toBe(0);
});

test('Action: every case arrives', () => {
  const { guest } = open();
  expect(mkdir(guest, '/a', 8)).toEqual({ kind: 'fail', ordinal: 130 });
  expect(mkdir(guest, '/a', 9)).toEqual({ kind: 'continue' });
  expect(mkdir(guest, '/a', 10)).toEqual({ kind: 'value', value: -(1n << 63n) });
  expect(mkdir(guest, '/a', 99)).toEqual({ kind: 'next' });
});

test('Action: a late one says when and what', () => {
  const { guest } = open();
  const late = (mode: number): unknown => mkdir(guest, '/a', mode);
  expect(late(11)).toEqual({
    kind: 'delay',
    milliseconds: 50n,
    answer: { kind: 'fail', ordinal: 130 },
  });
  expect(late(12)).toEqual({
    kind: 'delay',
    milliseconds: 0xffff_ffff_ffff_ffffn,
    answer: { kind: 'continue' },
  });
  expect(late(14)).toEqual({
    kind: 'delay',
    milliseconds: 0n,
    answer: { kind: 'value', value: 0n },
  });
});

test('Action: delays of a late one add up', () => {
  const { guest } = open();
  expect(mkdir(guest, '/a', 13)).toEqual({
    kind: 'delay',
    milliseconds: 2500n,
    answer: { kind: 'value', value: -5000n },
  });
});

test.each([
  [15, 'next'],
  [16, 'more than 64 bits of milliseconds'],
])('Action: to delay (%i) %s is a trap', (mode) => {
  const { guest } = open();
  expect(() => mkdir(guest, '/a', mode)).toThrow(WebAssembly.RuntimeError);
});

test('Action: a late one that is kept outlives collections', () => {
  const { guest } = open();
  for (let round = 0; round < 600; round++) mkdir(guest, '/a', 13);
  expect(mkdir(guest, '/a', 17)).toEqual({
    kind: 'delay',
    milliseconds: 7n,
    answer: { kind: 'fail', ordinal: 1 },
  });
});

const suffixed = [
  ['/a/b', '/a/b-ä'],
  ['/a/b/', '/a/b-ä/'],
  ['b//', 'b-ä//'],
  ['', ''],
  ['/', '/'],
  ['//', '//'],
  ['.', '.-ä'],
];

test.each(suffixed)('Path: "%s" with a suffix is "%s"', (path, expected) => {
  const { guest, lines } = open();
  mkdir(guest, path, 1);
  expect(lines).toEqual([{ level: 1, message: expected }]);
});

const decoder = new TextDecoder();

/** How many U+FFFD an error becomes is open; whether there is one is not. */
function squeeze(message: string): string {
  return message.replaceAll(/\uFFFD+/g, '\uFFFD');
}

const characters = ['plain', 'ä€😀', '\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}'];

/** Lone continuation, cut characters, overlong ones, a surrogate, beyond U+10FFFF; in hexadecimal. */
const noCharacters = [
  '80',
  'c3',
  'e282',
  'f09f98',
  'c0af',
  'e08080',
  'f08080af',
  'eda080',
  'f4908080',
  'ff41',
];
const texts = [
  ...characters.map((text) => [text, Buffer.from(text)] as const),
  ...noCharacters.map((hex) => [hex, Buffer.from(hex, 'hex')] as const),
];

test.each(texts)('Path: %s as text never holds a lone surrogate', (_, bytes) => {
  const { guest, lines } = open();
  mkdir(guest, bytes, 2);
  expect(lines.map((line) => squeeze(line.message))).toEqual([squeeze(decoder.decode(bytes))]);
});

test('Path: bytes are compared', () => {
  const { guest } = open();
  expect(mkdir(guest, '/ä', 6)).toEqual({ kind: 'value', value: 1n });
  expect(mkdir(guest, '/äa', 6)).toEqual({ kind: 'value', value: 0n });
  expect(mkdir(guest, '/äa', 7)).toEqual({ kind: 'value', value: 1n });
  expect(mkdir(guest, '/', 7)).toEqual({ kind: 'value', value: 0n });
});

test('Path: an index outside of it is a trap', () => {
  const { guest } = open();
  expect(mkdir(guest, 'a', 5)).toEqual({ kind: 'value', value: 97n });
  expect(() => mkdir(guest, '', 5)).toThrow(WebAssembly.RuntimeError);
});

test('settings: a list is trimmed and without empty items', () => {
  const { guest, lines } = open();
  guest.configure({ other: 'x', list: ' proc,, tmpfs ,' });
  mkdir(guest, '/a', 3);
  expect(lines).toEqual([{ level: 3, message: 'proc|tmpfs' }]);
});

test('settings: one that is not set is a trap', () => {
  const { guest } = open();
  guest.configure({ other: 'x' });
  expect(() => mkdir(guest, '/a', 4)).toThrow(WebAssembly.RuntimeError);
});

test('settings: an empty value is a value', () => {
  const { guest, lines } = open();
  guest.configure({ none: '' });
  mkdir(guest, '/a', 4);
  expect(lines).toEqual([{ level: 0, message: '' }]);
});

test('configure: a reason arrives, and a later success is a success', () => {
  const { guest } = open();
  expect(guest.configure({ refuse: 'ä' })).toBe('refused: ä');
  expect(guest.configure({})).toBeNull();
});

test('Call: names, registers and arguments arrive', () => {
  const { guest, lines } = open();
  const [syscall, family] = [guest.lowerString('mkdirat'), guest.lowerString('mkdir')];
  const registers = [-1n, 1n, 2n, 3n, 4n, 5n];
  const names = [syscall, family].flatMap((span) => [span.pointer, span.length]);
  const answer = guest.call('any', ...names, ...registers);
  expect(answer).toEqual({ kind: 'value', value: 4n });
  expect(lines[0]?.message).toBe(
    'mkdirat mkdir 18446744073709551615 5 path=/a mode=-1 data=null source=fault1',
  );
});

/** Log line of `any` for a call with these names. */
function loggedNames(opened: { guest: Guest; lines: Line[] }, names: readonly string[]): string {
  const { guest, lines } = opened;
  const spans = names.map((name) => guest.lowerString(name));
  lines.length = 0;
  guest.call(
    'any',
    ...spans.flatMap(({ pointer, length }) => [pointer, length]),
    0n,
    0n,
    0n,
    0n,
    0n,
    0n,
  );
  return lines[0]?.message.split(' ').slice(0, 2).join(' ') ?? '';
}

test('Call: names of all lengths arrive, in turn and again', () => {
  const opened = open();
  const names = Array.from({ length: 40 }, (_, length) =>
    'abcdefgh'.repeat(6).slice(0, length + 1),
  );
  for (let round = 0; round < 30; round++) {
    for (const name of names) {
      const other = `${name.slice(0, -1)}z`;
      expect(loggedNames(opened, [name, other])).toBe(`${name} ${other}`);
    }
  }
});

test('Call: names that differ in one letter are not taken for one another', () => {
  const opened = open();
  const name = 'sched_setscheduler';
  for (let index = 0; index < name.length; index++) {
    const other = `${name.slice(0, index)}#${name.slice(index + 1)}`;
    expect(loggedNames(opened, [name, other])).toBe(`${name} ${other}`);
    expect(loggedNames(opened, [other, name])).toBe(`${other} ${name}`);
  }
});

test('Call: a name that is longer than the room for texts arrives', () => {
  const opened = open();
  for (const length of [500, 1000, 1020, 1024, 1030, 5000]) {
    const long = 'n'.repeat(length);
    expect(loggedNames(opened, [long, 'short'])).toBe(`${long} short`);
    expect(loggedNames(opened, ['short', long])).toBe(`short ${long}`);
  }
});

test('cabi_realloc: a text moves with its content, and so does another block', () => {
  const { guest } = open();
  for (const alignment of [1, 2]) {
    const pointer = guest.allocate(alignment, 8);
    guest.bytes().set(Buffer.from('12345678'), pointer);
    const moved = guest.reallocate(pointer, 8, alignment, 4000);
    expect(Buffer.from(guest.bytes().slice(moved, moved + 8)).toString()).toBe('12345678');
  }
});

test('settings: values are kept over calls with other texts', () => {
  const opened = open();
  opened.guest.configure({ list: 'one,two' });
  for (let round = 0; round < 600; round++) loggedNames(opened, [`name${round}`, 'other']);
  opened.lines.length = 0;
  mkdir(opened.guest, '/a', 3);
  expect(opened.lines).toEqual([{ level: 3, message: 'one|two' }]);
});

test('Path: bytes and paths are the same things', async () => {
  const { component: built } = await buildText(`
    import { Action, Path } from '@seccompagent/guest-sdk';
    let kept: Path[] = [];
    export function mkdir(path: Path, mode: u32): Action {
      kept.push(path);
      const bytes = new StaticArray<u8>(2);
      bytes[0] = 47;
      bytes[1] = 97;
      const made = Path.fromBytes(bytes);
      let sum: i64 = 0;
      for (let i = 0; i < kept.length; i++) if (kept[i].equals(made)) sum++;
      return Action.value(sum * 100 + path.bytes.length);
    }`);
  const guest = openGuest(built);
  for (let round = 1; round <= 600; round++) {
    expect(mkdir(guest, '/a', 0)).toEqual({ kind: 'value', value: BigInt(round * 100 + 2) });
  }
  expect(mkdir(guest, '', 0)).toEqual({ kind: 'value', value: 60_000n });
});
