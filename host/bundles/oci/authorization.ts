// SPDX-License-Identifier: Apache-2.0
// The header Authorization for a registry: a name and password, or a token that a server gives for
// them. Nothing is sent before the registry asks for it.
import { AgentError } from '../../errors.ts';
import { readBody } from './body.ts';
import { parseChallenge } from './challenge.ts';
import type { Challenge } from './challenge.ts';
import { shown } from './connection.ts';
import type { Connection, HttpRequest, HttpResponse } from './connection.ts';
import type { Credentials } from './credentials.ts';
import { memberOf, parseJson } from './json.ts';

type BearerChallenge = Challenge & { readonly kind: 'bearer' };

const tokenAnswerBytes = 65_536;
const okStatus = 200;

function basic({ username, password }: Credentials & { readonly kind: 'password' }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

export interface Authorizer {
  readonly connection: Connection;
  /** Asked for only when somebody wants them. */
  readonly credentials: () => Promise<Credentials | undefined>;
  /** Scope where the registry gives none. */
  readonly scope: string;
}

/**
 * @param header the registry's WWW-Authenticate
 * @throws AgentError AGENT_OCI when there is no answer to it
 */
export async function authorizationFor(
  header: string,
  { connection, credentials, scope }: Authorizer,
): Promise<string> {
  const challenge = parseChallenge(header);
  if (challenge === undefined) {
    throw new AgentError('AGENT_OCI', 'the registry requires an unsupported kind of login');
  }
  const known = await credentials();
  if (challenge.kind === 'bearer') {
    return `Bearer ${await fetchToken(connection, { scope, ...challenge }, known)}`;
  }
  if (known?.kind === 'password') return basic(known);
  throw new AgentError(
    'AGENT_OCI',
    'the registry requires a login: use -username, or log in with docker, podman or oras',
  );
}

async function fetchToken(
  connection: Connection,
  challenge: BearerChallenge,
  credentials: Credentials | undefined,
): Promise<string> {
  const request = tokenRequest(challenge, credentials);
  const response = await connection.send(request);
  const bytes = await readBody(response.body, {
    limit: tokenAnswerBytes,
    what: `the answer of ${shown(request.url)}`,
  });
  if (response.statusCode !== okStatus) {
    throw new AgentError('AGENT_OCI', `${shown(request.url)} gives no token${refusalOf(response)}`);
  }
  const answer = parseJson(bytes.toString());
  const token = memberOf(answer, 'token') ?? memberOf(answer, 'access_token');
  if (typeof token === 'string' && /^[\x21-\x7e]+$/u.test(token)) return token;
  throw new AgentError('AGENT_OCI', `${shown(request.url)} answers without a token`);
}

function refusalOf({ statusCode }: HttpResponse): string {
  return statusCode === 401 || statusCode === 403
    ? ': the login is wrong or missing'
    : ` (HTTP ${statusCode})`;
}

function tokenRequest(
  challenge: BearerChallenge,
  credentials: Credentials | undefined,
): HttpRequest {
  const url = realmOf(challenge);
  const wanted = new URLSearchParams({
    ...(challenge.service === undefined ? {} : { service: challenge.service }),
    ...(challenge.scope === undefined ? {} : { scope: challenge.scope }),
  });
  if (credentials?.kind === 'identity-token') {
    wanted.set('grant_type', 'refresh_token');
    wanted.set('client_id', 'seccompagent');
    wanted.set('refresh_token', credentials.token);
    return {
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: wanted.toString(),
    };
  }
  for (const [key, value] of wanted) url.searchParams.append(key, value);
  return {
    method: 'GET',
    url,
    headers: credentials === undefined ? {} : { authorization: basic(credentials) },
  };
}

function realmOf({ realm }: BearerChallenge): URL {
  try {
    return new URL(realm);
  } catch (cause) {
    throw new AgentError('AGENT_OCI', 'the registry names no address for tokens', { cause });
  }
}
