// SPDX-License-Identifier: Apache-2.0
// Bad registries, bad lines, bad disks: each is refused with its cause, and the store stays as it was.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { AgentError, messageOf } from '../../host/errors.ts';
import type { AgentErrorCode } from '../../host/errors.ts';
import type { Credentials } from '../../host/bundles/oci/credentials.ts';
import type { Artifact } from '../../host/bundles/oci/artifact.ts';
import { digestOf } from '../../host/bundles/oci/digest.ts';
import { pullInto, ship, shippedBundle, snapshotOf, testKey } from '../support/bundle-shipping.ts';
import { projectRoot, runCommand, seccompagent } from '../support/command.ts';
import { DockerRegistry, makeCertificate, registryUser } from '../support/docker-registry.ts';
import { failed, failure } from '../support/failures.ts';
import type { Named } from '../support/failures.ts';
import { closed, listenOnLoopback } from '../support/loopback.ts';
import { MeddlingProxy } from '../support/meddling-proxy.ts';
import type { Answer, Meddling } from '../support/meddling-proxy.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const key = testKey('kim');
let registry: DockerRegistry;
let artifact: Artifact;

beforeAll(async () => {
  registry = await DockerRegistry.start();
  artifact = await ship(`${registry.host}/good/bundle:1`, { key: key.privateKey });
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
});

type Blob = Artifact['blobs'][number];

/** The layer that is called so. */
function blobOf(name: string, of: Artifact = artifact): Blob {
  const blob = of.blobs.find(({ descriptor }) =>
    Object.values(descriptor.annotations ?? {}).includes(name),
  );
  if (blob === undefined) throw new Error(`no ${name}`);
  return blob;
}

interface Refusal {
  readonly code: AgentErrorCode | undefined;
  /** With those of its causes. */
  readonly message: string;
}

/** Error of a pull into a store that has another bundle already; the store must not change. */
async function refusalOf(
  reference: string,
  options: Parameters<typeof pullInto>[2] = {},
): Promise<Refusal> {
  using store = new TemporaryFolder();
  const other = `${registry.host}/other/bundle:1`;
  await ship(other, { bundle: shippedBundle('errno') });
  await pullInto(store.path, other);
  const before = snapshotOf(store.path);
  let refusal: Refusal = { code: undefined, message: 'nothing was refused' };
  try {
    await pullInto(store.path, reference, { signers: [key], ...options });
  } catch (thrown) {
    const code = thrown instanceof AgentError ? thrown.code : undefined;
    refusal = { code, message: messageOf(thrown) };
  }
  expect(snapshotOf(store.path)).toEqual(before);
  return refusal;
}

function replaced(answer: Answer, body: Buffer): Meddling {
  return { kind: 'replace', answer: { ...answer, body } };
}

function flipped(body: Buffer): Buffer {
  const changed = Buffer.from(body);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  return changed;
}

const component = (): Blob => blobOf('mount.wasm');
const isComponent = (path: string): boolean => path.endsWith(component().descriptor.digest);
const isManifest = (path: string): boolean => path.endsWith('/manifests/1');

/** A number by itself, and no part of an address. */
function count(number: number): RegExp {
  return new RegExp(String.raw`(?<![\w.:])${number}(?!\w|\.\d)`, 'u');
}

interface Case {
  readonly name: string;
  readonly meddle: (path: string, answer: Answer) => Meddling;
  /** Absent: AGENT_OCI. */
  readonly code?: AgentErrorCode;
  /** What is to be found in the message. */
  readonly names: (component: Blob) => readonly Named[];
  readonly timeoutMs?: number;
}

const pass: Meddling = { kind: 'pass' };

