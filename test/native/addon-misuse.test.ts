// SPDX-License-Identifier: Apache-2.0
// Tests that the addon refuses misuse of its exports: it throws and never ends the process.
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import {
  argumentCount,
  arches,
  eventKind,
  inbox,
  loadNative,
  mountRange,
  numbersPerArch,
  readKind,
  tokenOf,
} from '../../host/native.ts';
import type { Native, ReceiverHandle, WorkerHandle } from '../../host/native.ts';
import { figure, makeCounters } from '../../host/counting/counters.ts';
import { openFdCount } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const native = loadNative();
const readKindsLength = arches.length * numbersPerArch * argumentCount;
const figuresSize = figure.count * 8;

const isExport = (name: string): name is keyof Native => name in native;

/** Calls an export with anything. */
function call(name: string, ...values: readonly unknown[]): unknown {
  if (!isExport(name)) throw new Error(`the addon has no ${name}`);
  return Reflect.apply(native[name], undefined, values);
}

test('addon: the build that was asked for is the one that is loaded', () => {
  const isAsan = process.env['SECCOMPAGENT_ASAN'] === '1';
  const files = readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('/seccompagent.node'));
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) expect(file.includes('/build-asan/')).toBe(isAsan);
});

/** Runs a program that has the addon as `native`. */
function inChild(program: string): { readonly status: number | null; readonly stderr: string } {
  const face = join(import.meta.dirname, '../../host/native.ts');
  const text = `import { loadNative } from '${face}'; const native = loadNative(); ${program}`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', text], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  // Node's stack is long and different each time
  return { status, stderr: stderr.split('\n')[0] ?? '' };
}

