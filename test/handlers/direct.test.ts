// SPDX-License-Identifier: Apache-2.0
// Tests what the direct lane refuses to link.
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { describeComponent } from '../../host/handler/component.ts';
import { familySignature } from '../../host/handler/core-functions.ts';
import { capabilities } from '../../host/handler/capabilities/offered.ts';
import { checkGrants, loadComponent } from '../../host/handler/direct.ts';
import { defaultLimits } from '../../host/handler/outline.ts';
import { families } from '../../host/syscalls/syscall-table.ts';
import { failureOf } from '../support/agent-failure.ts';
import { failure } from '../support/failures.ts';
import { shippedComponent } from '../support/handler-harness.ts';
import {
  allocator,
  component,
  componentSection,
  coreModule,
  instruction,
  name as nameBytes,
  section,
} from '../support/wasm-binary.ts';
import type { Component, CoreFunction, CoreModule } from '../support/wasm-binary.ts';

const filesystem = 'seccompagent:handler/filesystem@0.1.0';

/** The places of a text within bytes. */
function placesOf(bytes: Uint8Array, text: string): readonly number[] {
  const wanted = Buffer.from(text);
  const places: number[] = [];
  for (
    let at = bytes.indexOf(wanted[0] ?? 0);
    at >= 0;
    at = bytes.indexOf(wanted[0] ?? 0, at + 1)
  ) {
    if (wanted.equals(bytes.subarray(at, at + wanted.length))) places.push(at);
  }
  return places;
}

interface Patch {
  readonly from: string;
  readonly to: string;
  /** Which of the places; absent: all. */
  readonly isWanted?: (place: number) => boolean;
}

/** The same bytes with one text in place of another one of the same length. */
function patched(original: Uint8Array, { from, to, isWanted = () => true }: Patch): Uint8Array {
  const places = placesOf(original, from).filter((place) => isWanted(place));
  if (from.length !== to.length || places.length === 0) throw new Error(`cannot patch ${from}`);
  const bytes = Uint8Array.from(original);
  for (const place of places) bytes.set(Buffer.from(to), place);
  return bytes;
}

function handlerBytes(name: string): Uint8Array {
  return readFileSync(shippedComponent(name));
}

/** Whether a place is within the core module that is linked. */
function isInCore(bytes: Uint8Array): (place: number) => boolean {
  const [core] = describeComponent(bytes).coreModules;
  const start = core === undefined ? 0 : core.byteOffset - bytes.byteOffset;
  return (place) => place >= start && place < start + (core?.length ?? 0);
}

/** A component that answers by `any`, with parts replaced. */
function sample(core: CoreModule = {}, rest: Partial<Component> = {}): Uint8Array {
  const any: CoreFunction = {
    name: 'any',
    signature: 'iiiiIIIIII:i',
    body: instruction.i32(16),
  };
  return component({
    core: coreModule({ functions: [any, allocator()], ...core }),
    exports: ['any'],
    ...rest,
  });
}

test('direct: built handlers load', () => {
  for (const name of ['errno', 'mkdir-suffix', 'mount']) {
    const loaded = loadComponent(handlerBytes(name));
    expect(loaded.digest).toMatch(/^[0-9a-f]{64}$/u);
    expect(loaded.isConfigurable).toBe(true);
  }
});

test('direct: a minimal component loads', () => {
  expect(loadComponent(sample())).toMatchObject({
    answers: ['any'],
    imports: [],
    isConfigurable: false,
    encoding: 'utf8',
  });
});

test('direct: a component that imports an interface which does not exist is refused by its name', () => {
  const bytes = patched(handlerBytes('mkdir-suffix'), {
    from: filesystem,
    to: 'seccompagent:handler/filesystex@0.1.0',
  });
  const offered = capabilities.map(({ name }) => `seccompagent:handler/${name}@0.1.0`);
  expect(() => loadComponent(bytes)).toThrow(
    failure('AGENT_COMPONENT_REFUSED', 'seccompagent:handler/filesystex@0.1.0', offered.join(', ')),
  );
});

test.for([
  ['another package', 'seccompagent:handlex/filesystem@0.1.0'],
  ['another version', 'seccompagent:handler/filesystem@0.2.0'],
  ['an interface of WASI', 'wasi:filesystem/preopens@0.2.10xxxxxx'],
] as const)('direct: an import of %s is refused', ([, to]) => {
  const bytes = patched(handlerBytes('mkdir-suffix'), { from: filesystem, to });
  expect(() => loadComponent(bytes)).toThrow(failure('AGENT_COMPONENT_REFUSED', to));
});

