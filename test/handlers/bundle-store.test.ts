// SPDX-License-Identifier: Apache-2.0
// Tests where bundles are found, who is trusted with them, and what is read again.
import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { isPassing, messageOf } from '../../host/errors.ts';
import { KnownTypes, makeTypesBuffer } from '../../host/handler/known-types.ts';
import { Askers, operator } from '../../host/scheduling/asker.ts';
import { defaultLimits } from '../../host/handler/outline.ts';
import { shippedBundles } from '../../host/package-root.ts';
import { BundleStore } from '../../host/bundles/bundle-store.ts';
import { ComponentCache } from '../../host/bundles/component-cache.ts';
import { noGrants } from '../../host/registry/grants.ts';
import type { Grants } from '../../host/registry/grants.ts';
import { failureOf } from '../support/agent-failure.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { failure } from '../support/failures.ts';
import { dear, manyReferences, manyStates, trapping } from '../support/hostile-components.ts';

function write(folder: BundleFolder, name: string, errno = 'EDOM'): void {
  const settings = { errno };
  folder.write(name, { component: 'errno-getpgid/errno', syscalls: ['getpgid'], settings });
}

test('bundle store: a name is looked for in the folders in their order, then in the shipped ones', () => {
  using first = new BundleFolder();
  using second = new BundleFolder();
  write(first, 'mine');
  write(second, 'mine');
  write(second, 'mount');
  const store = new BundleStore({ folders: [first.path, second.path] });
  expect(store.named('mine').handlers[0]?.file).toBe(first.at('mine/handler.wasm'));
  expect(store.named('mount').handlers[0]?.file).toBe(second.at('mount/handler.wasm'));
  expect(store.named('errno').handlers[0]?.file).toBe(join(shippedBundles(), 'errno/errno.wasm'));
});

test('bundle store: a bundle knows who is trusted with it, however it was found before', () => {
  using folder = new BundleFolder();
  write(folder, 'mine');
  const store = new BundleStore({ folders: [folder.path] });
  expect(store.referred(folder.at('mine')).origin).toEqual({ kind: 'given' });
  expect(store.named('mine').origin).toEqual({ kind: 'found' });
  expect(store.referred('mine').origin).toEqual({ kind: 'found' });
  expect(store.named('errno').origin).toEqual({ kind: 'shipped' });
  expect(store.shipped('errno').origin).toEqual({ kind: 'shipped' });
});

test('bundle store: a name that is nowhere is refused with all folders', () => {
  using folder = new BundleFolder();
  const store = new BundleStore({ folders: [folder.path] });
  expect(() => store.named('mine')).toThrow(
    failure('AGENT_BUNDLE_INVALID', '"mine"', folder.path, shippedBundles()),
  );
});

