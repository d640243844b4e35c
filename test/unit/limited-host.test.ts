// SPDX-License-Identifier: Apache-2.0
// Tests that a handler with limits can call only functions that its grants allow by name.
import { expect, test } from 'vitest';

import { AgentError } from '../../host/errors.ts';
import { HostRequest } from '../../host/call/host.ts';
import type { Host } from '../../host/call/host.ts';
import { hostFunction, hostFunctions } from '../../host/call/host-functions.ts';
import type { HostFunction } from '../../host/call/host-functions.ts';
import { capabilities } from '../../host/handler/capabilities/offered.ts';
import type { Grants } from '../../host/registry/grants.ts';
import { limited } from '../../host/worker/limited-host.ts';

const eperm = 1;

interface Limited {
  readonly host: Host;
  /** Functions that reached the host. */
  readonly reached: string[];
  readonly refused: string[];
}

function limitedBy(grants: Grants['capabilities']): Limited {
  const reached: string[] = [];
  const refused: string[] = [];
  const next: Host = {
    call: ({ of }) => {
      reached.push(`${of.capability}.${of.name}`);
      return 0;
    },
  };
  const host = limited(next, { capabilities: grants }, (what, limit) => {
    refused.push(`${what} ${limit}`);
  });
  return { host, reached, refused };
}

const handlerFailed = 'AGENT_HANDLER_FAILED';

/** The code of its failure, where it fails. */
function replyOf(host: Host, of: HostFunction): unknown {
  try {
    return host.call(new HostRequest(of));
  } catch (thrown) {
    return thrown instanceof AgentError ? thrown.code : thrown;
  }
}

const nameOf = ({ capability, name }: HostFunction): string => `${capability}.${name}`;
const granted = hostFunctions.filter(({ needsGrant }) => needsGrant);

test('host functions: the table has those of all interfaces, and no others', () => {
  const offered = capabilities.flatMap(({ name, functions }) =>
    [...functions.keys()].map((each) => `${name}.${each}`),
  );
  expect(hostFunctions.map(nameOf).toSorted()).toEqual(offered.toSorted());
  expect(() => hostFunction('container', 'no-such')).toThrow(RangeError);
});

test.for(granted.map((of) => [nameOf(of), of] as const))(
  'grants: %s is denied without a grant of its interface',
  ([name, of]) => {
    const other = of.capability === 'caller' ? 'state' : 'caller';
    const { host, reached, refused } = limitedBy({ [other]: {} });
    const expected = { errno: eperm, value: -eperm, found: handlerFailed, certain: handlerFailed };
    expect(replyOf(host, of)).toBe(expected[of.reply]);
    expect(reached).toEqual([]);
    expect(refused).toEqual([`${name} grant`]);
  },
);

test('grants: a function that is not in the table is denied, whatever is granted', () => {
  const known = hostFunction('container', 'kill');
  for (const of of [
    { ...known, name: 'no-such' },
    { ...known, needsGrant: false },
  ]) {
    const { host, reached, refused } = limitedBy({ container: {} });
    expect(host.call(new HostRequest(of))).toBe(eperm);
    expect(reached).toEqual([]);
    expect(refused).toEqual([`${nameOf(of)} grant`]);
  }
});

test('grants: names that every object has grant nothing', () => {
  const of = { ...hostFunction('container', 'kill'), capability: 'constructor' };
  const { host, reached } = limitedBy({});
  expect(host.call(new HostRequest(of))).toBe(eperm);
  expect(reached).toEqual([]);
});

test('grants: functions that need no grant are allowed to all', () => {
  const { host, reached, refused } = limitedBy({});
  const free = hostFunctions.filter(({ needsGrant }) => !needsGrant);
  for (const of of free) host.call(new HostRequest(of));
  expect(reached).toEqual(free.map(nameOf));
  expect(refused).toEqual([]);
});
