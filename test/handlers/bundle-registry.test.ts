// SPDX-License-Identifier: Apache-2.0
// Tests what several bundles and a container's settings become: one registry.
import { expect, test } from 'vitest';

import { messageOf } from '../../host/errors.ts';
import type { AgentError } from '../../host/errors.ts';
import type { ErrnoName } from '../../host/syscalls/errno.ts';
import { readBundle } from '../../host/bundles/bundle.ts';
import type { Bundle } from '../../host/bundles/bundle.ts';
import { registryOf } from '../../host/resolvers/bundle-registry.ts';
import { defaultPolicies } from '../../host/registry/policy.ts';
import type { FailurePolicy, Policies } from '../../host/registry/policy.ts';
import type { Registry } from '../../host/registry/registry.ts';
import { failureOf } from '../support/agent-failure.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import type { WrittenBundle } from '../support/bundle-folder.ts';
import { failure } from '../support/failures.ts';

const state = {
  fds: ['seccompFd'],
  processPid: 4321,
  metadata: '',
  containerId: 'c1',
  containerPid: 1234,
  status: 'creating',
  ociBundle: '',
  annotations: new Map<string, string>(),
} as const;
const identity = { state, firstPid: 77 } as const;

const declared = {
  SUFFIX: { type: 'template', default: '-{{.Pid1}}', description: 'text' },
  NAMES: { type: 'list', description: 'text' },
  NEEDED: { type: 'bool', required: true, description: 'text' },
} as const;

/** Bundles of the handler `errno`, which takes any settings here: nothing is instantiated. */
function bundlesOf(written: Readonly<Record<string, Partial<WrittenBundle>>>): readonly Bundle[] {
  using folder = new BundleFolder();
  return Object.entries(written).map(([name, bundle]) => {
    folder.write(name, { component: 'errno-getpgid/errno', syscalls: ['getpgid'], ...bundle });
    return readBundle(folder.at(name));
  });
}

function resolved(
  bundles: readonly Bundle[],
  settings: Readonly<Record<string, string>> = {},
  annotations: Readonly<Record<string, string>> = {},
): Registry {
  return registryOf(
    { bundles, settings: new Map(Object.entries(settings)), policies: defaultPolicies },
    { ...identity, state: { ...state, annotations: new Map(Object.entries(annotations)) } },
  );
}

const secret = 'geheim4711';

/** Error of settings of which each is refused for its value, which may be a secret. */
function refusalOf(...given: Parameters<typeof resolved>): AgentError {
  const refused = failureOf(() => resolved(...given));
  expect(messageOf(refused)).not.toContain(secret);
  return refused;
}

function settingsOf(registry: Registry): readonly unknown[] {
  return registry.handlers.map(({ settings }) => settings);
}

test('registry of bundles: handlers are in the order of their bundles', () => {
  const bundles = bundlesOf({ b: {}, a: {} });
  expect(resolved(bundles).handlers.map(({ bundle, name }) => [bundle, name])).toEqual([
    ['b', 'handler'],
    ['a', 'handler'],
  ]);
});

test('A15: registry of bundles: paths of settings are held, each once', () => {
  const paths = { KEPT: { type: 'paths', default: '/a', description: 'text' } } as const;
  const bundles = bundlesOf({ a: { declared: paths }, b: {} });
  expect(resolved(bundles).heldPaths).toEqual(['/a']);
  expect(resolved(bundles, { KEPT: ' /b , /c,/b' }).heldPaths).toEqual(['/b', '/c']);
  expect(resolved(bundles, { KEPT: '' }).heldPaths).toBeUndefined();
  expect(refusalOf(bundles, { KEPT: secret })).toEqual(failure('AGENT_SETTING_INVALID', 'KEPT'));
});

const pathsFrom = (from: number, length: number): string =>
  Array.from({ length }, (_, index) => `/${from + index}`).join();
const declaring = (key: string, text: string): Partial<WrittenBundle> => ({
  declared: { [key]: { type: 'paths', default: text, description: 'text' } },
});

test('A5: registry of bundles: no more than 256 paths are held, of all bundles together', () => {
  const a = declaring('A', pathsFrom(0, 200));
  const few = bundlesOf({ a, b: declaring('B', pathsFrom(150, 106)) });
  expect(resolved(few).heldPaths).toHaveLength(256);
  const many = bundlesOf({ a, b: declaring('B', pathsFrom(150, 107)) });
  const long = bundlesOf({ a: declaring('A', `/${'x'.repeat(40_000)}`), b: declaring('B', '/b') });
  for (const resolve of [
    () => resolved(many),
    () => resolved(long, { B: `/${'y'.repeat(40_000)}` }),
  ]) {
    expect(resolve).toThrow(failure('AGENT_SETTING_INVALID', '256', '65536'));
  }
});

