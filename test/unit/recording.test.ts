// SPDX-License-Identifier: Apache-2.0
// Tests what is written down of calls, what is left out of it, and that it can be asked again.
import { unpack, pack } from 'msgpackr';
import { describe, expect, test } from 'vitest';

import { parseContainerProcessState } from '../../host/agent-socket/container-process-state.ts';
import { AgentError } from '../../host/errors.ts';
import { fail, zeroAction } from '../../host/call/action.ts';
import type { Action } from '../../host/call/action.ts';
import type { CallHost } from '../../host/call/call-host.ts';
import type { HostCall } from '../../host/call/host-call.ts';
import { OperationRequest } from '../../host/handler/operation-request.ts';
import {
  arches,
  credentialsLayout,
  mountRange,
  operation,
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
import { AnswerPool, ReplayedHost } from '../../host/replay/replayed-host.ts';
import { TapedHost } from '../../host/recording/taped-host.ts';
import { IndexPool } from '../../host/counting/index-pool.ts';
import { LossCounters, makeLossCounters, mostSlots } from '../../host/recording/tape-room.ts';
import { Stopwatch } from '../../host/replay/timed-host.ts';
import { failureOf } from '../support/agent-failure.ts';
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

/** What is written down of a call, whose one handler does `act` and answers. */
function recorded(
  name: string,
  given: readonly GivenArgument[],
  act: (host: CallHost) => Action = () => zeroAction,
  host: CallHost = new RecordingHost(),
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
  const taped = new TapedHost(host, tape);
  tape.record(call, syscallOf(name), () => {
    tape.asking(0, () => act(taped));
    return zeroAction;
  });
  const [written] = calls;
  if (written === undefined) throw new Error('nothing was written down');
  return written;
}

/** A host with answers of its own to everything. */
class OddHost extends RecordingHost {
  override resources = new Uint8Array(resourceNumbers.length * 8).fill(3);
  override caller = new Uint8Array(credentialsLayout.groups + 8).fill(5);

  override argumentSize(argument: number): bigint {
    return BigInt(argument) + 7n;
  }

  override monotonicNs(): bigint {
    return 12_345n;
  }

  override wallNs(): bigint {
    return 67_890n;
  }
}

/** What each function is called with, and what it gives. */
const uses: Readonly<Record<string, (host: CallHost) => unknown>> = {
  mount: (host) => {
    const ranges = new Int32Array(mountRange.count).fill(-1);
    ranges.set([0, 3], mountRange.target);
    ranges.set([3, 4], mountRange.data);
    return host.mount(bytesOf('/mntdata'), ranges);
  },
  mkdir: (host) => {
    const request = new OperationRequest();
    request.begin(operation.mkdir);
    request.setText('path', 0, 2);
    return host.operate(operation.mkdir, bytesOf('/a'), request.numbers, host.resultRoom());
  },
  stat: (host) => {
    const request = new OperationRequest();
    request.begin(operation.stat);
    request.setText('path', 0, 2);
    const room = host.resultRoom().fill(0);
    const errno = host.operate(operation.stat, bytesOf('/a'), request.numbers, room);
    return [errno, room.slice(0, statNumbers.length * 8)];
  },
  readLink: (host) => {
    const request = new OperationRequest();
    request.begin(operation.readLink);
    request.setText('path', 0, 2);
    const room = host.resultRoom().fill(0);
    const errno = host.operate(operation.readLink, bytesOf('/a'), request.numbers, room);
    return [errno, textOf(room.slice(0, 10)), request.numbers.slice()];
  },
  open: (host) => {
    const request = new OperationRequest();
    request.begin(operation.open);
    request.setText('path', 0, 2);
    const errno = host.operate(operation.open, bytesOf('/a'), request.numbers, host.resultRoom());
    return [errno, request.numbers.slice()];
  },
  take: (host) => host.takeFd(3),
  install: (host) => host.installFd(1, true),
  replace: (host) => host.replaceFd(1, 5, false),
  size: (host) => host.argumentSize(2),
  read: (host) => {
    const into = new Uint8Array(8);
    return [host.readArgument(1, 2n, into), textOf(into)];
  },
  unread: (host) => host.readArgument(3, 0n, new Uint8Array(4)),
  write: (host) => host.writeArgument(1, 0n, bytesOf('abc')),
  credentials: (host) => host.credentials(),
  process: (host) => host.process(),
  hasCapability: (host) => host.hasCapability(21, userNamespace.ofCaller),
  kill: (host) => host.killContainer(),
  freeze: (host) => host.freezeContainer(true),
  resources: (host) => host.containerResources(),
  stateGet: (host) => [host.stateGet(bytesOf('known')), host.stateGet(bytesOf('unknown'))],
  stateSet: (host) => host.stateSet(bytesOf('key'), bytesOf('value')),
  stateRemove: (host) => [host.stateRemove(bytesOf('known')), host.stateRemove(bytesOf('unknown'))],
  stateAdd: (host) => {
    const number = BigInt64Array.of(5n);
    return [host.stateAdd(bytesOf('count'), new Uint8Array(number.buffer)), number[0]];
  },
  monotonic: (host) => host.monotonicNs(),
  wall: (host) => host.wallNs(),
  decoded: (host) => host.decodedArguments(),
};

function oddHost(): OddHost {
  const host = new OddHost();
  host.memory = new Map([[1, bytesOf('remembered')]]);
  host.stateSet(bytesOf('known'), bytesOf('something'));
  host.stateSet(bytesOf('count'), new Uint8Array(BigInt64Array.of(37n).buffer));
  host.prepare(13);
  host.prepareResult({ bytes: bytesOf('given'), descriptor: 4 });
  return host;
}

function replayedHost(call: RecordedCall): ReplayedHost {
  const answers = new AnswerPool('whole');
  answers.fill(call);
  return new ReplayedHost({ containerId: 'c1', annotations: [], answers, decoded: () => [] });
}

test.for(Object.entries(uses))('recording: what %s gave is given again', ([, use]) => {
  for (const host of [oddHost(), new RecordingHost()]) {
    let given: unknown;
    const call = recorded(
      'mkdir',
      ['/a', 0o755],
      (taped) => {
        given = structuredClone(use(taped));
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

test('recording: what was not asked for, or not so often, is an error', () => {
  const call = recorded('mkdir', ['/a', 0o755], (host) => {
    host.takeFd(3);
    return zeroAction;
  });
  const host = replayedHost(call);
  expect(host.takeFd(3)).toBe(0);
  expect(host.takeFd(3)).toBe(-5);
  expect(host.takeFd(4)).toBe(-5);
  expect(host.killContainer()).toBe(5);
});

test('recording: what failed fails again', () => {
  class FailingHost extends RecordingHost {
    override takeFd(): number {
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
      const host = new TapedHost(new FailingHost(), tape);
      const received = new ReceivedCall();
      fillCall(received, 'mkdir', ['/a', 0]);
      tape.record(received, syscallOf('mkdir'), () => {
        tape.asking(0, () => {
          host.takeFd(3);
          return zeroAction;
        });
        return zeroAction;
      });
    }).message,
  ).toBe('cannot take');
  expect(call?.decision).toEqual({ kind: 'failed', code: 'AGENT_CALLER', reason: 'cannot take' });
  const host = replayedHost(call ?? recorded('mkdir', []));
  expect(failureOf(() => host.takeFd(3)).message).toBe('cannot take');
});

test('recording: a clock goes on', () => {
  const call = recorded(
    'mkdir',
    ['/a', 0],
    (host) => {
      host.wallNs();
      return zeroAction;
    },
    new OddHost(),
  );
  const host = replayedHost(call);
  expect([host.wallNs(), host.wallNs()]).toEqual([67_890n, 67_890n]);
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
  const operated = (which: number, host: CallHost): Action => {
    const request = new OperationRequest();
    request.begin(which);
    request.setText('path', 0, 2);
    request.setText('name', 2, 4);
    if (which === operation.setXattr) request.setText('value', 6, secret.length);
    host.operate(which, bytesOf(`/auser${secret}`), request.numbers, host.resultRoom());
    return zeroAction;
  };
  const withResult = (): RecordingHost => {
    const host = new RecordingHost();
    host.memory = new Map([[1, bytesOf(secret)]]);
    host.prepareResult({ bytes: bytesOf(secret) });
    host.stateSet(bytesOf('key'), bytesOf(secret));
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
          const ranges = new Int32Array(mountRange.count).fill(-1);
          ranges.set([0, 2], mountRange.target);
          ranges.set([2, secret.length], mountRange.data);
          host.mount(bytesOf(`/a${secret}`), ranges);
          return zeroAction;
        }),
    ],
    [
      'values that handlers set',
      () => recorded('mkdir', ['/a', 0], (host) => operated(operation.setXattr, host)),
    ],
    [
      'values that handlers read',
      () =>
        recorded('mkdir', ['/a', 0], (host) => operated(operation.getXattr, host), withResult()),
    ],
    [
      'what handlers remember',
      () =>
        recorded('mkdir', ['/a', 0], (host) => {
          host.stateSet(bytesOf('key'), bytesOf(secret));
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
            host.stateGet(bytesOf('key'));
            return zeroAction;
          },
          withResult(),
        ),
    ],
    [
      'memory that handlers write',
      () =>
        recorded('mkdir', ['/a', 0], (host) => {
          host.writeArgument(1, 0n, bytesOf(secret));
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
            host.readArgument(1, 0n, new Uint8Array(20));
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
    const call = recorded('mkdir', ['/a', 0o755], (host) => operated(operation.mkdir, host));
    expect(pack(redacted(call, syscalls))).toEqual(pack(call));
  });
});

test('M5: recording: what cannot be a key is not among the keys that were given', () => {
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
    for (const fd of fds) host.takeFd(fd);
    host.log('info', `took ${fds.join()}`);
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
        replayed: 'no call',
      },
    ]);
    expect(differencesOf(taking(), taking(1), 'whole')).toMatchObject([{ recorded: 'no call' }]);
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
    expect(differencesOf(failed('a'), failed('b'), 'whole')).toEqual([]);
    expect(differencesOf(failed('a'), call, 'whole')).toMatchObject([{ recorded: 'failed: a' }]);
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
  const host = new TapedHost(new RecordingHost(), tape);
  const call = new ReceivedCall();
  fillCall(call, 'mkdir', ['/a', 0]);
  const ask = (times: number, bytes: number): void => {
    tape.record(call, syscallOf('mkdir'), () => {
      tape.asking(0, () => {
        for (let time = 0; time < times; time += 1) {
          host.writeArgument(1, 0n, new Uint8Array(bytes));
        }
        return zeroAction;
      });
      return zeroAction;
    });
  };
  ask(100, 10);
  expect([kept, lost]).toEqual([1, 0]);
  ask(5000, 10);
  ask(100, 65_536);
  expect([kept, lost]).toEqual([1, 2]);
  ask(1, 10);
  expect([kept, lost]).toEqual([2, 2]);
});

test('recording: losses are counted apart, and past the last place not at all', () => {
  const counters = new LossCounters(makeLossCounters());
  const slots = new IndexPool(mostSlots);
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

test('Stopwatch: what the host takes is known, and what it gives is the same', () => {
  class SlowHost extends RecordingHost {
    override takeFd(fd: number): number {
      const end = performance.now() + 5;
      while (performance.now() < end);
      return fd + 1;
    }
  }
  const stopwatch = new Stopwatch();
  const host = stopwatch.around(new SlowHost());
  expect(host.containerId).toBe('c1');
  expect(stopwatch.take()).toBe(0n);
  expect(host.takeFd(3)).toBe(4);
  expect(stopwatch.take()).toBeGreaterThanOrEqual(4_900_000n);
  expect(stopwatch.take()).toBe(0n);
});