test('direct: a core import that the component does not have is refused', () => {
  const bytes = handlerBytes('mkdir-suffix');
  const changed = patched(bytes, {
    from: filesystem,
    to: 'seccompagent:handler/mountsxxxx@0.1.0',
    isWanted: isInCore(bytes),
  });
  expect(() => loadComponent(changed)).toThrow(
    failure('AGENT_COMPONENT_REFUSED', '"seccompagent:handler/mountsxxxx@0.1.0" "mkdir"'),
  );
});

test('direct: a core import of a capability that the component does not name is refused', () => {
  const bytes = sample({
    imports: [{ module: filesystem, name: 'mkdir', signature: 'iiii:' }],
  });
  expect(() => loadComponent(bytes)).toThrow(
    failure('AGENT_COMPONENT_REFUSED', `"${filesystem}" "mkdir"`),
  );
});

test.for(['rmdir', 'constructor', '__proto__', ''])(
  'direct: a core import of the function "%s" is refused',
  (name) => {
    const bytes = sample(
      { imports: [{ module: filesystem, name, signature: 'iiii:' }] },
      { imports: [filesystem] },
    );
    expect(() => loadComponent(bytes)).toThrow(
      failure('AGENT_COMPONENT_REFUSED', `"${filesystem}" "${name}"`),
    );
  },
);

test('direct: a core import of another type is refused with both', () => {
  const bytes = sample(
    { imports: [{ module: filesystem, name: 'mkdir', signature: 'iiI:i' }] },
    { imports: [filesystem] },
  );
  expect(() => loadComponent(bytes)).toThrow(
    failure('AGENT_COMPONENT_REFUSED', `"${filesystem}" "mkdir"`, '(iiI:i)', '(iiii:)'),
  );
});

test('direct: an export that is no family is refused with those that are', () => {
  expect(() => loadComponent(sample({}, { exports: ['any', 'mkdirat'] }))).toThrow(
    failure('AGENT_COMPONENT_REFUSED', '"mkdirat"', `${families().join(', ')}, any, configure`),
  );
});

test.for([
  ['exports', 'any', { exports: ['any', 'any'] }],
  ['imports', filesystem, { imports: [filesystem, filesystem] }],
] as const)('G5: direct: a component that %s a name twice is refused', ([, name, twice]) => {
  expect(() => loadComponent(sample({}, twice))).toThrow(
    failure('AGENT_COMPONENT_REFUSED', `"${name}"`),
  );
});

const long = 'x'.repeat(100_000);

test.for([
  ['exported', {}, { exports: [long] }],
  ['imported', {}, { imports: [long] }],
  ['imported by its core', { imports: [{ module: long, name: long, signature: ':' }] }, {}],
  [
    'imported by its core, of another kind',
    { imports: [{ module: long, name: long, signature: '', other: [3, 0x6f, 0] }] },
    {},
  ],
] as const)('G5: direct: of a long name that is %s, little is said', ([, core, whole]) => {
  const { message } = failureOf(() => loadComponent(sample(core, whole)));
  expect(message).toContain('xxx');
  expect(message.length).toBeLessThan(1000);
});

test('direct: a renamed export of a built handler is refused', () => {
  const bytes = handlerBytes('mkdir-suffix');
  const inCore = isInCore(bytes);
  const changed = patched(bytes, {
    from: 'mkdir',
    to: 'mkdix',
    isWanted: (place) => !inCore(place),
  });
  expect(() => loadComponent(changed)).toThrow(failure('AGENT_COMPONENT_REFUSED', '"mkdix"'));
});

test('direct: a component that answers nothing is refused', () => {
  const configure = { name: 'configure', signature: 'ii:i', body: instruction.i32(16) };
  const bytes = sample({ functions: [configure, allocator()] }, { exports: ['configure'] });
  for (const silent of [bytes, sample({}, { exports: [] })]) {
    expect(() => loadComponent(silent)).toThrow(failure('AGENT_COMPONENT_REFUSED'));
  }
});

test('direct: an export that the core module lacks is refused', () => {
  const bytes = sample({}, { exports: ['any', 'mkdir'] });
  expect(() => loadComponent(bytes)).toThrow(
    failure('AGENT_COMPONENT_REFUSED', '"mkdir"', '(iii:i)'),
  );
});