test('G1: registry of bundles: the settings of all handlers have no more than 256 KiB together', () => {
  const text = { TEXT: { type: 'string', default: '', description: 'text' } } as const;
  const names = ['a', 'b', 'c', 'd', 'e'] as const;
  const bundles = bundlesOf(Object.fromEntries(names.map((name) => [name, { declared: text }])));
  const TEXT = 'x'.repeat(60_000);
  expect(resolved(bundles.slice(0, 4), { TEXT }).handlers).toHaveLength(4);
  expect(() => resolved(bundles, { TEXT })).toThrow(failure('AGENT_SETTING_INVALID', '262144'));
});

test('A3: registry of bundles: many settings count, even where they are empty', () => {
  const settings = Object.fromEntries(Array.from({ length: 256 }, (_, index) => [`k${index}`, '']));
  const bundles = bundlesOf(
    Object.fromEntries(
      ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => [name, { settings }]),
    ),
  );
  expect(resolved(bundles.slice(0, 7)).handlers).toHaveLength(7);
  expect(() => resolved(bundles)).toThrow(failure('AGENT_SETTING_INVALID', '262144', '128'));
});

test('registry of bundles: a setting is what is given, else its default, else nothing', () => {
  const bundles = bundlesOf({ a: { declared } });
  expect(settingsOf(resolved(bundles, { NEEDED: 'true' }))).toEqual([
    [
      ['SUFFIX', '-77'],
      ['NEEDED', 'true'],
    ],
  ]);
  const given = { SUFFIX: '{{.Pid}}', NAMES: 'x, y', NEEDED: 'false' };
  expect(settingsOf(resolved(bundles, given))).toEqual([
    [
      ['SUFFIX', '4321'],
      ['NAMES', 'x, y'],
      ['NEEDED', 'false'],
    ],
  ]);
});

test('registry of bundles: a handler with settings gets exactly those, under its own keys', () => {
  const { SUFFIX } = declared;
  const settings = { suffix: { from: 'SUFFIX' }, fixed: '{{.ContainerID}}' };
  const bundles = bundlesOf({ a: { declared: { SUFFIX }, settings } });
  expect(settingsOf(resolved(bundles))).toEqual([
    [
      ['suffix', '-77'],
      ['fixed', 'c1'],
    ],
  ]);
});

test('registry of bundles: a key is for every bundle that declares it, and checked for each', () => {
  const { SUFFIX } = declared;
  const bundles = bundlesOf({
    a: { declared: { SUFFIX } },
    b: { declared: { SUFFIX: { type: 'bool', description: 'text' } } },
  });
  expect(settingsOf(resolved(bundles, { SUFFIX: 'true' }))).toEqual([
    [['SUFFIX', 'true']],
    [['SUFFIX', 'true']],
  ]);
  expect(refusalOf(bundles, { SUFFIX: secret })).toEqual(
    failure('AGENT_SETTING_INVALID', 'listenerMetadata', '"SUFFIX"', 'true', 'false'),
  );
});

test('registry of bundles: a value of another type than template is no template', () => {
  const bundles = bundlesOf({ a: { declared: { A: { type: 'string', description: 'text' } } } });
  expect(settingsOf(resolved(bundles, { A: '{{.Pid}}' }))).toEqual([[['A', '{{.Pid}}']]]);
});

test.for([
  [
    'containerd',
    {
      'io.kubernetes.cri.sandbox-namespace': 'ns',
      'io.kubernetes.cri.sandbox-name': 'pod-0',
      'io.kubernetes.cri.container-name': 'main',
    },
  ],
  [
    'CRI-O',
    {
      'io.kubernetes.pod.namespace': 'ns',
      'io.kubernetes.pod.name': 'pod-0',
      'io.kubernetes.container.name': 'main',
    },
  ],
] as const)(
  'registry of bundles: templates name the pod by annotations of %s',
  ([, annotations]) => {
    const SUFFIX = { ...declared.SUFFIX, default: '-{{.Namespace}}-{{.Pod}}-{{.Container}}' };
    const bundles = bundlesOf({ a: { declared: { SUFFIX } } });
    expect(settingsOf(resolved(bundles, {}, annotations))).toEqual([
      [['SUFFIX', '-ns-pod-0-main']],
    ]);
  },
);

test.for([
  ['Namespace', {}],
  ['Pod', {}],
  ['Container', {}],
] as const)('G3: registry of bundles: a %s that nobody said has no value', ([name]) => {
  const { SUFFIX } = declared;
  const bundles = bundlesOf({ a: { declared: { SUFFIX } } });
  expect(refusalOf(bundles, { SUFFIX: `${secret}{{.${name}}}` })).toEqual(
    failure('AGENT_SETTING_INVALID', '"SUFFIX"', `{{.${name}}}`),
  );
});

