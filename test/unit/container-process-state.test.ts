// SPDX-License-Identifier: Apache-2.0
// Tests the message that runtimes send: how it is read and how its end is found.
import { expect, test } from 'vitest';

import {
  ObjectScanner,
  parseContainerProcessState,
} from '../../host/agent-socket/container-process-state.ts';
import { failureOf } from '../support/agent-failure.ts';

/** As runc sends it. */
const runcText =
  '{"ociVersion":"0.2.0","fds":["seccompFd"],"pid":4321,"metadata":"MKDIR_TMPL=x",' +
  '"state":{"ociVersion":"1.2.1","id":"c1","status":"creating","pid":1234,' +
  '"bundle":"/bundles/c1","annotations":{"a":"1"}}}';

/** As crun sends it. */
const crunText = `{
  "ociVersion": "1.0",
  "fds": [
    "seccompFd"
  ],
  "pid": 4321,
  "metadata": "",
  "state": {
    "ociVersion": "1.0",
    "id": "c2",
    "status": "running",
    "pid": 1234,
    "bundle": "/bundles/c2"
  }
}
`;

/** Message of runc, with some of it replaced. */
function message(changes: Readonly<Record<string, unknown>>, state: unknown = {}): string {
  const whole: unknown = JSON.parse(runcText);
  if (typeof whole !== 'object' || whole === null || !('state' in whole)) throw new Error('no');
  const changedState =
    typeof state === 'object' && state !== null && typeof whole.state === 'object'
      ? { ...whole.state, ...state }
      : state;
  return JSON.stringify({ ...whole, state: changedState, ...changes });
}

test('container process state: runc’s message is read', () => {
  expect(parseContainerProcessState(runcText)).toEqual({
    fds: ['seccompFd'],
    processPid: 4321,
    metadata: 'MKDIR_TMPL=x',
    containerId: 'c1',
    containerPid: 1234,
    status: 'creating',
    ociBundle: '/bundles/c1',
    annotations: new Map([['a', '1']]),
  });
});

test('container process state: crun’s message, over several lines, is read', () => {
  expect(parseContainerProcessState(crunText)).toMatchObject({
    processPid: 4321,
    containerId: 'c2',
    containerPid: 1234,
    annotations: new Map(),
  });
});

test('container process state: exec of crun says pid 0 and leaves others out', () => {
  const text = '{"fds":["seccompFd"],"pid":0,"state":{"id":"c3","pid":0}}';
  expect(parseContainerProcessState(text)).toEqual({
    fds: ['seccompFd'],
    processPid: 0,
    metadata: '',
    containerId: 'c3',
    containerPid: 0,
    status: '',
    ociBundle: '',
    annotations: new Map(),
  });
});

test('container process state: null stands for what may be left out', () => {
  const text = message({ metadata: null }, { annotations: null, status: null, pid: null });
  expect(parseContainerProcessState(text)).toMatchObject({ metadata: '', containerPid: 0 });
});

test('G1: container process state: an id has no more than 1,024 bytes', () => {
  const longest = 'ü'.repeat(512);
  expect(parseContainerProcessState(message({}, { id: longest })).containerId).toBe(longest);
  expect(
    failureOf(() => parseContainerProcessState(message({}, { id: `${longest}x` }))),
  ).toMatchObject({
    code: 'AGENT_STATE_INVALID',
    message: expect.stringContaining('state.id has more than 1024 bytes'),
  });
});

test('G1: container process state: of many annotations it says how many are left out', () => {
  const annotations = Object.fromEntries(
    Array.from({ length: 2000 }, (_, index) => [`k${index}`, '']),
  );
  const state = parseContainerProcessState(message({}, { annotations }));
  expect(state.annotations.size).toBe(1024);
  expect(state.leftOut).toBe(976);
});

test('container process state: an annotation may have any name', () => {
  const text = message({}, { annotations: JSON.parse('{"__proto__":"1","constructor":"2"}') });
  expect(parseContainerProcessState(text).annotations).toEqual(
    new Map([
      ['__proto__', '1'],
      ['constructor', '2'],
    ]),
  );
});

