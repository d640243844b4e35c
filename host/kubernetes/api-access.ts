// SPDX-License-Identifier: Apache-2.0
// Address and credentials of the Kubernetes API: the service account of a pod, or a kubeconfig.
import { existsSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { isIPv6 } from 'node:net';
import { dirname, resolve } from 'node:path';

import type { KubeConfig } from '@kubernetes/client-node';

import { AgentError, messageOf, systemCodeOf } from '../errors.ts';
import { readRegularFile } from '../files/regular-file.ts';
import { parseYaml } from '../text/yaml-file.ts';
import { fieldOf } from '../text/fields.ts';
import { ProgramLogin } from './program-login.ts';

/** Server, and options of requests: certificates, headers. */
export interface ApiTarget {
  readonly url: string;
  readonly options: RequestOptions;
}

export interface ApiAccess {
  /** For people. */
  readonly name: string;
  /** As it is now: tokens are good for an hour. @throws what reading files throws */
  target(): Promise<ApiTarget>;
  /** The server does not take what it was told: read it again. */
  renew(): void;
}

type Environment = Readonly<Record<string, string | undefined>>;

export interface AccessChoice {
  /** As the option -kubeconfig says it. */
  readonly kubeconfig?: string | undefined;
  readonly environment: Environment;
  /** Folder of the pod's service account; absent: the usual one. */
  readonly serviceAccount?: string;
}

const defaultServiceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';
/** As other clients do: what is in files changes without a word. */
const keptMs = 60_000;

/** Of a kubeconfig, a token and certificates: each is kept in memory. */
const maxBytes = 4 * 2 ** 20;

/** Those of pods are links. */
function readText(file: string): string {
  return readRegularFile(file, { maxBytes }).toString();
}

function unusable(what: string, cause?: unknown): never {
  throw new AgentError('AGENT_KUBERNETES', what, cause === undefined ? {} : { cause });
}

/**
 * Two variables and two files, which need no library: that for kubeconfigs takes 80 MB, on each node.
 * The files are read for each request, of which there are few.
 */
function ofPod({ environment, serviceAccount }: AccessChoice): ApiAccess | undefined {
  const host = environment['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = environment['KUBERNETES_SERVICE_PORT'] ?? '443';
  const folder = serviceAccount ?? defaultServiceAccount;
  if (host === '' || !existsSync(`${folder}/token`)) return undefined;
  const url = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  return {
    name: url,
    // a promise that rejects where a file is missing
    target: async () => {
      const token = readText(`${folder}/token`).trim();
      const options = {
        ca: readText(`${folder}/ca.crt`),
        agent: false,
        headers: { authorization: `Bearer ${token}` },
      } as const;
      return Promise.resolve({ url, options });
    },
    renew: () => undefined,
  };
}

/** User → file, as `tokenFile` of a kubeconfig says it, which the library does not know. */
function tokenFilesIn(
  text: string,
  file: string,
): readonly (readonly [user: string, tokenFile: string])[] {
  const { value } = parseYaml(text, file, (place, what) => unusable(`${place}: ${what}`));
  const users = fieldOf(value, 'users');
  if (!Array.isArray(users)) return [];
  return users.flatMap((entry: unknown) => {
    const [name, tokenFile] = [
      fieldOf(entry, 'name'),
      fieldOf(fieldOf(entry, 'user'), 'tokenFile'),
    ];
    if (typeof name !== 'string' || typeof tokenFile !== 'string') return [];
    return [[name, resolve(dirname(file), tokenFile)] as const];
  });
}

/** Packages of npm can be installed without it, and the image is. */
async function kubernetesClient(): Promise<typeof import('@kubernetes/client-node')> {
  try {
    return await import('@kubernetes/client-node');
  } catch (cause) {
    if (systemCodeOf(cause) !== 'ERR_MODULE_NOT_FOUND') throw cause;
    return unusable(
      'the npm package @kubernetes/client-node is not installed here: npm install it beside ' +
        'seccompagent; in a pod leave -kubeconfig and KUBECONFIG out, since its service account ' +
        'needs no package',
      cause,
    );
  }
}

async function loadKubeconfigs(files: readonly string[]): Promise<KubeConfig> {
  const { KubeConfig: Config } = await kubernetesClient();
  const login = new ProgramLogin();
  const loaded = files.map((file) => {
    const text = readText(file);
    // before the library, which says in errors what stands there
    const tokenFiles = new Map(tokenFilesIn(text, file));
    const config = new Config();
    config.loadFromString(text);
    config.makePathsAbsolute(dirname(file));
    login.takeFrom(config, dirname(file));
    config.users = config.users.map((user) => {
      const tokenFile = tokenFiles.get(user.name);
      if (tokenFile === undefined || (user.token ?? '') !== '') return user;
      return { ...user, token: readText(tokenFile).trim() };
    });
    return config;
  });
  const [first, ...others] = loaded;
  if (first === undefined) return unusable('no kubeconfig given: use -kubeconfig or KUBECONFIG');
  for (const other of others) first.mergeConfig(other, true);
  first.addAuthenticator(login);
  login.check(first.getCurrentUser()?.name ?? '');
  if (first.getCurrentCluster() === null) unusable('the kubeconfig has no valid current context');
  return first;
}

interface Loaded {
  readonly config: KubeConfig;
  readonly until: number;
}

class KubeconfigAccess implements ApiAccess {
  readonly #files: readonly string[];
  readonly name: string;
  #loaded: Loaded | undefined;
  #asked: Promise<ApiTarget> | undefined;

  constructor(files: readonly string[]) {
    this.#files = files;
    this.name = files.join(':');
  }

  /** Reads the files, and asks nobody who we are: that may take any time. */
  async load(): Promise<KubeConfig> {
    const now = performance.now();
    if (this.#loaded === undefined || this.#loaded.until < now) {
      this.#loaded = { config: await loadKubeconfigs(this.#files), until: now + keptMs };
    }
    return this.#loaded.config;
  }

  /** A program that says who we are, and does not come back, is not started once more. */
  async target(): Promise<ApiTarget> {
    this.#asked ??= this.#ask().finally(() => {
      this.#asked = undefined;
    });
    return this.#asked;
  }

  async #ask(): Promise<ApiTarget> {
    const config = await this.load();
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    return { url: config.getCurrentCluster()?.server ?? '', options };
  }

  renew(): void {
    this.#loaded = undefined;
  }
}

/**
 * -kubeconfig, else KUBECONFIG, else the service account of the pod that we are in.
 * @returns undefined: there is none of them
 * @throws AgentError AGENT_KUBERNETES: what is named cannot be used
 */
export async function apiAccess(choice: AccessChoice): Promise<ApiAccess | undefined> {
  const { kubeconfig, environment } = choice;
  const named = kubeconfig ?? environment['KUBECONFIG'] ?? '';
  // only the variable is a list
  const files = kubeconfig === undefined ? named.split(':').filter((file) => file !== '') : [named];
  if (files.length === 0) return ofPod(choice);
  const access = new KubeconfigAccess(files);
  try {
    await access.load();
  } catch (cause) {
    return unusable(`kubeconfig ${access.name} cannot be used: ${messageOf(cause)}`);
  }
  return access;
}