const cases: readonly Case[] = [
  {
    name: 'a component that was changed',
    meddle: (path, answer) => (isComponent(path) ? replaced(answer, flipped(answer.body)) : pass),
    names: ({ descriptor, bytes }) => [descriptor.digest, digestOf(flipped(Buffer.from(bytes)))],
  },
  {
    name: 'a component that is longer',
    meddle: (path, answer) =>
      isComponent(path) ? replaced(answer, Buffer.concat([answer.body, Buffer.alloc(1)])) : pass,
    names: ({ descriptor: { digest, size } }) => [digest, count(size)],
  },
  {
    name: 'a component that is shorter',
    meddle: (path, answer) =>
      isComponent(path) ? replaced(answer, answer.body.subarray(1)) : pass,
    names: ({ descriptor: { digest, size } }) => [digest, count(size - 1), count(size)],
  },
  {
    name: 'a line that breaks in a component',
    meddle: (path) => (isComponent(path) ? { kind: 'cut', bytes: 4000 } : pass),
    names: ({ descriptor: { digest } }) => [digest, count(4000)],
  },
  {
    name: 'a line that breaks in the manifest',
    meddle: (path) => (isManifest(path) ? { kind: 'cut', bytes: 10 } : pass),
    names: () => [count(10)],
  },
  {
    name: 'a registry that says no more',
    meddle: (path) => (isComponent(path) ? { kind: 'stall', bytes: 4000 } : pass),
    // what Node says of it
    names: ({ descriptor: { digest } }) => [digest, count(4000), 'timeout'],
    timeoutMs: 1500,
  },
  {
    name: 'a component that is away',
    meddle: (path, answer) => {
      if (!isComponent(path)) return pass;
      const body = Buffer.from('{"errors":[{"message":"never heard of it"}]}');
      return { kind: 'replace', answer: { ...answer, status: 404, body } };
    },
    names: ({ descriptor: { digest } }) => [digest, 'never heard of it'],
  },
  {
    name: 'a registry that is ill',
    meddle: (path, answer) => {
      if (!isComponent(path)) return pass;
      const body = Buffer.from('{"errors":[{"message":"disk\\u001b[31m is full"}]}');
      return { kind: 'replace', answer: { ...answer, status: 500, body } };
    },
    names: ({ descriptor: { digest } }) => [digest, '500', 'disk [31m is full'],
  },
  {
    name: 'a manifest that is none',
    meddle: (path, answer) => (isManifest(path) ? replaced(answer, Buffer.from('<html>')) : pass),
    names: () => ['JSON'],
  },
  {
    name: 'a manifest that was changed, whose signature is that of the old one',
    meddle: (path, answer) => {
      const body = answer.body.toString().replace('demo-basic', 'demo-basis');
      return isManifest(path) ? replaced(answer, Buffer.from(body)) : pass;
    },
    code: 'AGENT_SIGNATURE',
    names: () => ['kim'],
  },
  {
    name: 'signatures that are withheld',
    meddle: (path, answer) =>
      path.endsWith('.sig') ? { kind: 'replace', answer: { ...answer, status: 404 } } : pass,
    code: 'AGENT_SIGNATURE',
    names: () => [artifact.digest, 'kim'],
  },
  {
    name: 'M7: a manifest of signatures that has no end',
    meddle: (path, answer) =>
      path.endsWith('.sig')
        ? replaced(answer, Buffer.concat([answer.body, Buffer.alloc(65_536, ' ')]))
        : pass,
    names: () => [`${artifact.digest.replace(':', '-')}.sig`, '65536'],
  },
  {
    name: 'an address that leads to itself',
    meddle: (path, answer) =>
      isComponent(path)
        ? { kind: 'replace', answer: { ...answer, status: 307, headers: { location: path } } }
        : pass,
    names: ({ descriptor: { digest } }) => [`/v2/good/bundle/blobs/${digest}`],
  },
];

/** How often one path may be asked for: once, and where it leads, as often as is followed. */
const maxAsked = 1 + 5;

test.for(cases)('pull: $name is refused', async ({ meddle, code, names, timeoutMs }) => {
  const asked = new Map<string, number>();
  await using proxy = await MeddlingProxy.start(registry.host, (path, answer) => {
    asked.set(path, (asked.get(path) ?? 0) + 1);
    return meddle(path, answer);
  });
  const signal = AbortSignal.timeout(timeoutMs ?? 20_000);
  expect(await refusalOf(`${proxy.host}/good/bundle:1`, { signal })).toEqual(
    failure(code ?? 'AGENT_OCI', proxy.host, ...names(component())),
  );
  expect(Math.max(...asked.values())).toBeLessThanOrEqual(maxAsked);
});

test('M7: pull: a file that is no signature takes no place of one', async () => {
  await using proxy = await MeddlingProxy.start(registry.host, (path, answer) => {
    if (!path.endsWith('.sig')) return pass;
    const manifest = JSON.parse(answer.body.toString());
    const [signature] = manifest.layers;
    const other = { mediaType: 'text/plain', digest: signature.digest, size: 1 };
    const layers = [...Array.from({ length: 70 }, () => other), signature];
    return replaced(answer, Buffer.from(JSON.stringify({ ...manifest, layers })));
  });
  using store = new TemporaryFolder();
  const pulled = await pullInto(store.path, `${proxy.host}/good/bundle:1`, { signers: [key] });
  expect(pulled.signers).toEqual(['kim']);
  expect(pulled.bundle.signatures).toHaveLength(1);
});

test('pull: a component that was changed in the registry itself is refused', async () => {
  const reference = `${registry.host}/changed/inside:1`;
  const changed = await ship(reference, { bundle: shippedBundle('mknod-safe') });
  const { digest } = blobOf('mknod-safe.wasm', changed).descriptor;
  const file = registry.blobFile(digest);
  const contents = flipped(readFileSync(file));
  writeFileSync(file, contents);
  expect(await refusalOf(reference, { signers: undefined })).toEqual(
    failure('AGENT_OCI', digest, digestOf(contents)),
  );
});