test.for([
  [
    'a key that no bundle declares',
    { SUFIX: secret },
    ['a, b', '"SUFIX"', '"SUFFIX"', 'SUFFIX, NAMES, NEEDED'],
  ],
  ['a required setting that is missing', {}, ['"NEEDED"']],
  ['a bool that is none', { NEEDED: secret }, ['"NEEDED"', 'true', 'false']],
  ['a list with an empty item', { NEEDED: 'true', NAMES: `${secret},` }, ['"NAMES"']],
  [
    'a template that is none',
    { NEEDED: 'true', SUFFIX: `{{.${secret}}}` },
    [
      '"SUFFIX"',
      '{{.Namespace}}, {{.Pod}}, {{.Container}}, {{.ContainerID}}, {{.Pid}}, {{.Pid1}}, {{.Init}}',
    ],
  ],
] as const)('G3: registry of bundles: %s is refused', ([, settings, named]) => {
  const bundles = bundlesOf({ a: { declared }, b: {} });
  expect(refusalOf(bundles, settings)).toEqual(
    failure('AGENT_SETTING_INVALID', 'listenerMetadata', ...named),
  );
});

const conditional = {
  declared: {
    FLAG: { type: 'bool', description: 'text' },
    TEXT: { type: 'string', description: 'text' },
    OTHER: { type: 'duration', description: 'text' },
  },
  when: ['FLAG', 'TEXT'],
} as const;

test.for([
  [{}, 0],
  [{ OTHER: '1s' }, 0],
  [{ FLAG: 'false' }, 0],
  [{ FLAG: 'true' }, 1],
  [{ TEXT: '' }, 1],
  [{ FLAG: 'false', TEXT: 'x' }, 1],
] as const)(
  'registry of bundles: with %j there are %i handlers that want one of two',
  ([given, count]) => {
    expect(resolved(bundlesOf({ a: conditional }), given).handlers).toHaveLength(count);
  },
);

test('registry of bundles: a default that switches on brings the handler', () => {
  const FLAG = { ...conditional.declared.FLAG, default: 'true' };
  const bundles = bundlesOf({ a: { ...conditional, declared: { ...conditional.declared, FLAG } } });
  expect(resolved(bundles).handlers).toHaveLength(1);
  expect(resolved(bundles, { FLAG: 'false' }).handlers).toHaveLength(0);
});

test.for([
  [{ FLAG: secret }, '"FLAG"'],
  [{ OTHER: secret }, '"OTHER"'],
] as const)(
  'G3: registry of bundles: %j is refused for a handler that is left out',
  ([given, key]) => {
    expect(refusalOf(bundlesOf({ a: conditional }), given)).toEqual(
      failure('AGENT_SETTING_INVALID', 'listenerMetadata', key),
    );
  },
);

test('registry of bundles: a text with a condition is there where that is met', () => {
  const settings = { text: { text: '{{.Container}}', when: ['FLAG'] } };
  const { FLAG } = conditional.declared;
  const bundles = bundlesOf({ a: { declared: { FLAG }, settings } });
  const named = { 'io.kubernetes.cri.container-name': 'main' };
  expect(settingsOf(resolved(bundles, { FLAG: 'true' }, named))).toEqual([[['text', 'main']]]);
  // else nobody needs to know the name
  expect(settingsOf(resolved(bundles, { FLAG: 'false' }))).toEqual([[]]);
  const refused = failureOf(() => resolved(bundles, { FLAG: 'true' }));
  expect(refused).toEqual(failure('AGENT_SETTING_INVALID', '"FLAG"', '{{.Container}}'));
  // "text" is the handler's word, which nobody has written
  expect(refused.message).not.toContain('"text"');
});

test.for([undefined, {}])(
  'G7: registry of bundles: another user’s container is nobody to others, and itself in templates: %j',
  (workload) => {
    const SUFFIX = { ...declared.SUFFIX, default: '-{{.Container}}' };
    const annotations = new Map([['io.kubernetes.cri.container-name', 'main']]);
    const theirs = { ...identity, state: { ...state, annotations }, peerUid: 1000 };
    const selection = { bundles: bundlesOf({ a: { declared: { SUFFIX } } }), settings: new Map() };
    const registry = registryOf(
      { ...selection, policies: defaultPolicies },
      workload === undefined ? theirs : { ...theirs, workload },
    );
    expect(registry.workload).toEqual({});
    expect(settingsOf(registry)).toEqual([[['SUFFIX', '-main']]]);
    const ours = registryOf({ ...selection, policies: defaultPolicies }, { ...theirs, peerUid: 0 });
    expect(ours.workload).toEqual({ container: 'main' });
  },
);

