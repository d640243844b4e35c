// SPDX-License-Identifier: Apache-2.0
// Tests what `record show` makes of entries: replies and failures in words, numbers of any size.
import { describe, expect, test } from 'vitest';

import { HostRequest } from '../../host/call/host.ts';
import { hostFunction } from '../../host/call/host-functions.ts';
import { callOf } from '../../host/call/host-call.ts';
import type { HostAnswer, HostCall } from '../../host/call/host-call.ts';
import { statNumbers } from '../../host/native.ts';
import type { RecordedCall } from '../../host/recording/recorded-call.ts';
import type { HeaderEntry, RecordingEntry } from '../../host/recording/recording-format.ts';
import { ShownRecording } from '../../host/replay/shown-recording.ts';
import { describeAnswer } from '../../host/trial/described-answer.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A call with nothing but what tells its function apart. */
function emptyCall(capability: string, name: string): HostCall {
  const request = new HostRequest(hostFunction(capability, name), new Int32Array(64).fill(-1));
  const call = callOf(request);
  if (call === undefined) throw new Error(`${capability}.${name} is not recorded`);
  return call;
}

const status = new Uint8Array(statNumbers.length * 8);
new DataView(status.buffer).setBigInt64(statNumbers.indexOf('mode') * 8, 0o100_644n, true);

describe('describeAnswer', () => {
  test.for<[string, string, HostAnswer, unknown]>([
    ['filesystem', 'mkdir', { answer: 0 }, 'ok'],
    ['filesystem', 'mkdir', { answer: 17 }, 'EEXIST'],
    ['filesystem', 'mkdir', { answer: -1 }, 'gone'],
    ['filesystem', 'mkdir', { answer: 4000 }, 4000n],
    ['filesystem', 'open', { answer: 0, descriptor: 3 }, { descriptor: 3n }],
    ['filesystem', 'read-link', { answer: 0, bytes: bytesOf('/a') }, { bytes: '/a' }],
    ['filesystem', 'read-link', { answer: 0, bytes: Uint8Array.of(255) }, { bytes: { hex: 'ff' } }],
    ['descriptors', 'take', { answer: 5 }, 5n],
    ['descriptors', 'take', { answer: -9 }, 'EBADF'],
    ['memory', 'read', { answer: 2, bytes: bytesOf('**') }, { bytes: '**' }],
    ['memory', 'size', { answer: 0, wide: 7n }, 7n],
    ['memory', 'size', { answer: 0, wide: -14n }, 'EFAULT'],
    ['state', 'get', { answer: 0 }, false],
    ['state', 'remove', { answer: 1 }, true],
    ['state', 'add', { answer: 0, wide: 12n }, 12n],
    ['clock', 'wall', { answer: 0, wide: 12n }, 12n],
    ['caller', 'has-capability', { answer: 1 }, 1n],
    ['log', 'log', { answer: 0 }, 'ok'],
    ['mounts', 'mount', { answer: 0, failure: 'no memory' }, { failure: 'no memory' }],
  ])('%s.%s: %o', ([capability, name, answer, shown]) => {
    expect(describeAnswer(emptyCall(capability, name), answer)).toEqual(shown);
  });

  test('filesystem.stat: its numbers have names', () => {
    const shown = describeAnswer(emptyCall('filesystem', 'stat'), { answer: 0, bytes: status });
    expect(shown).toMatchObject({ status: { mode: 0o100_644n, 'holder-major': 0n } });
  });
});

const registry = {
  bundles: [{ name: 'own', version: '1' }],
  handlers: [{ name: 'first', bundle: 'own', digest: 'ab', settings: ['suffix'] }],
  given: { OWN_SUFFIX: null, OWN_PATH: '/a' },
};

const header: HeaderEntry = {
  format: 'seccompagent-recording',
  version: 1,
  kind: 'header',
  agent: '0.1.0',
  container: { id: 'c1', annotations: [], fields: { Pod: 'web' } },
  ...registry,
};

/** mkdir(2) of x86-64, unless it is said otherwise. */
function entryOf(rest: Partial<RecordedCall>): RecordingEntry & { readonly kind: 'call' } {
  return {
    kind: 'call',
    at: 0,
    arch: 'x86_64',
    number: 83,
    syscall: 'mkdir',
    family: 'mkdir',
    names: ['path', 'mode'],
    registers: [1n, 0o755n, 0n, 0n, 0n, 0n],
    pointers: [{ index: 0, kind: 'fault', errno: 14 }],
    asks: [],
    decision: { kind: 'action', action: { kind: 'continue' } },
    ...rest,
  };
}

test('ShownRecording: the header has the container, its handlers and what was left out', () => {
  const lines = new ShownRecording(header).header().lines();
  const texts = lines.map((line) => line.split(/ {2,}/u));
  expect(texts).toEqual([
    ['container', 'c1'],
    ['recorded by', 'seccompagent 0.1.0'],
    ['bundles', 'own 1'],
    ['handler', 'first of own, sha256:ab, settings suffix'],
    ['metadata', 'OWN_SUFFIX (left out), OWN_PATH=/a'],
    ['fields', 'Pod=web'],
  ]);
});

test('ShownRecording: a pointer that led nowhere has the name of its errno', () => {
  const shown = new ShownRecording(header).entry(entryOf({}));
  expect(shown.facts()).toMatchObject({
    call: 1,
    time: '1970-01-01T00:00:00.000Z',
    arguments: { path: { fault: 'EFAULT' }, mode: 0o755 },
    action: 'continue',
  });
  expect(shown.lines().join('\n')).toContain('mkdir(path: (EFAULT), mode: 493) = continue');
});

test('ShownRecording: calls nobody knows, large numbers and failures', () => {
  const shown = new ShownRecording(header);
  const failure = { kind: 'failed', code: 'AGENT_HANDLER_FAILED', reason: 'unreachable' } as const;
  const value = { kind: 'action', action: { kind: 'value', value: 2n ** 63n } } as const;
  const asks = [
    { handler: 0, calls: [], outcome: { kind: 'action', action: { kind: 'next' } } },
    { handler: 7, calls: [], outcome: failure },
  ] as const;
  const unknown = { number: 4000, syscall: 'unknown', names: [], pointers: [], asks };
  expect(shown.entry(entryOf({ ...unknown, decision: value })).facts()).toMatchObject({
    arguments: ['0x1', '0x1ed', '0x0', '0x0', '0x0', '0x0'],
    asks: [
      { handler: 'first', action: 'next' },
      { handler: '7', failure: { code: failure.code, reason: failure.reason } },
    ],
    action: { value: String(2n ** 63n) },
  });
  const quarantined = entryOf({ at: 1e300, decision: { kind: 'left-alone' } });
  expect(shown.entry(quarantined).facts()).toMatchObject({ call: 2, isQuarantined: true });
});
