// SPDX-License-Identifier: Apache-2.0
// A real OCI registry (docker-registry) on loopback, with and without TLS and login.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';

import { RunningCommand, runCommand } from './command.ts';
import { freePort } from './loopback.ts';
import { until } from './polling.ts';
import { TemporaryFolder } from './temporary-folder.ts';

/** The one who may log in. */
export const registryUser = { username: 'tester', password: 'correct horse' } as const;
/** Their line of an htpasswd file. */
const userLine = 'tester:$2y$05$qkzJHIcq7VTCEAPfjEGw8OnkCVylomhPHJKB/UJ.OsbpCkx5RGsV2\n';

export interface TokenAuthority {
  /** Where tokens are given. */
  readonly realm: string;
  /** A file of certificates of those who sign tokens. */
  readonly certificates: string;
}

export interface DockerRegistryOptions {
  readonly tls?: boolean;
  /** Everybody has to log in, with a password or a token. */
  readonly login?: 'password' | TokenAuthority;
}

export const tokenNames = { service: 'test-registry', issuer: 'test-issuer' } as const;

/** A certificate for 127.0.0.1 that is its own authority. */
export async function makeCertificate(folder: string): Promise<{ cert: string; key: string }> {
  const cert = join(folder, 'cert.pem');
  const key = join(folder, 'key.pem');
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const subject = ['-days', '2', '-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', key, '-out', cert];
  const { code, stderr } = await runCommand(['openssl', 'req', ...kind, ...subject, ...files]);
  if (code !== 0) throw new Error(`openssl failed: ${stderr}`);
  return { cert, key };
}

function authOf({ login }: DockerRegistryOptions, passwords: string): object {
  if (login === undefined) return {};
  if (login === 'password') return { auth: { htpasswd: { realm: 'test', path: passwords } } };
  const { realm, certificates } = login;
  return { auth: { token: { ...tokenNames, realm, rootcertbundle: certificates } } };
}

export class DockerRegistry implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #command: RunningCommand;
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** The certificate of its authority, if it speaks TLS. */
  readonly ca: string | undefined;

  private constructor(folder: TemporaryFolder, command: RunningCommand, host: string, ca?: string) {
    this.#folder = folder;
    this.#command = command;
    this.host = host;
    this.ca = ca;
  }

  static async start(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
    const folder = new TemporaryFolder();
    const host = `127.0.0.1:${await freePort()}`;
    const certificate = options.tls === true ? await makeCertificate(folder.path) : undefined;
    mkdirSync(folder.at('data'));
    writeFileSync(folder.at('htpasswd'), userLine);
    const tls =
      certificate === undefined
        ? {}
        : { tls: { certificate: certificate.cert, key: certificate.key } };
    // YAML is JSON as well
    const config = {
      version: 0.1,
      log: { level: 'warn', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: folder.at('data') } },
      http: { addr: host, ...tls },
      ...authOf(options, folder.at('htpasswd')),
    };
    writeFileSync(folder.at('config.yml'), JSON.stringify(config));
    const command = new RunningCommand(['docker-registry', 'serve', folder.at('config.yml')], {
      deadlineMs: 120_000,
    });
    const registry = new DockerRegistry(folder, command, host, certificate?.cert);
    await until('the registry', async () => (await registry.#answers()) || undefined);
    return registry;
  }

  /** Where it keeps a blob, for those who change it there. */
  blobFile(digest: string): string {
    const hex = digest.replace('sha256:', '');
    const blobs = 'data/docker/registry/v2/blobs/sha256';
    return join(this.#folder.path, blobs, hex.slice(0, 2), hex, 'data');
  }

  async #answers(): Promise<boolean> {
    if (this.#command.hasEnded) throw new Error(`the registry ended: ${this.#command.stderr}`);
    const { ca } = this;
    if (ca === undefined) {
      const response = await fetch(`http://${this.host}/v2/`).catch(() => undefined);
      return response !== undefined;
    }
    return new Promise((resolve) => {
      request(`https://${this.host}/v2/`, { ca: readFileSync(ca), agent: false }, (response) => {
        response.resume();
        resolve(true);
      })
        .once('error', () => resolve(false))
        .end();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#command[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}
