// SPDX-License-Identifier: Apache-2.0
// Gives tokens for a registry to who knows the password, as docker's token protocol has it.
import { sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import { makeCertificate, tokenNames } from './docker-registry.ts';
import type { TokenAuthority } from './docker-registry.ts';
import { closed, listenOnLoopback } from './loopback.ts';
import { TemporaryFolder } from './temporary-folder.ts';

interface User {
  readonly username: string;
  readonly password: string;
}

const lifeSeconds = 300;

function encoded(json: object): string {
  return Buffer.from(JSON.stringify(json)).toString('base64url');
}

/** `repository:NAME:pull,push` as the registry reads it in a token. */
function accessOf(scope: string): object {
  const [type = '', name = '', actions = ''] = scope.split(':');
  return { type, name, actions: actions.split(',') };
}

export class TokenServer implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #server: Server;
  readonly authority: TokenAuthority;
  /** Scopes of the given tokens. */
  readonly scopes: string[];
  readonly identityToken: string = 'an identity token';

  private constructor(
    folder: TemporaryFolder,
    server: Server,
    { authority, scopes }: { authority: TokenAuthority; scopes: string[] },
  ) {
    this.#folder = folder;
    this.#server = server;
    this.authority = authority;
    this.scopes = scopes;
  }

  static async start(user: User): Promise<TokenServer> {
    const folder = new TemporaryFolder();
    const { cert, key } = await makeCertificate(folder.path);
    const scopes: string[] = [];
    const basic = `Basic ${Buffer.from(`${user.username}:${user.password}`).toString('base64')}`;
    const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const { parameters, authorization } = await wantedOf(request);
      const isKnown =
        authorization === basic || parameters.get('refresh_token') === 'an identity token';
      const scope = parameters.get('scope') ?? '';
      if (isKnown) scopes.push(scope);
      response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' });
      response.end(JSON.stringify(isKnown ? { token: tokenFor(scope, { cert, key }) } : {}));
    };
    const server = createServer((request, response) => {
      answer(request, response).catch(() => response.destroy());
    });
    const port = await listenOnLoopback(server);
    const authority = { realm: `http://127.0.0.1:${port}/token`, certificates: cert };
    return new TokenServer(folder, server, { authority, scopes });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await closed(this.#server);
    this.#folder[Symbol.dispose]();
  }
}

async function wantedOf(
  request: IncomingMessage,
): Promise<{ parameters: URLSearchParams; authorization: string | undefined }> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const query = new URL(request.url ?? '/', 'http://localhost').searchParams;
  return {
    parameters: request.method === 'POST' ? new URLSearchParams(body) : query,
    authorization: request.headers.authorization,
  };
}

/** A JSON Web Token with the certificate of its signer. */
function tokenFor(scope: string, files: { cert: string; key: string }): string {
  const [, certificate = ''] =
    /-----BEGIN CERTIFICATE-----([^-]+)-----END/u.exec(readFileSync(files.cert, 'utf8')) ?? [];
  const now = Math.floor(Date.now() / 1000);
  const header = { typ: 'JWT', alg: 'ES256', x5c: [certificate.replaceAll('\n', '')] };
  const claims = {
    iss: tokenNames.issuer,
    aud: tokenNames.service,
    sub: 'tester',
    nbf: now - 10,
    iat: now,
    exp: now + lifeSeconds,
    jti: String(now),
    access: [accessOf(scope)],
  };
  const text = `${encoded(header)}.${encoded(claims)}`;
  const key = readFileSync(files.key, 'utf8');
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}
