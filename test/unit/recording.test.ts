// SPDX-License-Identifier: Apache-2.0
// Tests what is written down of calls, what is left out of it, and that it can be asked again.
import { unpack, pack } from 'msgpackr';
import { describe, expect, test } from 'vitest';

import { parseContainerProcessState } from '../../host/agent-socket/container-process-state.ts';
import { AgentError } from '../../host/errors.ts';
import { fail, zeroAction } from '../../host/call/action.ts';
import type { Action } from '../../host/call/action.ts';
import { HostRequest } from '../../host/call/host.ts';
import type { Host } from '../../host/call/host.ts';
import { hostFunction } from '../../host/call/host-functions.ts';
import type { HostCall } from '../../host/call/host-call.ts';
import { OperationRequest } from '../../host/handler/operation-request.ts';
import {
  arches,
  credentialsLayout,
  mountRange,
  resourceNumbers,
  statNumbers,
  userNamespace,
} from '../../host/native.ts';
import { ReceivedCall } from '../../host/call/received-call.ts';
import { syscallNumbers } from '../../host/syscalls/syscall-numbers.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import type { Syscall } from '../../host/syscalls/syscalls.ts';
import { CallTape } from '../../host/recording/call-tape.ts';
import { differencesOf, keyOf } from '../../host/replay/comparison.ts';
import { factsOf } from '../../host/recording/recorded-facts.ts';
import { inputOf, restoreInput } from '../../host/recording/recorded-call.ts';
import type { RecordedCall } from '../../host/recording/recorded-call.ts';
import { isEntry } from '../../host/recording/recording-format.ts';
import { redacted } from '../../host/recording/redaction.ts';
import { AnswerPool, replayed } from '../../host/replay/replayed-host.ts';
import { taped } from '../../host/recording/taped-host.ts';
import { IndexPool } from '../../host/counting/index-pool.ts';
import { LossCounters, makeLossCounters, maxSlots } from '../../host/recording/tape-room.ts';
import { Stopwatch } from '../../host/replay/timed-host.ts';
import { failureOf } from '../support/agent-failure.ts';
import { naming } from '../support/failures.ts';
import { fillCall, RecordingHost } from '../support/handler-harness.ts';
import type { GivenArgument } from '../support/handler-harness.ts';