test('bundle store: at a command line a name that is nowhere gets a guess, and those that are there', () => {
  using folder = new BundleFolder();
  write(folder, 'mine-too');
  const store = new BundleStore({ folders: [folder.path, '/nowhere'] });
  expect(() => store.referred('mine-to')).toThrow(
    failure('AGENT_BUNDLE_INVALID', '"mine-to"', '"mine-too"', /\bdemo-basic, .*\bmine-too, /u),
  );
  const { message } = failureOf(() => store.referred('else'));
  expect(message.match(/"[^"]*"/gu)).toEqual(['"else"']);
  // whoever writes metadata is not told what the operator has
  expect(failureOf(() => store.named('mine-to')).message).not.toContain('mine-too');
});

test.for(['../errno', '/etc', '.', '', 'a/b', 'errno/../errno', 'oci:a', 'A'])(
  'G3: bundle store: %j of metadata is no name, and no file is looked at',
  (name) => {
    expect(() => new BundleStore({ folders: [] }).named(name)).toThrow(
      failure('AGENT_BUNDLE_INVALID', `"${name}"`),
    );
  },
);

/** Code of which nothing is kept from an earlier run. */
function freshCode(): Uint8Array {
  return dear(manyStates(1 + randomInt(1000), 1 + randomInt(30)));
}

test('W1: bundle store: a prepared bundle is not compiled while others wait', async () => {
  using folder = new BundleFolder();
  folder.write('new', { component: freshCode(), syscalls: ['getpgid'] });
  const store = new BundleStore({ folders: [folder.path] });
  const preparing = store.prepare(['new', 'nowhere']);
  expect(preparing).toBeDefined();
  await preparing;
  expect(store.prepare(['new'])).toBeUndefined();
  expect(store.named('new').handlers).toHaveLength(1);
});

/** The same, and each costs as much as any other. */
function freshLike(): Uint8Array {
  const { body } = manyStates(0, 100);
  const digits = [0, 0].map(() => 0x80 + randomInt(0x80));
  return dear({ locals: 100, body: [...body, 0x41, ...digits, 1, 0x1a] });
}

test('W1: bundle store: a bundle with many handlers lets others have their turn', async () => {
  using folder = new BundleFolder();
  const handlers = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({ component: `${name}.wasm` }));
  mkdirSync(folder.at('many'));
  for (const { component } of handlers) writeFileSync(folder.at(`many/${component}`), freshLike());
  const manifest = { name: 'many', version: '0.1.0', description: 'For tests', handlers };
  writeFileSync(folder.at('many/bundle.json'), JSON.stringify(manifest));
  folder.write('one', { component: freshLike(), syscalls: ['getpgid'] });
  const store = new BundleStore({ folders: [folder.path] }, new ComponentCache({ waits: false }));

  const done: string[] = [];
  const prepared = async (name: string): Promise<void> => {
    await store.prepare([name], { who: [`container of ${name}`] });
    done.push(name);
  };
  await Promise.all([prepared('many'), prepared('one')]);

  expect(done).toEqual(['one', 'many']);
  expect(store.named('many').handlers).toHaveLength(6);
});

test('bundle store: a container of many bundles lets others have their turn', async () => {
  using folder = new BundleFolder();
  // the other one wants one of them, too
  const names = ['a', 'b', 'c', 'd', 'e', 'wanted'];
  for (const name of names) folder.write(name, { component: freshLike(), syscalls: ['getpgid'] });
  const store = new BundleStore({ folders: [folder.path] }, new ComponentCache({ waits: false }));

  const all = store.prepare(names, { who: ['many'] });
  await store.prepare(['wanted'], { who: ['one'] });

  const done = names.filter((name) => store.prepare([name]) === undefined);
  expect(done).toContain('wanted');
  expect(done.length).toBeLessThan(4);
  await all;
});

test('A9: bundle store: a bundle that was refused is not read again, until one of its files changes', async () => {
  using folder = new BundleFolder();
  const good = dear(manyStates(1, 1));
  folder.writeMany('again', [trapping(), good, dear(manyStates(2, 1))]);
  const store = new BundleStore({ folders: [folder.path] }, new ComponentCache({ waits: false }));
  const broken = folder.at('again/bundle.json');
  const manifest = readFileSync(broken, 'utf8');
  writeFileSync(
    broken,
    manifest.replace('"handlers"', '"grants": {"filesystem": {"reason": "for tests"}}, "handlers"'),
  );

  await store.prepare(['again']);
  const refused = failureOf(() => store.named('again'));
  expect(refused.code).toBe('AGENT_GRANT_MISSING');
  expect(store.prepare(['again'])).toBeUndefined();
  expect(failureOf(() => store.named('again'))).toBe(refused);

  writeFileSync(broken, manifest);
  await store.prepare(['again']);
  expect(store.named('again').handlers).toHaveLength(3);
});

test('A9: bundle store: a component that was refused is not read again', async () => {
  using folder = new BundleFolder();
  const file = folder.write('mine', { component: new Uint8Array(1000), syscalls: ['getpgid'] });
  const components = new ComponentCache({ waits: false });
  const wanted = { file, limits: defaultLimits, trust: 'foreign' } as const;
  await components.prepare(wanted, new Askers(operator));
  const refused = failureOf(() => components.load(wanted));
  expect(refused.code).toBe('AGENT_COMPONENT_INVALID');
  expect(components.prepare(wanted, new Askers(operator))).toBeUndefined();
  expect(failureOf(() => components.load(wanted))).toBe(refused);
  writeFileSync(file, trapping());
  await components.prepare(wanted, new Askers(operator));
  expect(components.load(wanted).answers).toEqual(['any']);
});

