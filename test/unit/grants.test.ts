// SPDX-License-Identifier: Apache-2.0
// Tests how grants are read, what is in both of two, and that each mistake is named.
import { expect, test } from 'vitest';

import { needsGrant } from '../../host/call/host-functions.ts';
import { capabilities } from '../../host/handler/capabilities/offered.ts';
import { grantable } from '../../host/bundles/grant-limits.ts';
import { namedKeys, parseAllowed } from '../../host/bundles/grant-parser.ts';
import type { Complain } from '../../host/bundles/grant-parser.ts';
import { grantLines, grantedOf, grantedTogether, isLimited } from '../../host/registry/grants.ts';
import type { Grants } from '../../host/registry/grants.ts';
import { askedGrants, parseGrants } from '../../host/bundles/wanted-grants.ts';
import { failure, naming } from '../support/failures.ts';
import type { Named } from '../support/failures.ts';

const complain: Complain = (keys, what) => {
  throw new Error(`at ${namedKeys(keys) || 'all'}: ${what}`);
};

const allowed = (value: unknown): Grants => parseAllowed(value, complain);

const everything = {
  caller: {},
  container: { operations: ['kill'] },
  descriptors: { operations: ['take', 'stat'] },
  devices: { nodes: ['c 1:3'] },
  filesystem: { operations: ['mkdir'], paths: ['/work', '/'] },
  memory: { operations: ['read'] },
  mounts: { operations: ['mount'], filesystems: ['proc'] },
  overlay: {},
  state: { keys: 4 },
};

test('grants: all that can be allowed is read', () => {
  const others = { errnos: { names: ['EPERM'] }, perform: { syscalls: ['mkdir'] } };
  expect(allowed({ ...everything, ...others })).toEqual({
    capabilities: everything,
    errnos: ['EPERM'],
    perform: ['mkdir'],
  });
  expect(allowed({})).toEqual({ capabilities: {} });
});

test('grants: requests of a manifest are the same, and have reasons', () => {
  const asked = {
    filesystem: { reason: 'makes it', operations: ['mkdir'] },
    perform: { reason: 'does it', syscalls: ['mkdir'] },
    errnos: { reason: 'says no', names: ['ENOSYS'] },
  };
  expect(askedGrants(parseGrants(asked, 'grants'))).toEqual({
    capabilities: { filesystem: { operations: ['mkdir'] } },
    errnos: ['ENOSYS'],
    perform: ['mkdir'],
  });
});

test('grants: each capability that needs one can be granted, and no other', () => {
  const needed = capabilities.map(({ name }) => name).filter(needsGrant);
  expect(needed.toSorted()).toEqual(grantable.toSorted());
});

test('grants: operations are the functions of the interface', () => {
  const filesystem = capabilities.find(({ name }) => name === 'filesystem');
  const operations = [...(filesystem?.functions.keys() ?? [])];
  expect(allowed({ filesystem: { operations } }).capabilities).toEqual({
    filesystem: { operations },
  });
});