function detached(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

function createReceiver(): ReceiverHandle {
  return native.createReceiver(new Uint8Array(readKindsLength), 1, 1);
}

const countersSize = makeCounters().byteLength;

function attachWorker(receiver: ReceiverHandle): WorkerHandle {
  const counters = new Uint8Array(countersSize);
  return native.attachWorker(receiver, new Uint8Array(inbox.size), counters, 1);
}

type Single = 'number' | 'bigint' | 'boolean' | 'text' | 'texts' | 'bytes' | 'numbers';
/** An object has a kind for each field. */
type Kind = Single | Readonly<Record<string, Single>>;

const termsKinds = {
  registry: 'bytes',
  handlers: 'bytes',
  annotations: 'bytes',
  chain: 'bytes',
  reads: 'bytes',
  failureErrno: 'number',
} as const;
const programKinds = {
  command: 'texts',
  environment: 'texts',
  candidates: 'texts',
  folder: 'text',
  input: 'bytes',
  maxOutputBytes: 'number',
  maxMs: 'number',
} as const;

const withoutArguments = [
  'becomeWatchUser',
  'drawUser',
  'harden',
  'leaveSessionKeyring',
  'leaveWatchUser',
  'ownWatches',
  'residentBytes',
] as const;
const signatures: Readonly<
  Record<Exclude<keyof Native, (typeof withoutArguments)[number]>, readonly Kind[]>
> = {
  exitProcess: ['number'],
  listenSocket: ['text', 'numbers'],
  takeWakeFd: ['number'],
  nextSocketEvent: ['number', 'bytes'],
  socketHasPending: ['number'],
  muteConnection: ['number', 'number'],
  holdConnection: ['number', 'number', 'number'],
  connectionIsOver: ['number', 'number', 'number'],
  keepAsked: ['number', 'number', 'number', 'number', 'number'],
  findFirstProcess: ['number', 'number', 'number'],
  findPaths: ['number', 'number', 'number', 'bytes', 'number', 'number'],
  lookAtFirstProcess: ['number', 'number', 'number'],
  closeConnection: ['number', 'number'],
  closeSocket: ['number'],
  createReceiver: ['bytes', 'number', 'number'],
  shareQuarantine: ['number', 'bytes', 'bytes'],
  stopReceiver: ['number'],
  closeReceiver: ['number'],
  listenerCount: ['number'],
  takeReceiverWakeFd: ['number'],
  nextReceiverEvent: ['number'],
  receiverFigures: ['number', 'bytes'],
  adoptConnectionFd: [
    'number',
    {
      ...termsKinds,
      socket: 'number',
      connection: 'number',
      index: 'number',
      firstPid: 'number',
      container: 'number',
      waitsKillable: 'boolean',
      peerUid: 'number',
      sender: 'number',
    },
  ],
  pathErrors: ['number', 'number', 'bytes'],
  readRuntimeFile: ['text', 'number', 'number'],
  processIdentity: ['number'],
  killFirstProcess: ['number', 'number'],
  killContainer: ['number', 'number'],
  stopContainer: ['number', 'number', 'number'],
  attachWorker: ['number', 'bytes', 'bytes', 'number'],
  detachWorker: ['number'],
  receiveFunction: ['number'],
  wakeAnother: ['number'],
  tellShortage: ['number'],
  tellAllOfShortage: ['number'],
  countOperation: ['number'],
  replaceTerms: ['number', 'number', termsKinds],
  listenerRegistry: ['number', 'number', 'number'],
  mountAsCaller: ['number', 'bytes', 'numbers'],
  operate: ['number', 'number', 'bytes', 'numbers', 'bytes'],
  takeCallerFd: ['number', 'number'],
  installFd: ['number', 'number', 'number'],
  replaceFd: ['number', 'number', 'number', 'number'],
  readArgument: ['number', 'bigint', 'bytes'],
  readStrings: ['number', 'bigint', 'number', 'bytes'],
  writeArgument: ['number', 'bigint', 'bytes'],
  callerCredentials: ['number', 'bytes'],
  callerProcess: ['number', 'bytes'],
  hasCapability: ['number', 'number', 'number'],
  freezeContainer: ['number', 'number', 'number'],
  containerResources: ['number', 'number', 'bytes'],
  createState: ['number', 'text', 'number', 'number', 'number'],
  closeState: ['number'],
  stateGet: ['number', 'bytes', 'bytes'],
  stateSet: ['number', 'bytes', 'bytes'],
  stateRemove: ['number', 'bytes'],
  stateAdd: ['number', 'bytes', 'bytes'],
  refusePidnsOption: ['number'],
  runProgram: [programKinds],
  startProgram: [programKinds],
  launch: ['texts', 'texts', 'texts', 'bytes'],
  launchPid: ['number'],
  launchWaitsKillable: ['number'],
  adoptLaunch: ['number', 'number', { ...termsKinds, paths: 'bytes' }],
  launchExit: ['number'],
  launchKill: ['number', 'number'],
  closeLaunch: ['number'],
  filterBytes: ['bytes'],
  probe: ['text'],
};

/** Right in type; the number is a handle that was never given. */
const right: Readonly<Record<Single, unknown>> = {
  number: 0x7fff_ffff,
  bigint: 1n,
  boolean: true,
  text: '/nonexistent/agent.socket',
  texts: ['true'],
  bytes: new Uint8Array(16),
  numbers: new Int32Array(mountRange.count),
};

const anything: readonly unknown[] = [
  undefined,
  null,
  true,
  12n,
  Symbol('s'),
  {},
  (): number => 1,
  new ArrayBuffer(8),
  new SharedArrayBuffer(8),
  new DataView(new ArrayBuffer(8)),
  new Uint16Array(8),
  new Int8Array(8),
  new Uint8ClampedArray(8),
  new BigInt64Array(8),
  new Proxy(new Uint8Array(8), {}),
  new Proxy(['a'], {}),
];

const wrong: Readonly<Record<Single, readonly unknown[]>> = {
  number: [...anything, '1', [1], new Uint8Array(8), Object(1)],
  bigint: [...anything.filter((value) => typeof value !== 'bigint'), 1, '1', -1n, 2n ** 64n],
  boolean: [...anything.filter((value) => value !== true), 0, 1, 'true', Object(true)],
  text: [...anything, 1, ['a'], Object('a')],
  texts: [...anything, 1, 'a', [1], ['a', undefined], ['a', Object('b')], [['a']], { length: 1 }],
  bytes: [...anything, 1, 'a', [1], new Int32Array(8)],
  numbers: [...anything, 1, 'a', [1], new Uint8Array(40), new Uint32Array(10)],
};

function rightOf(kind: Kind): unknown {
  if (typeof kind === 'string') return right[kind];
  return Object.fromEntries(Object.entries(kind).map(([name, each]) => [name, right[each]]));
}

function wrongOf(kind: Kind): readonly unknown[] {
  if (typeof kind === 'string') return wrong[kind];
  const fields = Object.entries(kind).flatMap(([name, each]) =>
    wrong[each].map((value) => ({ ...Object(rightOf(kind)), [name]: value })),
  );
  return [...anything, ...fields];
}

const rows = Object.entries(signatures);

test('addon: it exports what its face says, and nothing else', () => {
  expect(Object.keys(native).toSorted()).toEqual(
    [...Object.keys(signatures), ...withoutArguments].toSorted(),
  );
});

test.for(rows)('addon: %s refuses each argument of a wrong type', ([name, kinds]) => {
  kinds.forEach((kind, position) => {
    for (const value of wrongOf(kind)) {
      const values = kinds.map((other, index) => (index === position ? value : rightOf(other)));
      expect(() => call(name, ...values), `${position}: ${typeof value}`).toThrow(
        expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }),
      );
    }
    const missing = kinds.slice(0, position).map((other) => rightOf(other));
    expect(() => call(name, ...missing)).toThrow(TypeError);
  });
});