const syscalls = new Syscalls();
const stateText = JSON.stringify({ fds: ['seccompFd'], pid: 1, state: { id: 'c1' } });
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function syscallOf(name: string): Syscall {
  const found = syscalls.byName(name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

/** Recording of a call, whose one handler does `act` and answers. */
function recorded(
  name: string,
  given: readonly GivenArgument[],
  act: (host: Host) => Action = () => zeroAction,
  host: Host = new RecordingHost(),
): RecordedCall {
  const call = new ReceivedCall();
  fillCall(call, name, given);
  const calls: RecordedCall[] = [];
  const tape = new CallTape({
    onRecorded: (written) => {
      calls.push(written);
    },
    onLost: () => undefined,
  });
  const recordedHost = taped(host, tape);
  tape.record(call, syscallOf(name), () => {
    tape.asking(0, () => act(recordedHost));
    return zeroAction;
  });
  const [written] = calls;
  if (written === undefined) throw new Error('nothing was written down');
  return written;
}

/** Asks for a function with these values: the reply, and the request with its output. */
function ask(host: Host, name: string, given: Partial<HostRequest> = {}): [number, HostRequest] {
  const [capability = '', own = ''] = name.split('.');
  const request = new HostRequest(hostFunction(capability, own));
  Object.assign(request, given);
  return [host.call(request), request];
}

function replyOf(host: Host, name: string, given: Partial<HostRequest> = {}): number {
  return ask(host, name, given)[0];
}

function wideOf(host: Host, name: string, given: Partial<HostRequest> = {}): unknown {
  const [reply, { wide }] = ask(host, name, given);
  return [reply, wide];
}

function bytesGiven(host: Host, name: string, given: Partial<HostRequest> = {}): unknown {
  const [reply, { result, length }] = ask(host, name, given);
  return [reply, result.slice(0, length)];
}

/** An operation on the path `/a`. */
function operate(host: Host, name: string): [number, OperationRequest] {
  const request = new OperationRequest(hostFunction('filesystem', name));
  request.begin();
  request.memory = bytesOf('/a');
  request.setText('path', 0, 2);
  return [host.call(request), request];
}

/** A mount on `target` with options. */
function mount(host: Host, target: string, data: string): number {
  const request = new HostRequest(
    hostFunction('mounts', 'mount'),
    new Int32Array(mountRange.count),
  );
  request.numbers.fill(-1);
  request.numbers.set([0, target.length], mountRange.target);
  request.numbers.set([target.length, data.length], mountRange.data);
  request.memory = bytesOf(`${target}${data}`);
  return host.call(request);
}

/** A host with answers of its own to everything. */
class OddHost extends RecordingHost {
  override resources = new Uint8Array(resourceNumbers.length * 8).fill(3);
  override caller = new Uint8Array(credentialsLayout.groups + 8).fill(5);

  override call(request: HostRequest): number {
    const reply = super.call(request);
    const { kind, name } = request.of;
    if (kind === 'size') request.wide = BigInt(request.argument) + 7n;
    if (kind === 'clock') request.wide = name === 'wall' ? 67_890n : 12_345n;
    return reply;
  }
}

const keyed = (text: string): Partial<HostRequest> => ({ key: bytesOf(text) });

/** Arguments and result of each function. */
const uses: Readonly<Record<string, (host: Host) => unknown>> = {
  mount: (host) => mount(host, '/mn', 'tdata'),
  mkdir: (host) => operate(host, 'mkdir')[0],
  stat: (host) => {
    const [errno, { result }] = operate(host, 'stat');
    return [errno, errno === 0 ? result.slice(0, statNumbers.length * 8) : undefined];
  },
  readLink: (host) => {
    const [errno, { result, length, numbers }] = operate(host, 'read-link');
    return [errno, errno === 0 ? textOf(result.slice(0, length)) : '', numbers.slice()];
  },
  open: (host) => {
    const [errno, { numbers }] = operate(host, 'open');
    return [errno, numbers.slice()];
  },
  take: (host) => replyOf(host, 'descriptors.take', { fd: 3 }),
  install: (host) => replyOf(host, 'descriptors.install', { descriptor: 1, isCloseOnExec: true }),
  replace: (host) => replyOf(host, 'descriptors.replace', { descriptor: 1, fd: 5 }),
  size: (host) => wideOf(host, 'memory.size', { argument: 2 }),
  read: (host) => bytesGiven(host, 'memory.read', { argument: 1, offset: 2n, max: 8 }),
  unread: (host) => replyOf(host, 'memory.read', { argument: 3, max: 4 }),
  write: (host) => replyOf(host, 'memory.write', { argument: 1, bytes: bytesOf('abc') }),
  credentials: (host) => bytesGiven(host, 'caller.get-credentials'),
  comm: (host) => bytesGiven(host, 'caller.comm'),
  process: (host) => bytesGiven(host, 'caller.get-process'),
  hasCapability: (host) =>
    replyOf(host, 'caller.has-capability', { capability: 21, where: userNamespace.ofCaller }),
  kill: (host) => replyOf(host, 'container.kill'),
  freeze: (host) => replyOf(host, 'container.freeze'),
  thaw: (host) => replyOf(host, 'container.thaw'),
  resources: (host) => bytesGiven(host, 'container.get-resources'),
  stateGet: (host) => [
    bytesGiven(host, 'state.get', keyed('known')),
    replyOf(host, 'state.get', keyed('unknown')),
  ],
  stateSet: (host) => replyOf(host, 'state.set', { ...keyed('key'), value: bytesOf('value') }),
  stateRemove: (host) => [
    replyOf(host, 'state.remove', keyed('known')),
    replyOf(host, 'state.remove', keyed('unknown')),
  ],
  stateAdd: (host) => wideOf(host, 'state.add', { ...keyed('count'), amount: 5n }),
  monotonic: (host) => wideOf(host, 'clock.monotonic'),
  wall: (host) => wideOf(host, 'clock.wall'),
  facts: (host) => {
    const [, { facts }] = ask(host, 'container.id');
    return [facts?.containerId, facts?.annotations, facts?.decodedArguments()];
  },
};

function oddHost(): OddHost {
  const host = new OddHost();
  host.memory = new Map([[1, bytesOf('remembered')]]);
  host.remember('known', bytesOf('something'));
  host.remember('count', new Uint8Array(BigInt64Array.of(37n).buffer));
  host.prepare(13);
  host.prepareResult({ bytes: bytesOf('given'), descriptor: 4 });
  return host;
}

function replayedHost(call: RecordedCall): Host {
  const answers = new AnswerPool('whole');
  answers.fill(call);
  return replayed(answers, { containerId: 'c1', annotations: [], decodedArguments: () => [] });
}

test.for(Object.entries(uses))('recording: the result of %s is given again', ([, use]) => {
  for (const host of [oddHost(), new RecordingHost()]) {
    let given: unknown;
    const call = recorded(
      'mkdir',
      ['/a', 0o755],
      (tapedHost) => {
        given = structuredClone(use(tapedHost));
        return zeroAction;
      },
      host,
    );
    // also by way of a file
    for (const again of [call, unpack(pack(call))]) {
      expect(pack(use(replayedHost(again)))).toEqual(pack(given));
    }
  }
});

test('recording: an unrecorded host call, or one too many, is an error', () => {
  const call = recorded('mkdir', ['/a', 0o755], (host) => {
    replyOf(host, 'descriptors.take', { fd: 3 });
    return zeroAction;
  });
  const host = replayedHost(call);
  expect(replyOf(host, 'descriptors.take', { fd: 3 })).toBe(0);
  expect(replyOf(host, 'descriptors.take', { fd: 3 })).toBe(-5);
  expect(replyOf(host, 'descriptors.take', { fd: 4 })).toBe(-5);
  expect(replyOf(host, 'container.kill')).toBe(5);
});

test('recording: a failed host call fails again', () => {
  class FailingHost extends RecordingHost {
    override call(): number {
      throw new AgentError('AGENT_CALLER', 'cannot take');
    }
  }
  let call: RecordedCall | undefined;
  expect(
    failureOf(() => {
      const tape = new CallTape({
        onRecorded: (written) => {
          call = written;
        },
        onLost: () => undefined,
      });
      const host = taped(new FailingHost(), tape);
      const received = new ReceivedCall();
      fillCall(received, 'mkdir', ['/a', 0]);
      tape.record(received, syscallOf('mkdir'), () => {
        tape.asking(0, () => {
          replyOf(host, 'descriptors.take', { fd: 3 });
          return zeroAction;
        });
        return zeroAction;
      });
    }).message,
  ).toBe('cannot take');
  expect(call?.decision).toEqual({ kind: 'failed', code: 'AGENT_CALLER', reason: 'cannot take' });
  const host = replayedHost(call ?? recorded('mkdir', []));
  expect(failureOf(() => replyOf(host, 'descriptors.take', { fd: 3 })).message).toBe('cannot take');
});

test('recording: a clock goes on', () => {
  const call = recorded(
    'mkdir',
    ['/a', 0],
    (host) => {
      replyOf(host, 'clock.wall');
      return zeroAction;
    },
    new OddHost(),
  );
  const host = replayedHost(call);
  expect([wideOf(host, 'clock.wall'), wideOf(host, 'clock.wall')]).toEqual([
    [0, 67_890n],
    [0, 67_890n],
  ]);
});

test.for(
  arches.flatMap((arch, index) => {
    const numbers = syscallNumbers.find(([name]) => name === 'setxattrat');
    return [[arch, index, Number(numbers?.[index + 1] ?? -1)] as const];
  }),
)('recording: a call on %s stands in an inbox as it came', ([, arch, number]) => {
  const call = new ReceivedCall();
  fillCall(call, 'mkdir', ['/päth', null, 3n, { errno: 'EFAULT' }, new Uint8Array(5000), -1n]);
  const view = new DataView(call.bytes.buffer);
  view.setUint32(8, arch, true);
  view.setUint32(12, number, true);
  const input = inputOf(call, syscallOf('setxattrat'));
  const restored = new ReceivedCall();
  restoreInput(restored, unpack(pack(input)));
  const again = inputOf(restored, syscallOf('setxattrat'));
  expect(pack(again)).toEqual(pack(input));
  expect(again).toMatchObject({ number, registers: input.registers });
  expect(again.pointers.map(({ index, kind }) => [index, kind])).toEqual([
    [0, 'bytes'],
    [1, 'null'],
    [3, 'fault'],
    [4, 'bytes'],
  ]);
});

describe('redaction', () => {
  const secret = 'geheimnis';
  const xattrArgs = Uint8Array.of(1, 0, 0, 0, secret.length, 0, 0, 0, ...bytesOf(secret));
  const operated = (name: string, host: Host): Action => {
    const request = new OperationRequest(hostFunction('filesystem', name));
    request.begin();
    request.memory = bytesOf(`/auser${secret}`);
    request.setText('path', 0, 2);
    request.setText('name', 2, 4);
    if (name === 'set-xattr') request.setText('value', 6, secret.length);
    host.call(request);
    return zeroAction;
  };
  const withResult = (): RecordingHost => {
    const host = new RecordingHost();
    host.memory = new Map([[1, bytesOf(secret)]]);
    host.prepareResult({ bytes: bytesOf(secret) });
    host.remember('key', bytesOf(secret));
    return host;
  };

  test.for([
    ['options of mounts', () => recorded('mount', ['none', '/m', 'cifs', 0, secret])],
    ['values of setxattr', () => recorded('setxattr', ['/a', 'user.a', secret, 9, 0])],
    ['values of setxattrat', () => recorded('setxattrat', [0, '/a', 0, 'user.a', xattrArgs, 16])],
    [
      'options of mounts that handlers make',
      () =>
        recorded('mkdir', ['/a', 0], (host) => {
          mount(host, '/a', secret);
          return zeroAction;
        }),
    ],
    [
      'values that handlers set',
      () => recorded('mkdir', ['/a', 0], (host) => operated('set-xattr', host)),
    ],
    [
      'values that handlers read',
      () => recorded('mkdir', ['/a', 0], (host) => operated('get-xattr', host), withResult()),
    ],
    [
      'what handlers remember',
      () =>
        recorded('mkdir', ['/a', 0], (host) => {
          replyOf(host, 'state.set', { ...keyed('key'), value: bytesOf(secret) });
          return zeroAction;
        }),
    ],
    [
      'what handlers have remembered',
      () =>
        recorded(
          'mkdir',
          ['/a', 0],
          (host) => {
            replyOf(host, 'state.get', keyed('key'));
            return zeroAction;
          },
          withResult(),
        ),
    ],
    [
      'memory that handlers write',
      () =>
        recorded('mkdir', ['/a', 0], (host) => {
          replyOf(host, 'memory.write', { argument: 1, bytes: bytesOf(secret) });
          return zeroAction;
        }),
    ],
    [
      'memory that handlers read',
      () =>
        recorded(
          'mkdir',
          ['/a', 0],
          (host) => {
            replyOf(host, 'memory.read', { argument: 1, max: 20 });
            return zeroAction;
          },
          withResult(),
        ),
    ],
  ] as const)('leaves out %s, and keeps their lengths', ([, make]) => {
    const call = make();
    expect(pack(call).includes(secret)).toBe(true);
    const written = redacted(call, syscalls);
    expect(pack(written).includes(secret)).toBe(false);
    expect(pack(written)).toHaveLength(pack(call).length);
    // nothing else is
    expect(written.decision).toEqual(call.decision);
    expect(differencesOf(written, call, 'redacted')).toEqual([]);
  });

  test('what is no secret stays', () => {
    const call = recorded('mkdir', ['/a', 0o755], (host) => operated('mkdir', host));
    expect(pack(redacted(call, syscalls))).toEqual(pack(call));
  });
});

test('M5: recording: an invalid key is not among the given keys', () => {
  const metadata = 'BUNDLE=a\nSUFFIX=b\ngeheimnis!=c\nein geheimnis =d';
  const identity = { state: { ...parseContainerProcessState(stateText), metadata }, firstPid: 1 };
  const registry = {
    containerId: 'c1',
    handlers: [],
    defaultAction: 'continue',
    failure: { kind: 'continue' },
  } as const;
  const { registry: facts } = factsOf({ identity, registry, bundles: [], components: [] });
  expect(facts.given).toEqual({ SUFFIX: 'b' });
});

/** A handler that copies descriptors. */
function taking(...fds: readonly number[]): RecordedCall {
  return recorded('mkdir', ['/a', 0], (host) => {
    for (const fd of fds) replyOf(host, 'descriptors.take', { fd: fd });
    replyOf(host, 'log.log', { level: 'info', message: `took ${fds.join()}` });
    return zeroAction;
  });
}

function writing(text: string): HostCall {
  return { kind: 'write', argument: 1, offset: 0n, bytes: bytesOf(text) };
}

describe('comparison', () => {
  test('calls are compared in their order; what is logged is nobody’s difference', () => {
    expect(differencesOf(taking(1, 2), taking(1, 2), 'whole')).toEqual([]);
    expect(differencesOf(taking(1, 2), taking(2, 1), 'whole')).toMatchObject([
      { what: 'calls[0]' },
      { what: 'calls[1]' },
    ]);
    expect(differencesOf(taking(1, 2), taking(1), 'whole')).toEqual([
      {
        what: 'calls[1]',
        recorded: 'descriptors.take { fd: 2 }',
        replayed: expect.not.stringContaining('descriptors.take'),
      },
    ]);
    expect(differencesOf(taking(), taking(1), 'whole')).toMatchObject([
      {
        recorded: expect.not.stringContaining('descriptors.take'),
        replayed: 'descriptors.take { fd: 1 }',
      },
    ]);
  });

  test('an action is compared as a whole', () => {
    const call = taking();
    const other: RecordedCall = {
      ...call,
      decision: { kind: 'action', action: fail('EACCES') },
    };
    expect(differencesOf(call, other, 'whole')).toEqual([
      { what: 'action', recorded: '{ value: 0 }', replayed: '{ fail: "EACCES" }' },
    ]);
  });

  test('failures are the same whatever their reasons are; nobody is blamed who was left alone', () => {
    const call = taking();
    const failed = (reason: string): RecordedCall => ({
      ...call,
      decision: { kind: 'failed', code: 'AGENT_HANDLER_FAILED', reason },
    });
    expect(differencesOf(failed('R1'), failed('R2'), 'whole')).toEqual([]);
    expect(differencesOf(failed('R1'), call, 'whole')).toMatchObject([{ recorded: naming('R1') }]);
    const leftAlone: RecordedCall = { ...call, decision: { kind: 'left-alone' } };
    expect(differencesOf(leftAlone, taking(1), 'whole')).toEqual([]);
  });

  test('secrets that were left out do not differ', () => {
    expect(keyOf(writing('abc'), 'redacted')).toBe(keyOf(writing('***'), 'redacted'));
    expect(keyOf(writing('abc'), 'redacted')).not.toBe(keyOf(writing('****'), 'redacted'));
    expect(keyOf(writing('abc'), 'whole')).not.toBe(keyOf(writing('***'), 'whole'));
  });
});

test('recording: an entry whose parts are anything else is none, and nothing is thrown', () => {
  const call = recorded(
    'mount',
    ['none', '/m', 'proc', 0, null],
    (host) => {
      for (const use of Object.values(uses)) use(host);
      return zeroAction;
    },
    oddHost(),
  );
  const entry = { kind: 'call', ...call };
  expect(isEntry(unpack(pack(entry)))).toBe(true);
  const strange = [undefined, null, 'x', 1.5, -1, [], {}, 10n ** 20n];
  const spoiled: unknown[] = [];
  const spoil = (value: unknown, rebuild: (part: unknown) => unknown): void => {
    for (const other of strange) spoiled.push(rebuild(other));
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
    for (const [key, part] of Object.entries(value)) {
      spoil(part, (other) => {
        const copy: Record<string, unknown> | unknown[] = Array.isArray(value)
          ? [...value]
          : { ...value };
        Reflect.set(copy, key, other);
        return rebuild(copy);
      });
    }
  };
  spoil(entry, (part) => part);
  expect(spoiled.length).toBeGreaterThan(500);
  // whole numbers, texts and empty lists are at their places somewhere
  const taken = spoiled.filter((each) => isEntry(each));
  expect(taken.length).toBeLessThan(spoiled.length / 3);
});

test('recording: a call with more than can be kept is lost as a whole', () => {
  let [kept, lost] = [0, 0];
  const tape = new CallTape({
    onRecorded: () => {
      kept += 1;
    },
    onLost: () => {
      lost += 1;
    },
  });
  const host = taped(new RecordingHost(), tape);
  const call = new ReceivedCall();
  fillCall(call, 'mkdir', ['/a', 0]);
  const write = (times: number, bytes: number): void => {
    tape.record(call, syscallOf('mkdir'), () => {
      tape.asking(0, () => {
        for (let time = 0; time < times; time += 1) {
          replyOf(host, 'memory.write', { argument: 1, bytes: new Uint8Array(bytes) });
        }
        return zeroAction;
      });
      return zeroAction;
    });
  };
  write(100, 10);
  expect([kept, lost]).toEqual([1, 0]);
  write(5000, 10);
  write(100, 65_536);
  expect([kept, lost]).toEqual([1, 2]);
  write(1, 10);
  expect([kept, lost]).toEqual([2, 2]);
});

test('recording: losses are counted apart, and past the last place not at all', () => {
  const counters = new LossCounters(makeLossCounters());
  const slots = new IndexPool(maxSlots);
  const [one, other] = [slots.take(), slots.take()];
  counters.lose(one);
  counters.lose(one);
  expect([counters.of(one), counters.of(other)]).toEqual([2, 0]);
  slots.giveBack(one);
  expect(slots.take()).toBe(one);
  let last = 0;
  for (let each = 0; each < 2000; each += 1) last = slots.take();
  counters.lose(last);
  expect(counters.of(last)).toBe(0);
});

test('Stopwatch: the host’s time is known, and its results are the same', () => {
  class SlowHost extends RecordingHost {
    override call(request: HostRequest): number {
      const end = performance.now() + 5;
      while (performance.now() < end);
      return request.fd + 1;
    }
  }
  const stopwatch = new Stopwatch();
  const host = stopwatch.timed(new SlowHost());
  expect(stopwatch.take()).toBe(0n);
  expect(replyOf(host, 'descriptors.take', { fd: 3 })).toBe(4);
  expect(stopwatch.take()).toBeGreaterThanOrEqual(4_900_000n);
  expect(stopwatch.take()).toBe(0n);
});