test.for([
  ['no JSON', '{"fds":', 'no JSON'],
  ['a list', '[]', 'it is no object'],
  ['null', 'null', 'it is no object'],
  ['a text', '"x"', 'it is no object'],
  ['no state', '{"fds":[],"pid":1}', 'state is no object'],
  ['state as a list', message({ state: [] }), 'state is no object'],
  ['no fds', message({ fds: undefined }), 'fds is no array'],
  ['fds as a text', message({ fds: 'seccompFd' }), 'fds is no array'],
  ['a number in fds', message({ fds: [3] }), 'an item of fds is no string'],
  ['no pid', message({ pid: undefined }), 'pid is no process id'],
  ['pid as a text', message({ pid: '1' }), 'pid is no process id'],
  ['a negative pid', message({ pid: -1 }), 'pid is no process id'],
  ['half a pid', message({ pid: 1.5 }), 'pid is no process id'],
  ['a pid that is too large', message({ pid: 0x8000_0000 }), 'pid is no process id'],
  ['a negative pid in state', message({}, { pid: -7 }), 'state.pid is no process id'],
  ['metadata as a list', message({ metadata: [] }), 'metadata is no string'],
  ['no id', message({}, { id: undefined }), 'state.id is no string'],
  ['id as a number', message({}, { id: 5 }), 'state.id is no string'],
  ['status as a number', message({}, { status: 1 }), 'state.status is no string'],
  ['bundle as a number', message({}, { bundle: 1 }), 'state.bundle is no string'],
  ['annotations as a list', message({}, { annotations: [] }), 'state.annotations is no object'],
  [
    'an annotation as a number',
    message({}, { annotations: { a: 1 } }),
    'annotation a is no string',
  ],
] as const)('container process state: %s is refused', ([, text, reason]) => {
  expect(failureOf(() => parseContainerProcessState(text))).toMatchObject({
    code: 'AGENT_STATE_INVALID',
    message: `container process state: ${reason}`,
  });
});

function scan(...chunks: readonly (string | Uint8Array)[]): readonly string[] {
  const scanner = new ObjectScanner();
  return chunks.map((chunk) =>
    scanner.push(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk),
  );
}

test.for([
  ['runc', runcText],
  ['crun', crunText],
  ['braces in texts', '{"a":"}{\\"}","b":{"c":"\\\\"}}'],
  ['other letters', '{"ä":"💥}"}'],
] as const)('G1: ObjectScanner: the message of %s is whole, wherever it is cut', ([, text]) => {
  const bytes = new TextEncoder().encode(text);
  const end = text.trimEnd().length === text.length ? bytes.length : bytes.lastIndexOf(0x7d) + 1;
  for (let at = 0; at <= end; at += 1) {
    const expected = at < end ? ['partial', 'whole'] : ['whole'];
    const seen = scan(bytes.subarray(0, at), bytes.subarray(at));
    expect(seen.slice(0, expected.length), `cut at ${at}`).toEqual(expected);
  }
});

test('G1: ObjectScanner: a message that comes byte by byte is whole with its last brace', () => {
  const bytes = new TextEncoder().encode(runcText);
  const seen = scan(...Array.from(bytes, (byte) => Uint8Array.of(byte)));
  expect(seen.slice(0, -1).every((state) => state === 'partial')).toBe(true);
  expect(seen.at(-1)).toBe('whole');
});

test('ObjectScanner: no bytes change nothing', () => {
  expect(scan('', '{', '', '}')).toEqual(['partial', 'partial', 'partial', 'whole']);
});

test('ObjectScanner: white space may stand around the object', () => {
  expect(scan(' \n\t{ } \r\n')).toEqual(['whole']);
  expect(scan(' ', '\n', '{}')).toEqual(['partial', 'partial', 'whole']);
});

test.for(['[]', '"{}"', '}', 'x{}', '\uFEFF{}', '1', 'null'])(
  'ObjectScanner: %j starts with something else and is broken',
  (text) => {
    expect(scan(text)).toEqual(['broken']);
  },
);

test.for(['{}{}', '{}x', '{}}', '{} {}', '{},'])(
  'ObjectScanner: %j goes on behind the object and is broken',
  (text) => {
    expect(scan(text)).toEqual(['broken']);
  },
);

test('ObjectScanner: bytes behind a whole object in another chunk are an error', () => {
  expect(scan('{}', 'x')).toEqual(['whole', 'broken']);
});

test('ObjectScanner: quotes, backslashes and braces in texts do not end the object', () => {
  expect(scan('{"a":"\\', '"}', '\\\\', '"', '}')).toEqual([
    'partial',
    'partial',
    'partial',
    'partial',
    'whole',
  ]);
});