test.for<readonly [value: unknown, keys: string, ...named: readonly Named[]]>([
  [[], 'all'],
  [{ files: {} }, 'files', '"files"', 'caller, container'],
  [{ log: {} }, 'log', '"log"'],
  [JSON.parse('{"__proto__": {}}'), '__proto__'],
  [{ caller: null }, 'caller'],
  [{ caller: { operations: ['comm'] } }, 'caller.operations', '"operations"'],
  [{ overlay: { reason: 'x' } }, 'overlay.reason', '"reason"'],
  [{ filesystem: { path: ['/a'] } }, 'filesystem.path', '"path"', 'operations, paths'],
  [{ filesystem: { operations: 'mkdir' } }, 'filesystem.operations'],
  [{ filesystem: { operations: [] } }, 'filesystem.operations'],
  [{ filesystem: { operations: [1] } }, 'filesystem.operations'],
  [{ filesystem: { operations: ['open', 'open'] } }, 'filesystem.operations', '"open"'],
  [{ filesystem: { operations: ['rmdir'] } }, 'filesystem.operations', '"rmdir"'],
  [{ mounts: { filesystems: ['a,b'] } }, 'mounts.filesystems', '"a,b"'],
  [{ devices: { nodes: ['p 8:0'] } }, 'devices.nodes', '"p 8:0"'],
  [{ state: { keys: 0 } }, 'state.keys', /\b1\b/u, /\b64\b/u],
  [{ state: { keys: 65 } }, 'state.keys'],
  [{ state: { keys: '4' } }, 'state.keys'],
  [{ errnos: { names: ['NOSUCH'] } }, 'errnos.names', '"NOSUCH"'],
  [{ errnos: ['EPERM'] }, 'errnos'],
  [{ perform: { syscalls: ['mount'] } }, 'perform.syscalls', '"mount"'],
  [
    { filesystem: { paths: Array.from({ length: 33 }, (_, index) => `/${index}`) } },
    'filesystem.paths',
    /\b32\b/u,
  ],
  [
    { filesystem: { paths: [`/a${'a'.repeat(4093)}`, `/b${'b'.repeat(4093)}`, '/c'] } },
    'filesystem.paths',
  ],
])('grants: %j is refused', ([value, keys, ...named]) => {
  expect(() => allowed(value)).toThrow(
    expect.objectContaining({ message: naming(`at ${keys}: `, ...named) }),
  );
});

test.for(['work', '', '//', '/work/', '/a//b', '/a/../b', '/..', '/.', '/a/.', '/a\0b'])(
  'grants: %j is no folder',
  (path) => {
    expect(() => allowed({ filesystem: { paths: [path] } })).toThrow(/^at filesystem\.paths: /u);
  },
);

test.for(['/', '/work', '/a/b c/ö', '/...', `/${'a/'.repeat(100)}a`])(
  'grants: %j is a folder',
  (path) => {
    expect(allowed({ filesystem: { paths: [path] } }).capabilities).toEqual({
      filesystem: { paths: [path] },
    });
  },
);

test.for([
  [{}, { operations: ['open'] }, { operations: ['open'] }],
  [{ operations: ['open'] }, {}, { operations: ['open'] }],
  [{ operations: ['open', 'mkdir'] }, { operations: ['mkdir', 'stat'] }, { operations: ['mkdir'] }],
  [{ operations: ['open'] }, { paths: ['/a'] }, { operations: ['open'], paths: ['/a'] }],
  [{ paths: ['/a'] }, { paths: ['/a'] }, { paths: ['/a'] }],
  [{ paths: ['/a'] }, { paths: ['/a/b', '/ab', '/c'] }, { paths: ['/a/b'] }],
  [{ paths: ['/a/b', '/c/d'] }, { paths: ['/'] }, { paths: ['/a/b', '/c/d'] }],
  [{ paths: ['/'] }, { paths: ['/a/b'] }, { paths: ['/a/b'] }],
] as const)('grants: of %j and %j a bundle has %j', ([asked, allows, granted]) => {
  const both = grantedOf(allowed({ filesystem: asked }), allowed({ filesystem: allows }));
  expect(both).toEqual({ capabilities: { filesystem: granted } });
});

test('grants: the intersection, of every other limit', () => {
  const asked = {
    mounts: { filesystems: ['proc', 'sysfs'] },
    devices: { nodes: ['c 1:3', 'c 1:5'] },
    state: { keys: 8 },
    errnos: { names: ['EPERM', 'ENOSYS'] },
    perform: { syscalls: ['mkdir', 'open'] },
  };
  const allows = {
    mounts: { filesystems: ['proc', 'tmpfs'] },
    devices: { nodes: ['c 1:5'] },
    state: { keys: 4 },
    overlay: {},
    errnos: { names: ['ENOSYS'] },
    perform: { syscalls: ['open'] },
  };
  expect(grantedOf(allowed(asked), allowed(allows))).toEqual({
    capabilities: {
      mounts: { filesystems: ['proc'] },
      devices: { nodes: ['c 1:5'] },
      state: { keys: 4 },
    },
    errnos: ['ENOSYS'],
    perform: ['open'],
  });
});