test.for([
  ['mkdir', 'iii:i'],
  ['chmod', 'iiii:i'],
  ['mount', 'iiiiiiiiIiii:i'],
  ['mknod', 'iiiii:i'],
  ['open', 'iiIiI:i'],
  ['fchown', 'iii:i'],
  ['symlink', 'iiii:i'],
  ['setxattr', 'iiiiiiii:i'],
  ['getxattr', 'iiiiiI:i'],
  ['mountapi', 'iiiiiiii:i'],
  ['sysinfo', ':i'],
] as const)('direct: the core type of %s is (%s)', ([family, signature]) => {
  expect(familySignature(family)).toBe(signature);
});

test.for([
  ['any', 'iiiiIIIIII:', 'iiiiIIIIII:i'],
  ['any', 'iiiiIIIIIi:i', 'iiiiIIIIII:i'],
  ['mkdir', 'iiI:i', 'iii:i'],
  ['mount', 'iiiiiiiiiiii:i', 'iiiiiiiiIiii:i'],
  ['configure', 'i:i', 'ii:i'],
] as const)('direct: %s as (%s) is refused', ([name, signature, wanted]) => {
  const body = signature.endsWith(':i') ? instruction.i32(16) : [];
  const bytes = sample(
    { functions: [{ name, signature, body }, allocator()] },
    { exports: [name] },
  );
  expect(() => loadComponent(bytes)).toThrow(
    failure('AGENT_COMPONENT_REFUSED', `"${name}"`, `(${signature})`, `(${wanted})`),
  );
});

const any: CoreFunction = { name: 'any', signature: 'iiiiIIIIII:i', body: instruction.i32(16) };

test('direct: a core module without an allocator, or with another one, is refused', () => {
  const other = { name: 'cabi_realloc', signature: 'iii:i', body: instruction.i32(0) };
  expect(() => loadComponent(sample({ functions: [any] }))).toThrow(
    failure('AGENT_COMPONENT_REFUSED', '"cabi_realloc"', '(iiii:i)'),
  );
  expect(() => loadComponent(sample({ functions: [any, other] }))).toThrow(
    failure('AGENT_COMPONENT_REFUSED', '"cabi_realloc"', '(iii:i)', '(iiii:i)'),
  );
});

test('direct: post-return and initialisation of another type are refused', () => {
  for (const name of ['cabi_post_any', '_initialize']) {
    const wrong = { name, signature: 'I:', body: [] };
    const bytes = sample({ functions: [any, allocator(), wrong] });
    expect(() => loadComponent(bytes)).toThrow(
      failure('AGENT_COMPONENT_REFUSED', `"${name}"`, '(I:)'),
    );
  }
});

test('direct: a core module that exports no memory is refused', () => {
  expect(() => loadComponent(sample({ memoryExports: ['mem'] }))).toThrow(
    failure('AGENT_COMPONENT_REFUSED'),
  );
});

test('direct: a core module in place of a component is refused', () => {
  const [core] = describeComponent(handlerBytes('mkdir-suffix')).coreModules;
  // after its first bytes
  expect(() => loadComponent(core ?? Uint8Array.of())).toThrow(
    failure('AGENT_COMPONENT_INVALID', /\b8$/u),
  );
});

test('direct: a component without a core module is refused', () => {
  const header = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];
  const exported = section(componentSection.export, [1, 0, ...nameBytes('any'), 0x01, 0, 0]);
  const bytes = Uint8Array.from([...header, ...exported]);
  expect(() => loadComponent(bytes)).toThrow(failure('AGENT_COMPONENT_REFUSED'));
});

test.for([
  ['a memory', [2, 0, 1]],
  ['a table', [1, 0x70, 0, 1]],
  ['a global', [3, 0x7f, 1]],
] as const)('direct: a core module that imports %s is refused', ([, other]) => {
  const imports = [{ module: filesystem, name: 'mkdir', signature: '', other }];
  const bytes = sample({ imports }, { imports: [filesystem] });
  // no function of another type
  expect(() => loadComponent(bytes)).toThrow(
    failure('AGENT_COMPONENT_REFUSED', `"${filesystem}" "mkdir"`, /^(?![^]*\(iiii:\))/u),
  );
});