const closers = ['closeSocket', 'closeReceiver', 'detachWorker', 'closeLaunch', 'closeState'];
const others = [
  'exitProcess',
  'listenSocket',
  'createReceiver',
  'createState',
  'refusePidnsOption',
  'runProgram',
  'startProgram',
  'launch',
  'filterBytes',
  'probe',
  'readRuntimeFile',
  'processIdentity',
];
// what they are given is looked at before the handle is, or they look at it later
const looking = [
  'receiveFunction',
  'attachWorker',
  'mountAsCaller',
  'receiverFigures',
  'operate',
  'stateAdd',
];

test.for(rows.filter(([name]) => ![...closers, ...others, ...looking].includes(name)))(
  'addon: %s refuses a handle that is none',
  ([name, kinds]) => {
    for (const handle of [0x7fff_ffff, 4_294_967_295]) {
      const values = kinds.map((kind, index) => (index === 0 ? handle : rightOf(kind)));
      expect(() => call(name, ...values)).toThrow(expect.objectContaining({ code: 'EBADF' }));
    }
  },
);

test('addon: a worker that is none receives nothing', () => {
  for (const handle of [0x7fff_ffff, 4_294_967_295]) {
    const receive = call('receiveFunction', handle);
    if (typeof receive !== 'function') throw new Error('it is no function');
    expect(() => Reflect.apply(receive, undefined, [])).toThrow(
      expect.objectContaining({ code: 'EBADF' }),
    );
  }
});

test('addon: closing what is not open does nothing', () => {
  for (const name of closers) {
    expect(call(name, 0x7fff_ffff)).toBeUndefined();
  }
});