test.for<readonly [asked: unknown, allows: unknown, ...lists: readonly Named[]]>([
  [{ caller: {}, mounts: {} }, { mounts: {}, state: {} }, /caller, mounts\b.*\bmounts, state/u],
  [{ caller: {} }, {}, 'caller'],
  [
    { filesystem: { operations: ['open'] } },
    { filesystem: { operations: ['mkdir', 'stat'] } },
    'filesystem.operations',
    /\bopen\b.*\bmkdir, stat/u,
  ],
  [
    { filesystem: { paths: ['/ab'] } },
    { filesystem: { paths: ['/a'] } },
    'filesystem.paths',
    /\/ab\b.*\/a\b/u,
  ],
  [{ errnos: { names: ['EPERM'] } }, { errnos: { names: ['EIO'] } }, 'errnos', /EPERM\b.*\bEIO/u],
])('grants: %j of %j is refused with both lists', ([asked, allows, ...lists]) => {
  expect(() => grantedOf(allowed(asked), allowed(allows))).toThrow(
    failure('AGENT_COMPONENT_REFUSED', ...lists),
  );
});

function together(...values: readonly unknown[]): Grants {
  return grantedTogether(
    values.map((value, index) => ({ name: `source ${index}`, grants: allowed(value) })),
  );
}

test('grants: of what several allow, each capability is as one of them has said', () => {
  const one = {
    filesystem: { operations: ['mkdir', 'open'], paths: ['/a'] },
    caller: {},
    errnos: { names: ['EIO'] },
  };
  const other = {
    filesystem: { paths: ['/a'], operations: ['open', 'mkdir'] },
    caller: {},
    mounts: { filesystems: ['proc'] },
    perform: { syscalls: ['mkdir'] },
  };
  // who is silent on errnos or families lifts nobody's limit
  expect(together(one, other, {})).toEqual({
    capabilities: {
      filesystem: { operations: ['mkdir', 'open'], paths: ['/a'] },
      caller: {},
      mounts: { filesystems: ['proc'] },
    },
    errnos: ['EIO'],
    perform: ['mkdir'],
  });
  expect(together()).toEqual({ capabilities: {} });
});

test.for([
  // neither allows to unlink in /a
  [
    'filesystem',
    { operations: ['mkdir'], paths: ['/a'] },
    { operations: ['unlink'], paths: ['/b'] },
  ],
  ['filesystem', { paths: ['/a'] }, { operations: ['mkdir'] }],
  ['filesystem', { paths: ['/a'] }, {}],
  ['state', { keys: 2 }, { keys: 3 }],
  ['errnos', { names: ['EIO'] }, { names: ['EIO', 'EPERM'] }],
  ['perform', { syscalls: ['mkdir'] }, { syscalls: ['open'] }],
] as const)('grants: two limits of %s, %j and %j, are none', ([name, one, other]) => {
  expect(() => together({ [name]: one }, { caller: {} }, { [name]: other })).toThrow(
    failure('AGENT_GRANT_MISSING', 'source 0', 'source 2', `"${name}"`),
  );
});

test('grants: only those with a limit are limited', () => {
  expect(isLimited(allowed({}))).toBe(false);
  expect(isLimited(allowed({ filesystem: {}, mounts: {} }))).toBe(false);
  expect(isLimited(allowed({ filesystem: { paths: ['/a'] } }))).toBe(true);
  expect(isLimited(allowed({ errnos: { names: ['EPERM'] } }))).toBe(true);
  expect(isLimited(allowed({ perform: { syscalls: ['mkdir'] } }))).toBe(true);
});

test('grants: people are told of each', () => {
  const others = { errnos: { names: ['EPERM'] }, perform: { syscalls: ['mkdir', 'open'] } };
  expect(grantLines(allowed({ caller: {}, state: { keys: 4 }, ...others }))).toEqual([
    naming('caller'),
    'state: keys 4',
    'errnos: EPERM',
    'perform: mkdir, open',
  ]);
  expect(grantLines(allowed({ filesystem: everything.filesystem }))).toEqual([
    'filesystem: operations mkdir; paths /work, /',
  ]);
});
