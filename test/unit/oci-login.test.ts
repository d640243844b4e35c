// SPDX-License-Identifier: Apache-2.0
// Tests what registries ask of those who log in, and where the answer is found.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';

import { expect, test, vi } from 'vitest';

import { messageOf } from '../../host/errors.ts';
import { parseChallenge } from '../../host/bundles/oci/challenge.ts';
import { findCredentials } from '../../host/bundles/oci/credentials.ts';
import { failure } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

test.for([
  ['Basic realm="x"', { kind: 'basic' }],
  [
    'Bearer realm="https://auth.example.com/token",service="r",scope="repository:a:pull,push"',
    {
      kind: 'bearer',
      realm: 'https://auth.example.com/token',
      service: 'r',
      scope: 'repository:a:pull,push',
    },
  ],
  [
    'bearer Realm=https://a , service="say \\"hi\\""',
    { kind: 'bearer', realm: 'https://a', service: 'say "hi"' },
  ],
  ['Bearer x-y="z",realm="https://a"', { kind: 'bearer', realm: 'https://a' }],
  // what comes behind is another challenge
  ['Bearer realm="https://a", Basic realm="b"', { kind: 'bearer', realm: 'https://a' }],
  ['Bearer realm="https://a', undefined],
  ['Bearer service="r"', undefined],
  ['Negotiate', undefined],
  ['', undefined],
] as const)('challenge %s: is read', ([header, challenge]) => {
  expect(parseChallenge(header)).toEqual(challenge);
});

test('challenge: one that is too long is not read, and none takes long', () => {
  const start = performance.now();
  for (const part of ['a', 'a ', 'a="\\"', 'a=\\"', '"', ',', ' ']) {
    const max = Math.floor(8000 / part.length);
    const header = `Bearer ${part.repeat(max)}`;
    for (let count = 0; count < 30; count += 1) expect(parseChallenge(header)).toBeUndefined();
  }
  expect(performance.now() - start).toBeLessThan(1000);
  expect(parseChallenge(`Bearer realm="https://a",x="${'a'.repeat(9000)}"`)).toBeUndefined();
});

function configFolder(config: object): TemporaryFolder {
  const folder = new TemporaryFolder();
  writeFileSync(folder.at('config.json'), JSON.stringify(config));
  return folder;
}

const secret = 'geheim4711';

/** What `findCredentials` throws. */
async function refusalOf(environment: Readonly<Record<string, string>>): Promise<unknown> {
  return findCredentials('h', environment).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
}

const auth = Buffer.from('me:pass:word').toString('base64');
const me = { kind: 'password', username: 'me', password: 'pass:word' };

test.for([
  [{ auths: { 'h:5000': { auth } } }, me],
  [{ auths: { 'https://h:5000': { auth } } }, me],
  [{ auths: { 'h:5000': { username: 'me', password: 'pass:word' } } }, me],
  [{ auths: { 'h:5000': { auth, identitytoken: 'T' } } }, { kind: 'identity-token', token: 'T' }],
  [{ auths: { h: { auth }, 'h:5001': { auth }, 'xh:5000': { auth } } }, undefined],
  [{ auths: { 'h:5000': {} } }, undefined],
  [{}, undefined],
] as const)('login: %j of docker gives %j', async ([config, credentials]) => {
  using folder = configFolder(config);
  expect(await findCredentials('h:5000', { DOCKER_CONFIG: folder.path })).toEqual(credentials);
});

test('login: the file that podman names is taken alone', async () => {
  using docker = configFolder({ auths: { h: { auth } } });
  using podman = configFolder({ auths: {} });
  const environment = { DOCKER_CONFIG: docker.path, REGISTRY_AUTH_FILE: podman.at('config.json') };
  expect(await findCredentials('h', environment)).toBeUndefined();
});

test('login: credentials of podman come before those of docker', async () => {
  using docker = configFolder({ auths: { h: { username: 'docker', password: 'd' } } });
  using run = new TemporaryFolder();
  mkdirSync(run.at('containers'));
  writeFileSync(run.at('containers/auth.json'), JSON.stringify({ auths: { h: { auth } } }));
  const environment = { DOCKER_CONFIG: docker.path, XDG_RUNTIME_DIR: run.path };
  expect(await findCredentials('h', environment)).toEqual(me);
});