test.for([2 ** 32, 2 ** 53, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
  'addon: the number %d is no handle',
  (number) => {
    const receiver = createReceiver();
    const worker = attachWorker(receiver);
    native.stopReceiver(receiver);
    try {
      // it must not be taken for another handle, of this worker
      expect(() => call('receiveFunction', Number(worker) + number)).toThrow(Error);
    } finally {
      native.detachWorker(worker);
      native.closeReceiver(receiver);
    }
  },
);

test.for([0, 1, 2])('addon: a list of texts that throws, at %i, is refused', (position) => {
  // in a process of its own: what goes wrong here ends it
  const lists = [0, 1, 2].map((index) => (index === position ? 'throwing' : "['a']"));
  const { status, stderr } = inChild(`
    const throwing = Object.defineProperty(['a'], 0, {
      get: () => { throw new RangeError('thrown by a getter'); },
    });
    try {
      native.launch(${lists.join(', ')}, new Uint8Array());
    } catch {
      process.exit(0);
    }
    process.exit(1);`);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test.for([
  ['shorter', readKindsLength - 1],
  ['longer', readKindsLength + 1],
  ['empty', 0],
] as const)('addon: a table of read kinds that is %s is refused', ([, length]) => {
  native.closeReceiver(createReceiver());
  expect(() => native.createReceiver(new Uint8Array(length), 1, 1)).toThrow(
    expect.objectContaining({ code: 'EINVAL' }),
  );
});

test('addon: a read kind that nobody knows is refused', () => {
  const last = Object.keys(readKind).length - 1;
  const kinds = new Uint8Array(readKindsLength).fill(last, 5, 6);
  native.closeReceiver(native.createReceiver(kinds, 1, 1));
  kinds[5] = last + 1;
  expect(() => native.createReceiver(kinds, 1, 1)).toThrow(TypeError);
});

/** Bytes of which the addon needs so many, aligned to eight, that it must not take. */
const wrongBytes = [
  ['too small', (size: number) => new Uint8Array(size - 1)],
  ['empty', () => new Uint8Array()],
  ['not aligned', (size: number) => new Uint8Array(size + 8).subarray(4, 4 + size)],
  ['detached', detached],
] as const;

test.for(wrongBytes)('addon: an inbox that is %s is refused', ([, make]) => {
  const receiver = createReceiver();
  const counters = new Uint8Array(countersSize);
  native.detachWorker(attachWorker(receiver));
  try {
    expect(() => native.attachWorker(receiver, make(inbox.size), counters, 1)).toThrow(TypeError);
  } finally {
    native.closeReceiver(receiver);
  }
});

test.for(wrongBytes)('addon: counters that are %s are refused', ([, make]) => {
  const receiver = createReceiver();
  const bytes = new Uint8Array(inbox.size);
  native.detachWorker(attachWorker(receiver));
  try {
    expect(() => native.attachWorker(receiver, bytes, make(countersSize), 1)).toThrow(TypeError);
  } finally {
    native.closeReceiver(receiver);
  }
});

// they are copied, so that they may be anywhere
const wrongFigures = wrongBytes.filter(([how]) => how !== 'not aligned');

test.for(wrongFigures)('addon: figures that are %s are refused', ([, make]) => {
  const receiver = createReceiver();
  native.receiverFigures(receiver, new Uint8Array(figuresSize));
  try {
    expect(() => {
      native.receiverFigures(receiver, make(figuresSize));
    }).toThrow(TypeError);
  } finally {
    native.closeReceiver(receiver);
  }
});

test('addon: a receiver has only so many workers', () => {
  const receiver = createReceiver();
  const workers = Array.from({ length: 64 }, () => attachWorker(receiver));
  expect(() => attachWorker(receiver)).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
  for (const worker of workers) native.detachWorker(worker);
  native.detachWorker(attachWorker(receiver));
  native.closeReceiver(receiver);
});

test('addon: the wake descriptor of a receiver is taken once', () => {
  const receiver = createReceiver();
  const fd = native.takeReceiverWakeFd(receiver);
  expect(readlinkSync(`/proc/self/fd/${fd}`)).toMatch(/^pipe:/u);
  expect(native.takeReceiverWakeFd(receiver)).toBe(-1);
  expect(native.nextReceiverEvent(receiver)).toBeNull();
  native.closeReceiver(receiver);
  // it is whoever took it who closes it
  closeSync(fd);
});

test('addon: nobody is killed for a token that is none', () => {
  const receiver = createReceiver();
  for (const token of [0, 1, 0xffff_ffff]) {
    expect(native.killContainer(receiver, tokenOf(token))).toBe(constants.errno.ESRCH);
  }
  native.closeReceiver(receiver);
});

test('addon: open handles do not keep the process', () => {
  const { status, stderr } = inChild(`
    const receiver = native.createReceiver(new Uint8Array(${readKindsLength}), 1, 1);
    const bytes = new Uint8Array(${inbox.size});
    native.attachWorker(receiver, bytes, new Uint8Array(${countersSize}), 1);`);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test.for([0, 7, 255])('addon: exitProcess ends the process with %i', (code) => {
  expect(inChild(`native.exitProcess(${code});`).status).toBe(code);
});

test.for([
  [`/tmp/${'a'.repeat(108)}`, 'ENAMETOOLONG'],
  ['/nonexistent/agent.socket', 'ENOENT'],
  ['/tmp', 'ENOTSOCK'],
  ['', 'ENOENT'],
] as const)('addon: no socket is made at "%s"', ([path, code]) => {
  expect(() => native.listenSocket(path, new Int32Array())).toThrow(
    expect.objectContaining({ code, syscall: 'listen' }),
  );
});

test('addon: a socket is closed once, and its events end with it', () => {
  using folder = new TemporaryFolder();
  const path = folder.at('agent.socket');
  const fds = openFdCount(process.pid);
  const socket = native.listenSocket(path, new Int32Array());
  expect(native.nextSocketEvent(socket, new Uint8Array(16))).toBeNull();
  call('holdConnection', socket, 99, 0);
  expect(call('connectionIsOver', socket, 99, 0)).toBe(true);
  call('closeConnection', socket, 99);
  native.closeSocket(socket);
  native.closeSocket(socket);
  expect(() => native.nextSocketEvent(socket, new Uint8Array(16))).toThrow(
    expect.objectContaining({ code: 'EBADF' }),
  );
  expect(existsSync(path)).toBe(false);
  expect(openFdCount(process.pid)).toBe(fds);
});

test('addon: a closed receiver takes no worker, and its workers go on', () => {
  const receiver = createReceiver();
  const worker = attachWorker(receiver);
  native.stopReceiver(receiver);
  native.closeReceiver(receiver);
  for (const use of [
    () => native.listenerCount(receiver),
    () => {
      native.stopReceiver(receiver);
    },
    () => native.takeReceiverWakeFd(receiver),
    () => native.nextReceiverEvent(receiver),
    () => native.killContainer(receiver, tokenOf(1)),
    () => {
      native.receiverFigures(receiver, new Uint8Array(figuresSize));
    },
    () => attachWorker(receiver),
  ]) {
    expect(use).toThrow(expect.objectContaining({ code: 'EBADF' }));
  }
  const receive = native.receiveFunction(worker);
  expect(receive()).toBe(eventKind.stopped);
  native.detachWorker(worker);
  native.detachWorker(worker);
  expect(receive).toThrow(expect.objectContaining({ code: 'EBADF' }));
});

test('addon: a socket file that somebody else has put there stays', () => {
  using folder = new TemporaryFolder();
  const path = folder.at('agent.socket');
  const socket = native.listenSocket(path, new Int32Array());
  rmSync(path);
  writeFileSync(path, 'x');
  native.closeSocket(socket);
  expect(readFileSync(path, 'utf8')).toBe('x');
});