const dependent = {
  declared: {
    PATTERN: { type: 'string', needs: ['TIME'], description: 'text' },
    TIME: { type: 'duration', needs: ['PATTERN'], description: 'text' },
    ONLY: { type: 'bool', needs: ['PATTERN', 'TIME'], description: 'text' },
  },
} as const;

test.for([
  [{ PATTERN: secret }, ['"PATTERN"', '"TIME"']],
  [{ TIME: '1s' }, ['"TIME"', '"PATTERN"']],
  [{ ONLY: 'true' }, ['"ONLY"', 'PATTERN, TIME']],
] as const)('G3: registry of bundles: %j alone is refused', ([given, named]) => {
  expect(refusalOf(bundlesOf({ a: dependent }), given)).toEqual(
    failure('AGENT_SETTING_INVALID', 'listenerMetadata', ...named),
  );
});

test.for([[{}], [{ ONLY: 'false' }], [{ PATTERN: '/a', TIME: '1s', ONLY: 'true' }]] as const)(
  'registry of bundles: %j is whole',
  ([given]) => {
    expect(resolved(bundlesOf({ a: dependent }), given).handlers).toHaveLength(1);
  },
);

test('G3: registry of bundles: a setting without a bundle is refused', () => {
  expect(refusalOf([], { BUNDEL: secret })).toEqual(
    failure('AGENT_SETTING_INVALID', 'listenerMetadata', '"BUNDEL"', '"BUNDLE"'),
  );
  const unlike = refusalOf([], { SUFFIX: secret });
  expect(unlike).toEqual(failure('AGENT_SETTING_INVALID', 'listenerMetadata', '"SUFFIX"'));
  expect(unlike.message).not.toContain('"BUNDLE"');
});

const operators: Policies = { defaultAction: 'EOPNOTSUPP', failure: { kind: 'continue' } };

test.for([
  [[], { defaultAction: 'EOPNOTSUPP', failure: { kind: 'continue' } }],
  [[{}], { defaultAction: 'EOPNOTSUPP', failure: { kind: 'continue' } }],
  // what the operator says is no less strict for it
  [[{ default: 'continue' }, {}], { defaultAction: 'EOPNOTSUPP' }],
  // who refuses counts on it
  [[{ default: 'continue' }, { default: 'errno:ENOSYS' }], { defaultAction: 'ENOSYS' }],
  [
    [{ failure: 'continue' }, { failure: 'errno:EIO' }],
    { failure: { kind: 'errno', errno: 'EIO' } },
  ],
  [
    [{ failure: 'errno:EIO' }, { failure: 'kill-container' }],
    { failure: { kind: 'kill-container' } },
  ],
] as const)(
  'G3: registry of bundles: of the policies %j the strictest holds',
  ([policies, expected]) => {
    const written = policies.map((policy, index) => [`b-${index}`, policy] as const);
    const selection = {
      bundles: bundlesOf(Object.fromEntries(written)),
      settings: new Map<string, string>(),
      policies: operators,
    };
    expect(registryOf(selection, identity)).toMatchObject(expected);
  },
);

const errno = (name: ErrnoName): FailurePolicy => ({ kind: 'errno', errno: name });
const kill: FailurePolicy = { kind: 'kill-container' };

test.for([
  ['errno:EIO', errno('EPERM'), errno('EIO')],
  ['continue', errno('EPERM'), errno('EPERM')],
  ['errno:EIO', kill, kill],
  ['continue', kill, kill],
  ['kill-container', errno('EPERM'), kill],
  ['continue', { kind: 'continue' }, { kind: 'continue' }],
] as const)(
  'G3: registry of bundles: failure %j of a bundle is no less strict than %j of the operator',
  ([own, said, expected]) => {
    const policies: Policies = { defaultAction: 'continue', failure: said, isFailureSet: true };
    const selection = {
      bundles: bundlesOf({ a: { failure: own } }),
      settings: new Map<string, string>(),
      policies,
    };
    expect(registryOf(selection, identity).failure).toEqual(expected);
  },
);

test('registry of bundles: where the operator says nothing of failures, a bundle does', () => {
  expect(resolved(bundlesOf({ a: { failure: 'continue' } })).failure.kind).toBe('continue');
});

test('G3: registry of bundles: a bundle that says nothing of failures counts on the agent’s errno', () => {
  const bundles = bundlesOf({ a: { failure: 'continue' }, b: {} });
  expect(resolved(bundles).failure).toEqual({ kind: 'errno', errno: 'EPERM' });
});
