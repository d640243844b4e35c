// SPDX-License-Identifier: Apache-2.0
// Tests every capability with and without its grant, when a bundle is loaded.
import { expect, test } from 'vitest';

import { interfaceName } from '../../host/handler/interface-name.ts';
import { needsGrant } from '../../host/call/host-functions.ts';
import { capabilities } from '../../host/handler/capabilities/offered.ts';
import { readBundle, regranted } from '../../host/bundles/bundle.ts';
import type { Bundle } from '../../host/bundles/bundle.ts';
import { grantable } from '../../host/bundles/grant-limits.ts';
import { noGrants } from '../../host/registry/grants.ts';
import type { Grants } from '../../host/registry/grants.ts';
import { failureOf } from '../support/agent-failure.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { bundleRegistry } from '../support/bundle-resolver.ts';
import { failure } from '../support/failures.ts';
import { allocator, component, coreModule, instruction } from '../support/wasm-binary.ts';

/** A component that imports one interface of the host, and uses nothing of it. */
function importing(name: string): Uint8Array {
  const functions = [
    { name: 'any', signature: 'iiiiIIIIII:i', body: instruction.i32(16) },
    allocator(),
  ];
  return component({
    core: coreModule({ functions }),
    exports: ['any'],
    imports: [interfaceName(name)],
  });
}

interface Asked {
  readonly imports: string;
  readonly asks: readonly string[];
  /** Absent: what it asks for. */
  readonly allowed?: Grants;
}

function load({ imports, asks, allowed }: Asked): Bundle {
  using folder = new BundleFolder();
  folder.write('b', { component: importing(imports), syscalls: ['mkdir'], grants: asks });
  return readBundle(folder.at('b'), allowed === undefined ? {} : { allowed });
}

const only = (name: string): Grants => ({ capabilities: { [name]: {} } });

test.for(grantable)('grants at load: %s, asked for and allowed', (name) => {
  expect(load({ imports: name, asks: [name], allowed: only(name) }).granted).toEqual(only(name));
  expect(load({ imports: name, asks: [name] }).granted).toEqual(only(name));
});

test.for(grantable)('grants at load: %s, which is not asked for', (name) => {
  const refused = failureOf(() => load({ imports: name, asks: [], allowed: only(name) }));
  expect(refused.cause).toEqual(failure('AGENT_COMPONENT_REFUSED', name));
});

test.for(grantable)('grants at load: %s, which is not allowed', (name) => {
  const other = name === 'state' ? 'overlay' : 'state';
  const refused = failureOf(() => load({ imports: name, asks: [name], allowed: only(other) }));
  expect(refused.code).toBe('AGENT_GRANT_MISSING');
  expect(refused.cause).toEqual(
    failure('AGENT_COMPONENT_REFUSED', new RegExp(`${name}.*${other}`, 'u')),
  );
});

test.for(grantable)('grants at load: %s, which nothing imports', (name) => {
  expect(() => load({ imports: 'log', asks: [name], allowed: only(name) })).toThrow(
    failure('AGENT_BUNDLE_INVALID', 'bundle.json', new RegExp(String.raw`\b${name}\b`, 'u')),
  );
});

test.for(capabilities.map(({ name }) => name).filter((name) => !needsGrant(name)))(
  'grants at load: %s needs none',
  (name) => {
    expect(load({ imports: name, asks: [], allowed: noGrants }).granted).toEqual(noGrants);
  },
);

const identity = {
  state: {
    fds: [],
    processPid: 1,
    metadata: '',
    containerId: 'c',
    containerPid: 1,
    status: 'running',
    ociBundle: '',
    annotations: new Map<string, string>(),
  },
  firstPid: 1,
} as const;

test('grants at load: only limits go to the workers', () => {
  const allowed: Grants = { capabilities: { filesystem: { paths: ['/work'] } } };
  const limited = load({ imports: 'filesystem', asks: ['filesystem'], allowed });
  expect(bundleRegistry(limited, identity).handlers).toMatchObject([{ grants: allowed }]);
  const free = load({ imports: 'filesystem', asks: ['filesystem'] });
  expect(bundleRegistry(free, identity).handlers[0]).not.toHaveProperty('grants');
});

test('grants at load: later grants of an operator are read again', () => {
  const bundle = load({ imports: 'state', asks: ['state'], allowed: only('state') });
  expect(regranted(bundle, only('state'))).toBe(bundle);
  const fewer: Grants = { capabilities: { state: { keys: 2 } } };
  expect(regranted(bundle, fewer).granted).toEqual(fewer);
  expect(() => regranted(bundle, noGrants)).toThrow(failure('AGENT_GRANT_MISSING', '"b"'));
});
