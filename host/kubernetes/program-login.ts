// SPDX-License-Identifier: Apache-2.0
// Programs that say who we are to a Kubernetes API, as users of a kubeconfig name them: see
// "client-go credential plugins" in the documentation of Kubernetes. The library would start them in
// Node's way, see program.ts.
import type { RequestOptions } from 'node:https';
import { resolve } from 'node:path';

import type { KubeConfig, User } from '@kubernetes/client-node';

import { AgentError } from '../errors.ts';
import { runProgram } from '../program.ts';
import { fieldOf, textsOf } from '../text/fields.ts';

/** They may ask somebody far away. */
const limitMs = 60_000;
const maxMessage = 300;
const usualVersion = 'client.authentication.k8s.io/v1';

/** Login program of a user of a kubeconfig. */
interface LoginProgram {
  readonly command: readonly [string, ...string[]];
  readonly variables: Readonly<Record<string, string>>;
}

/** Credentials that a program prints. */
interface Login {
  readonly token: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** In milliseconds since 1970. */
  readonly until: number;
}

function unusable(what: string): never {
  throw new AgentError('AGENT_KUBERNETES', what);
}

function textIn(value: unknown, field: string): string | undefined {
  const found = fieldOf(value, field);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** Relative paths with a folder begin at the kubeconfig's. */
function commandIn(command: string, folder: string): string {
  return command.includes('/') ? resolve(folder, command) : command;
}

function programOf(exec: unknown, name: string, folder: string): LoginProgram | string {
  const command = textIn(exec, 'command');
  if (command === undefined) return `user ${name}: exec has no command`;
  const env = fieldOf(exec, 'env');
  const variables = (Array.isArray(env) ? env : []).flatMap((entry: unknown) => {
    const [key, value] = [textIn(entry, 'name'), fieldOf(entry, 'value')];
    return key !== undefined && typeof value === 'string' ? [[key, value] as const] : [];
  });
  // some programs answer in the version that this asks for, and nothing without it
  const asked = {
    apiVersion: textIn(exec, 'apiVersion') ?? usualVersion,
    kind: 'ExecCredential',
    spec: { interactive: false },
  };
  return {
    command: [commandIn(command, folder), ...textsOf(fieldOf(exec, 'args'))],
    variables: { ...Object.fromEntries(variables), KUBERNETES_EXEC_INFO: JSON.stringify(asked) },
  };
}

/** Undefined: this user has none. A text: what is wrong with it. */
function programOfUser(user: User, folder: string): LoginProgram | string | undefined {
  const provider: unknown = user.authProvider;
  if (textIn(fieldOf(provider, 'config'), 'cmd-path') !== undefined) {
    return (
      `user ${user.name}: auth-provider ${textIn(provider, 'name') ?? ''} with cmd-path is not ` +
      'supported: say the program in exec, as Kubernetes has since 1.26'
    );
  }
  const ofUser: unknown = user.exec;
  const exec = ofUser ?? fieldOf(fieldOf(provider, 'config'), 'exec');
  return exec === undefined || exec === null ? undefined : programOf(exec, user.name, folder);
}

function lastLineOf(text: string): string {
  const plain = text.trim().split('\n').at(-1) ?? '';
  return plain.replaceAll(/[^\x20-\x7e]/gu, '?').slice(0, maxMessage) || 'it says nothing';
}

function loginIn(stdout: string, program: string): Login {
  let answer: unknown;
  try {
    answer = JSON.parse(stdout);
  } catch {
    return unusable(`${program} answers what is not JSON`);
  }
  const status = fieldOf(answer, 'status');
  const login = {
    token: textIn(status, 'token'),
    certificate: textIn(status, 'clientCertificateData'),
    key: textIn(status, 'clientKeyData'),
    until: Date.parse(textIn(status, 'expirationTimestamp') ?? ''),
  };
  if (login.token === undefined && login.certificate === undefined) {
    return unusable(`${program} answers no token and no certificate`);
  }
  return { ...login, until: Number.isNaN(login.until) ? Infinity : login.until };
}

async function ask({ command, variables }: LoginProgram): Promise<Login> {
  const environment = { ...process.env, ...variables };
  const { code, why, stdout, stderr } = await runProgram({ command, environment, limitMs });
  const [program] = command;
  if (code === undefined) return unusable(`cannot run ${program}: ${why}`);
  if (code !== 0) return unusable(`${program} ended with code ${code}: ${lastLineOf(stderr)}`);
  return loginIn(stdout, program);
}

/** For KubeConfig.addAuthenticator. */
export class ProgramLogin {
  /** User → program, or what is wrong with it; and what it has said last. */
  readonly #programs = new Map<string, LoginProgram | string>();
  readonly #logins = new Map<string, Login>();

  /**
   * Takes the programs of a kubeconfig's users away from the library.
   * @param folder where the kubeconfig is
   */
  takeFrom(config: KubeConfig, folder: string): void {
    config.users = config.users.map((user) => {
      const program = programOfUser(user, folder);
      if (program === undefined) return user;
      this.#programs.set(user.name, program);
      return { ...user, exec: undefined, authProvider: undefined };
    });
  }

  /** @throws AgentError AGENT_KUBERNETES: what this user has cannot be run */
  check(name: string): void {
    const program = this.#programs.get(name);
    if (typeof program === 'string') unusable(program);
  }

  isAuthProvider({ name }: User): boolean {
    return this.#programs.has(name);
  }

  async applyAuthentication({ name }: User, options: RequestOptions): Promise<void> {
    const { certificate, key, token } = await this.#loginOf(name);
    if (certificate !== undefined) options.cert = certificate;
    if (key !== undefined) options.key = key;
    if (token === undefined) return;
    options.headers ??= {};
    Object.assign(options.headers, { Authorization: `Bearer ${token}` });
  }

  /** The last one, as long as it is good for something. */
  async #loginOf(name: string): Promise<Login> {
    const last = this.#logins.get(name);
    if (last !== undefined && last.until > Date.now()) return last;
    const program = this.#programs.get(name) ?? `user ${name} has no program`;
    if (typeof program === 'string') return unusable(program);
    const login = await ask(program);
    this.#logins.set(name, login);
    return login;
  }
}