test('login: no file is no login, and a broken one is an error', async () => {
  using folder = new TemporaryFolder();
  const environment = { DOCKER_CONFIG: folder.path };
  expect(await findCredentials('h', environment)).toBeUndefined();
  writeFileSync(folder.at('config.json'), `{ ${secret}`);
  const broken = await refusalOf(environment);
  expect(broken).toEqual(failure('AGENT_OCI', folder.at('config.json')));
  expect(messageOf(broken)).not.toContain(secret);
  const nameless = Buffer.from(secret).toString('base64');
  writeFileSync(folder.at('config.json'), JSON.stringify({ auths: { h: { auth: nameless } } }));
  const refused = await refusalOf(environment);
  expect(refused).toEqual(failure('AGENT_OCI', folder.at('config.json'), 'auths["h"].auth'));
  for (const text of [secret, nameless]) expect(messageOf(refused)).not.toContain(text);
});

/** A program that answers as docker-credential-helpers do. */
function helperFolder(script: string): TemporaryFolder {
  const folder = new TemporaryFolder();
  writeFileSync(folder.at('docker-credential-test'), `#!/bin/sh\n${script}\n`);
  chmodSync(folder.at('docker-credential-test'), 0o755);
  vi.stubEnv('PATH', `${folder.path}:${process.env['PATH']}`);
  return folder;
}

test.for([
  [
    'read -r host; echo "{\\"Username\\":\\"me\\",\\"Secret\\":\\"for $1 $host\\"}"',
    { kind: 'password', username: 'me', password: 'for get h' },
  ],
  ['echo \'{"Username":"<token>","Secret":"T"}\'', { kind: 'identity-token', token: 'T' }],
  ['echo "credentials not found in native keychain"; exit 1', me],
] as const)('login: a credential helper is asked: %s', async ([script, credentials]) => {
  using _helper = helperFolder(script);
  using folder = configFolder({ credHelpers: { h: 'test' }, auths: { h: { auth } } });
  try {
    expect(await findCredentials('h', { DOCKER_CONFIG: folder.path })).toEqual(credentials);
  } finally {
    vi.unstubAllEnvs();
  }
});

test('login: a credential helper that is missing, or has no name of one, is an error', async () => {
  using folder = configFolder({ credsStore: 'missing' });
  const environment = { DOCKER_CONFIG: folder.path };
  await expect(findCredentials('h', environment)).rejects.toThrow(
    failure('AGENT_OCI', 'docker-credential-missing'),
  );
  using bad = configFolder({ credsStore: '../x' });
  await expect(findCredentials('h', { DOCKER_CONFIG: bad.path })).rejects.toThrow(
    failure('AGENT_OCI', '"../x"'),
  );
});

test.for([
  `echo ${secret}`,
  `echo '{"Secret":"${secret}"}'`,
  `echo '{"Username":1,"Secret":"${secret}"}'`,
  `echo '{"Username":"me","Secret":["${secret}"]}'`,
  `echo '{"Username":"me","Secret":"${secret}"}'; kill -9 $$`,
])(
  'login: nothing that a credential helper answers is in what is said of it: %s',
  async (script) => {
    using _helper = helperFolder(script);
    using folder = configFolder({ credsStore: 'test' });
    try {
      const refused = await refusalOf({ DOCKER_CONFIG: folder.path });
      expect(refused).toEqual(failure('AGENT_OCI', 'docker-credential-test'));
      expect(messageOf(refused)).not.toContain(secret);
    } finally {
      vi.unstubAllEnvs();
    }
  },
);

test('login: a file that is no regular one is refused at once', async () => {
  using folder = new TemporaryFolder();
  expect(spawnSync('mkfifo', [folder.at('fifo')]).status).toBe(0);
  symlinkSync('/dev/zero', folder.at('zero'));
  for (const name of ['fifo', 'zero']) {
    const environment = { REGISTRY_AUTH_FILE: folder.at(name) };
    await expect(findCredentials('h', environment)).rejects.toThrow(
      failure('AGENT_OCI', folder.at(name)),
    );
  }
});