test('G5: direct: a core module with a huge table is refused', () => {
  const bytes = sample({ tables: [[0x70, 0, 0x80, 0xad, 0xe2, 4]] });
  expect(() => loadComponent(bytes)).toThrow(
    failure('AGENT_COMPONENT_REFUSED', '10000000', '16384'),
  );
});

test('direct: start functions of components are refused', () => {
  const bytes = sample({}, { sections: [section(componentSection.start, [])] });
  expect(() => loadComponent(bytes)).toThrow(failure('AGENT_COMPONENT_REFUSED'));
});

/** A section that lifts a function with this encoding. */
function lift(encoding: number): readonly number[] {
  return section(componentSection.canon, [1, 0x00, 0x00, 0, 1, encoding, 0]);
}

test.for([
  [[0, 1], 'utf8, utf16'],
  [[2], 'latin1+utf16'],
] as const)('direct: the string encodings %j are refused', ([encodings, names]) => {
  const bytes = sample({}, { sections: encodings.map((encoding) => lift(encoding)) });
  expect(() => loadComponent(bytes)).toThrow(failure('AGENT_COMPONENT_REFUSED', names));
});

test('direct: one string encoding is taken', () => {
  expect(loadComponent(sample({}, { sections: [lift(1), lift(1)] })).encoding).toBe('utf16');
});

test.for([
  ['a shared memory', [3, 1, 2], []],
  ['a 64-bit memory', [4, 1], []],
  ['a memory that is too large', [0, 0x81, 0x02], ['257', '256']],
] as const)('G5: direct: %s is refused', ([, memory, named]) => {
  expect(() => loadComponent(sample({ memories: [memory] }))).toThrow(
    failure('AGENT_COMPONENT_REFUSED', ...named),
  );
});

test('G5: direct: the memory may be limited further', () => {
  const two = sample({ memories: [[0, 2]] });
  expect(defaultLimits.maximumPages).toBe(256);
  expect(() => loadComponent(two, { ...defaultLimits, maximumPages: 2 })).not.toThrow();
  expect(() => loadComponent(two, { ...defaultLimits, maximumPages: 1 })).toThrow(
    failure('AGENT_COMPONENT_REFUSED', /\b2\b/u, /\b1\b/u),
  );
});

test('G5: direct: a component may be so large and no larger', () => {
  const bytes = sample();
  const limits = { ...defaultLimits, maximumBytes: bytes.length };
  expect(defaultLimits.maximumBytes).toBe(16_777_216);
  expect(() => loadComponent(bytes, limits)).not.toThrow();
  const fewer = bytes.length - 1;
  expect(() => loadComponent(bytes, { ...limits, maximumBytes: fewer })).toThrow(
    failure('AGENT_COMPONENT_REFUSED', String(bytes.length), String(fewer)),
  );
});

test('direct: code that is no WebAssembly is refused', () => {
  const bytes = sample({ functions: [{ ...any, body: instruction.drop }, allocator()] });
  expect(() => loadComponent(bytes)).toThrow(failure('AGENT_COMPONENT_INVALID'));
});

test('direct: an import that was not granted is refused with both lists', () => {
  const loaded = loadComponent(handlerBytes('mkdir-suffix'));
  // with what to write there
  const advised = ['"grants"', 'bundle.json', '"filesystem"'] as const;
  expect(() => checkGrants(loaded, [])).toThrow(failure('AGENT_COMPONENT_REFUSED', ...advised));
  expect(() => checkGrants(loaded, ['log', 'mounts'])).toThrow(
    failure('AGENT_COMPONENT_REFUSED', 'log, mounts', ...advised),
  );
  expect(() => checkGrants(loaded, ['log', 'filesystem'])).not.toThrow();
});

test('direct: arguments, types, clock and log need no grant', () => {
  const free = ['arguments', 'clock', 'log'];
  const imports = [...free, 'types', 'state'].map((name) => `seccompagent:handler/${name}@0.1.0`);
  const loaded = loadComponent(sample({}, { imports }));
  expect(loaded.imports).toEqual([...free, 'state']);
  expect(() => checkGrants(loaded, ['state'])).not.toThrow();
  const { code, message } = failureOf(() => checkGrants(loaded, []));
  expect(code).toBe('AGENT_COMPONENT_REFUSED');
  expect(message).toContain('"state"');
  for (const name of free) expect(message).not.toMatch(new RegExp(`\\b${name}\\b`, 'u'));
});