test('bundle store: types of functions count for as long as the process lives, in whatever thread', async () => {
  using folder = new BundleFolder();
  const types = new KnownTypes(makeTypesBuffer(2));
  const told: number[] = [];
  const load = async (name: string, component: Uint8Array): Promise<void> => {
    // of its own thread
    const components = new ComponentCache({ waits: false, types });
    components.onManyTypes = (count) => told.push(count);
    const file = folder.write(name, { component });
    const wanted = { file, limits: defaultLimits, trust: 'foreign' } as const;
    await components.prepare(wanted, new Askers(operator));
    components.load(wanted);
  };

  await load('one', trapping());
  expect(types.count).toBe(2);
  await load('again', trapping());
  expect(told).toEqual([2, 2]);
  await expect(load('other', manyReferences())).rejects.toMatchObject({
    code: 'AGENT_COMPONENT_REFUSED',
  });
  expect(types.count).toBe(2);
});

test('W1: bundle store: an agent waits for no child where nothing was prepared', () => {
  using folder = new BundleFolder();
  folder.write('new', { component: freshCode(), syscalls: ['getpgid'] });
  const store = new BundleStore({ folders: [folder.path] }, new ComponentCache({ waits: false }));
  expect(isPassing(failureOf(() => store.named('new')))).toBe(true);
});

test('G3: bundle store: where no registry is allowed, none is asked', () => {
  const store = new BundleStore({ folders: [] });
  const reference = `oci://host/a@sha256:${'0'.repeat(64)}`;
  expect(store.prepare([reference])).toBeUndefined();
  for (const find of [() => store.named(reference), () => store.referred(reference)]) {
    expect(find).toThrow(failure('AGENT_BUNDLE_INVALID', reference));
  }
});

test('G3: bundle store: a bundle with another name than its folder is refused', () => {
  using folder = new BundleFolder();
  write(folder, 'mine');
  renameSync(folder.at('mine'), folder.at('yours'));
  const store = new BundleStore({ folders: [folder.path] });
  expect(() => store.named('yours')).toThrow(failure('AGENT_BUNDLE_INVALID', '"yours"', '"mine"'));
  expect(store.referred(folder.at('yours')).name).toBe('mine');
});

test('bundle store: one that was broken is looked at again', () => {
  using folder = new BundleFolder();
  mkdirSync(folder.at('mine'));
  writeFileSync(folder.at('mine/bundle.json'), '{');
  const store = new BundleStore({ folders: [folder.path] });
  expect(() => store.named('mine')).toThrow(
    failure('AGENT_BUNDLE_INVALID', folder.at('mine/bundle.json')),
  );
  write(folder, 'mine');
  expect(store.named('mine').name).toBe('mine');
});

test('bundle store: loaded bundles stay until a renewal, and unchanged ones beyond it', async () => {
  using folder = new BundleFolder();
  write(folder, 'changed', 'EDOM');
  write(folder, 'same');
  const store = new BundleStore({ folders: [folder.path] });
  const before = [store.named('changed'), store.named('same')];
  write(folder, 'changed', 'EIO');
  expect(store.named('changed')).toBe(before[0]);

  const failures: string[] = [];
  const next = await store.renewed((thrown) => failures.push(messageOf(thrown)));
  expect(next.named('changed').handlers[0]?.settings).toEqual([
    ['errno', { kind: 'fixed', text: 'EIO' }],
  ]);
  expect(next.named('same').handlers[0]?.component).toBe(before[1]?.handlers[0]?.component);
  expect(store.named('changed')).toBe(before[0]);
  expect(failures).toEqual([]);
});