test('pull: contents other than those of the digest are refused', async () => {
  const { digest } = await ship(`${registry.host}/good/bundle:2`, {
    bundle: shippedBundle('mount'),
  });
  await using proxy = await MeddlingProxy.start(registry.host, (path, answer) =>
    path.includes('/manifests/sha256:') ? replaced(answer, Buffer.from(artifact.manifest)) : pass,
  );
  expect(await refusalOf(`${proxy.host}/good/bundle@${digest}`)).toEqual(
    failure('AGENT_OCI', digest, artifact.digest),
  );
});

test('pull: a wrong signature is refused', async () => {
  const reference = `${registry.host}/wrong/signature:1`;
  await ship(reference, { key: testKey('somebody').privateKey });
  // how many it has, and whose none is
  expect(await refusalOf(reference)).toEqual(
    failure('AGENT_SIGNATURE', reference, count(1), 'kim'),
  );
});

test('pull: nobody leads us from TLS to a line without it', async () => {
  using folder = new TemporaryFolder();
  const { cert, key: privateKey } = await makeCertificate(folder.path);
  const ca = readFileSync(cert, 'utf8');
  const location = `http://${registry.host}/v2/good/bundle/manifests/1`;
  const server = createSecureServer({ cert: ca, key: readFileSync(privateKey) }, (_, response) => {
    response.writeHead(307, { location }).end();
  });
  const port = await listenOnLoopback(server);
  try {
    const reference = `127.0.0.1:${port}/good/bundle:1`;
    expect(await refusalOf(reference, { plainHttp: false, ca })).toEqual(
      failure('AGENT_OCI', location, 'https'),
    );
  } finally {
    server.closeAllConnections();
    await closed(server);
  }
});

async function knownUser(): Promise<Credentials> {
  return Promise.resolve({ kind: 'password', ...registryUser });
}

test('login: where the registry sends us to gets no login of it', async () => {
  const seen: (string | undefined)[] = [];
  const storage = createServer((request, response) => {
    seen.push(request.headers.authorization);
    const digest = (request.url ?? '').replace('/', '');
    const blob = artifact.blobs.find(({ descriptor }) => descriptor.digest === digest);
    response.end(blob?.bytes);
  });
  const port = await listenOnLoopback(storage);
  try {
    await using guarded = await DockerRegistry.start({ login: 'password' });
    await ship(`${guarded.host}/good/bundle:1`, { credentials: knownUser });
    const logins: (string | null)[] = [];
    await using proxy = await MeddlingProxy.start(guarded.host, (path, answer, headers) => {
      if (!path.includes('/blobs/') || answer.status !== 200) return pass;
      logins.push(headers.get('authorization'));
      const location = `http://127.0.0.1:${port}/${path.split('/').at(-1)}`;
      return { kind: 'replace', answer: { ...answer, status: 307, headers: { location } } };
    });
    using store = new TemporaryFolder();
    await pullInto(store.path, `${proxy.host}/good/bundle:1`, { credentials: knownUser });
    expect(logins.every((sent) => sent?.startsWith('Basic '))).toBe(true);
    expect(seen).toEqual([undefined, undefined, undefined, undefined]);
  } finally {
    storage.closeAllConnections();
    await closed(storage);
  }
});

test('push: a registry that dies in the middle leaves no manifest', async () => {
  await using proxy = await MeddlingProxy.start(registry.host, (path) =>
    path.includes('digest=') ? { kind: 'drop' } : pass,
  );
  await expect(
    ship(`${proxy.host}/half/pushed:partly`, { bundle: shippedBundle('sysinfo') }),
  ).rejects.toThrow(failure('AGENT_OCI', `PUT http://${proxy.host}/v2/half/pushed/`));
  expect(await refusalOf(`${registry.host}/half/pushed:partly`)).toEqual(
    failure('AGENT_OCI', `${registry.host}/half/pushed`, 'partly'),
  );
});

test('pull: a full disk is named, and leaves nothing half', async () => {
  using folder = new TemporaryFolder();
  // room for bundle.json and one component, not for all; seen by this command alone
  const script = [
    'mount -t tmpfs -o size=24k tmpfs "$1" && echo kept > "$1/file" || exit 9',
    '"$2" pull -plain-http -unsigned -store "$1" "$3"; code=$?',
    'echo "left: $(ls -A "$1")"; exit $code',
  ].join('\n');
  const result = await runCommand(
    [
      'unshare',
      '-m',
      'sh',
      '-c',
      script,
      'sh',
      folder.path,
      seccompagent,
      `${registry.host}/good/bundle:1`,
    ],
    { cwd: projectRoot },
  );
  expect(result).toEqual(failed('AGENT_STORE', folder.path, 'ENOSPC'));
  expect(result.stdout).toBe('left: file\n');
  expect(readdirSync(folder.path)).toEqual([]);
});
