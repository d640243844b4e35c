// SPDX-License-Identifier: Apache-2.0
// Tests the message that runtimes send: how it is read and how its end is found.
import { expect, test } from 'vitest';

import {
  ObjectScanner,
  parseContainerProcessState,
} from '../../host/agent-socket/container-process-state.ts';
import { failure } from '../support/failures.ts';

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
  expect(() => parseContainerProcessState(message({}, { id: `${longest}x` }))).toThrow(
    failure('AGENT_STATE_INVALID', 'state.id', '1024'),
  );
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

test.for<readonly [what: string, text: string, ...field: readonly string[]]>([
  ['no JSON', '{"fds":'],
  ['a list', '[]'],
  ['null', 'null'],
  ['a text', '"x"'],
  ['no state', '{"fds":[],"pid":1}', 'state'],
  ['state as a list', message({ state: [] }), 'state'],
  ['no fds', message({ fds: undefined }), 'fds'],
  ['fds as a text', message({ fds: 'seccompFd' }), 'fds'],
  ['a number in fds', message({ fds: [3] }), 'fds'],
  ['no pid', message({ pid: undefined }), 'pid'],
  ['pid as a text', message({ pid: '1' }), 'pid'],
  ['a negative pid', message({ pid: -1 }), 'pid'],
  ['half a pid', message({ pid: 1.5 }), 'pid'],
  ['a pid that is too large', message({ pid: 0x8000_0000 }), 'pid'],
  ['a negative pid in state', message({}, { pid: -7 }), 'state.pid'],
  ['metadata as a list', message({ metadata: [] }), 'metadata'],
  ['no id', message({}, { id: undefined }), 'state.id'],
  ['id as a number', message({}, { id: 5 }), 'state.id'],
  ['status as a number', message({}, { status: 1 }), 'state.status'],
  ['bundle as a number', message({}, { bundle: 1 }), 'state.bundle'],
  ['annotations as a list', message({}, { annotations: [] }), 'state.annotations'],
  ['an annotation as a number', message({}, { annotations: { 'my.key': 1 } }), 'my.key'],
])('container process state: %s is refused', ([, text, ...field]) => {
  // not a part of a longer name
  const named = field.map((name) => new RegExp(String.raw`(?<![\w.])${name}(?![\w.])`, 'u'));
  expect(() => parseContainerProcessState(text)).toThrow(failure('AGENT_STATE_INVALID', ...named));
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
