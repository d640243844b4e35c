// SPDX-License-Identifier: Apache-2.0
// Tests that a host that forwards leaves nothing out: no function, no argument, no result.
import { expect, test } from 'vitest';

import { ForwardingHost } from '../../host/handler/forwarding-host.ts';
import { RecordingHost } from '../../host/trial/recording-host.ts';

class PassingHost extends ForwardingHost {}

type Asked = readonly [name: PropertyKey, given: readonly unknown[]];

/** Notes what is asked of it, and answers by the name of that. */
function noting(asked: Asked[]): RecordingHost {
  return new Proxy(new RecordingHost(), {
    get:
      (_host, name) =>
      (...given: readonly unknown[]) => {
        asked.push([name, given]);
        return name;
      },
  });
}

const prototype = Object.getOwnPropertyDescriptors(ForwardingHost.prototype);
const methods = Object.entries(prototype).flatMap(([name, { value }]) =>
  typeof value === 'function' && name !== 'constructor' ? [[name, value] as const] : [],
);

test('forwarding host: it has every function that hosts have', () => {
  const ofHosts = Object.getOwnPropertyNames(RecordingHost.prototype);
  const own = ['prepare', 'forgetAnswers', 'prepareResult', 'constructor'];
  const names = methods.map(([name]) => name);
  expect(names.toSorted()).toEqual(ofHosts.filter((name) => !own.includes(name)).toSorted());
});

test.for(methods)('forwarding host: %s goes on with all that it is given', ([name, method]) => {
  const asked: Asked[] = [];
  const host = new PassingHost(noting(asked));
  const given = Array.from({ length: method.length }, (_, index) => Symbol(String(index)));
  const result: unknown = Reflect.apply(method, host, given);
  expect(asked).toEqual([[name, given]]);
  expect(result).toBe(name === 'log' ? undefined : name);
});

test('forwarding host: whose container it is, the other one says', () => {
  const inner = new RecordingHost();
  inner.annotations = [['a', 'b']];
  const host = new PassingHost(inner);
  expect([host.containerId, host.annotations]).toEqual(['c1', [['a', 'b']]]);
});