test('bundle store: a bundle that cannot be read any more is what it was, and told of', async () => {
  using folder = new BundleFolder();
  write(folder, 'broken');
  write(folder, 'gone');
  write(folder, 'fine');
  let store = new BundleStore({ folders: [folder.path] });
  const before = ['broken', 'gone', 'fine'].map((name) => store.named(name));
  writeFileSync(folder.at('broken/handler.wasm'), 'no component');
  rmSync(folder.at('gone'), { recursive: true });
  write(folder, 'fine', 'EIO');

  const failures: string[] = [];
  // each time, until it is mended
  for (let round = 1; round <= 2; round += 1) {
    store = await store.renewed((thrown) => failures.push(messageOf(thrown)));
    expect(store.named('broken')).toBe(before[0]);
    expect(store.named('gone')).toBe(before[1]);
    expect(store.named('fine')).not.toBe(before[2]);
    expect(failures).toHaveLength(2 * round);
  }
  expect(failures[0]).toContain(folder.at('broken/handler.wasm'));
  expect(failures[1]).toContain(folder.at('gone/bundle.json'));

  write(folder, 'broken', 'EIO');
  write(folder, 'gone');
  store = await store.renewed((thrown) => failures.push(messageOf(thrown)));
  expect(store.named('broken')).not.toBe(before[0]);
  expect(failures).toHaveLength(4);
});

const allowed = (): Grants => ({ capabilities: { filesystem: {} } });

/** Ways to have a bundle of which a file cannot even be looked at. */
const unreadable: Readonly<Record<string, (folder: string) => void>> = {
  'a component that is a link to itself': (folder) => {
    rmSync(join(folder, 'handler.wasm'));
    symlinkSync('handler.wasm', join(folder, 'handler.wasm'));
  },
  'a component with a name of 300 letters': (folder) => {
    const file = join(folder, 'bundle.json');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replaceAll('handler.wasm', `${'h'.repeat(300)}.wasm`));
  },
  'a bundle.json that is a link to itself': (folder) => {
    rmSync(join(folder, 'bundle.json'));
    symlinkSync('bundle.json', join(folder, 'bundle.json'));
  },
  'a folder that is a link to itself': (folder) => {
    rmSync(folder, { recursive: true });
    symlinkSync('broken', folder);
  },
};

test.for(Object.entries(unreadable))(
  'bundle store: %s is a failure of that bundle alone, and others lose what is taken away',
  async ([, damage]) => {
    using folder = new BundleFolder();
    for (const name of ['broken', 'other']) {
      folder.write(name, { component: 'files', grants: ['filesystem'] });
    }
    const components = new ComponentCache({ waits: false });
    const store = new BundleStore({ folders: [folder.path], allowedTo: allowed }, components);
    await store.prepare(['broken', 'other']);
    const [broken] = ['broken', 'other'].map((name) => store.named(name));
    damage(folder.at('broken'));

    const failures: string[] = [];
    const next = await store.renewed((thrown) => failures.push(messageOf(thrown)), {
      allowedTo: (name) => (name === 'other' ? noGrants : allowed()),
    });
    expect(failures).toHaveLength(2);
    expect(failures[0]).toContain(folder.at('broken'));
    expect(next.named('broken')).toBe(broken);
    expect(failureOf(() => next.named('other')).code).toBe('AGENT_GRANT_MISSING');

    // nor does it hurt who has not read it before
    const fresh = new BundleStore({ folders: [folder.path], allowedTo: allowed }, components);
    await fresh.prepare(['broken', 'other']);
    expect(failureOf(() => fresh.named('broken')).code).toBe('AGENT_BUNDLE_INVALID');
    expect(fresh.named('other').name).toBe('other');
  },
);

test('bundle store: a component that cannot be looked at is prepared in vain, and no more', async () => {
  using folder = new BundleFolder();
  write(folder, 'mine');
  const components = new ComponentCache({ waits: false });
  const wanted = {
    file: folder.at('mine/handler.wasm'),
    limits: defaultLimits,
    trust: 'foreign',
  } as const;
  rmSync(wanted.file);
  symlinkSync('handler.wasm', wanted.file);
  await components.prepare(wanted, new Askers(operator));
  expect(() => components.load(wanted)).toThrow('ELOOP');
});
