// SPDX-License-Identifier: Apache-2.0
// Credentials for a registry, as docker, podman and oras have written them when somebody logged in.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { AgentError } from '../../errors.ts';
import { readRegularFile } from '../../files/regular-file.ts';
import { runProgram } from '../../program.ts';
import { memberOf, parseJson, printable } from './json.ts';

export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  | { readonly kind: 'identity-token'; readonly token: string };

type Environment = Readonly<Record<string, string | undefined>>;

/** In the order in which they are asked; the first that knows the registry is taken. */
function credentialFiles(environment: Environment): readonly string[] {
  const named = environment['REGISTRY_AUTH_FILE'];
  if (named !== undefined && named !== '') return [named];
  const runtime = environment['XDG_RUNTIME_DIR'];
  return [
    ...(runtime === undefined ? [] : [join(runtime, 'containers/auth.json')]),
    join(environment['DOCKER_CONFIG'] ?? join(homedir(), '.docker'), 'config.json'),
  ];
}

/**
 * Undefined: nobody has logged in to that registry.
 * @throws AgentError AGENT_OCI when a file is there and cannot be understood
 */
export async function findCredentials(
  host: string,
  environment: Environment = process.env,
): Promise<Credentials | undefined> {
  for (const file of credentialFiles(environment)) {
    if (!existsSync(file)) continue;
    const found = await credentialsIn(file, host);
    if (found !== undefined) return found;
  }
  return undefined;
}

const maxBytes = 2 ** 20;

function readText(file: string): string {
  try {
    return readRegularFile(file, { maxBytes }).toString();
  } catch (cause) {
    throw new AgentError('AGENT_OCI', `${file}: cannot be read`, { cause });
  }
}

async function credentialsIn(file: string, host: string): Promise<Credentials | undefined> {
  const config = parseJson(readText(file));
  if (config === undefined) throw new AgentError('AGENT_OCI', `${file}: not JSON`);
  const helper = memberOf(config, 'credHelpers', host) ?? memberOf(config, 'credsStore');
  if (typeof helper === 'string' && helper !== '') {
    const found = await askHelper(helper, host);
    if (found !== undefined) return found;
  }
  for (const key of [host, `https://${host}`, `http://${host}`]) {
    const found = readEntry(memberOf(config, 'auths', key), `${file}: auths["${key}"]`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function readEntry(entry: unknown, place: string): Credentials | undefined {
  const token = memberOf(entry, 'identitytoken');
  if (typeof token === 'string' && token !== '') return { kind: 'identity-token', token };
  const auth = memberOf(entry, 'auth');
  if (typeof auth === 'string' && auth !== '') {
    const pair = Buffer.from(auth, 'base64').toString();
    const colon = pair.indexOf(':');
    if (colon < 0) throw new AgentError('AGENT_OCI', `${place}.auth is no name and password`);
    return passwordOf(pair.slice(0, colon), pair.slice(colon + 1));
  }
  const username = memberOf(entry, 'username');
  const password = memberOf(entry, 'password');
  if (typeof username !== 'string' || typeof password !== 'string') return undefined;
  return passwordOf(username, password);
}

function passwordOf(username: string, password: string): Credentials {
  return { kind: 'password', username, password };
}

const helperMs = 10_000;
/** User name that helpers answer beside an identity token. */
const tokenUser = '<token>';

/** Docker's protocol: the registry on stdin, JSON on stdout. */
async function askHelper(helper: string, host: string): Promise<Credentials | undefined> {
  if (!/^[\w.-]+$/u.test(helper)) {
    throw new AgentError('AGENT_OCI', `"${printable(helper)}" is no name of a credential helper`);
  }
  const program = `docker-credential-${helper}`;
  const { code, why, stdout } = await runProgram({
    command: [program, 'get'],
    environment: process.env,
    input: Buffer.from(host),
    limitMs: helperMs,
  });
  if (code === undefined) {
    throw new AgentError('AGENT_OCI', `cannot run ${program}`, { cause: new Error(why) });
  }
  // so it says that it does not know the registry
  if (code !== 0) return undefined;
  const answer = parseJson(stdout);
  const username = memberOf(answer, 'Username');
  const secret = memberOf(answer, 'Secret');
  if (typeof username !== 'string' || typeof secret !== 'string') {
    throw new AgentError('AGENT_OCI', `${program} answers no name and password`);
  }
  return username === tokenUser
    ? { kind: 'identity-token', token: secret }
    : passwordOf(username, secret);
}
