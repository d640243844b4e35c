// SPDX-License-Identifier: Apache-2.0
// The options of commands that work with an OCI registry or the store of pulled bundles.
import { basename } from 'node:path';

import { listOf, textOf, usage } from '../text/command-line.ts';
import type { OptionTable } from '../text/command-line.ts';
import { defaultConfigFile, loadConfig } from '../config/config.ts';
import { AgentError } from '../errors.ts';
import { parseDuration } from '../text/duration.ts';
import { findCredentials } from '../bundles/oci/credentials.ts';
import type { Credentials } from '../bundles/oci/credentials.ts';
import { readCertificates, signersOf } from '../bundles/oci/open-bundle.ts';
import type { AllowedRegistry } from '../bundles/oci/open-bundle.ts';
import { parseReference } from '../bundles/oci/reference.ts';
import type { Reference } from '../bundles/oci/reference.ts';
import { RegistryClient } from '../bundles/oci/registry-client.ts';
import { defaultStore } from '../bundles/oci/store.ts';
import { readPublicKey } from '../bundles/oci/signing-key.ts';
import type { Signer } from '../bundles/oci/signing-key.ts';
import { passwordOnStdin } from './password.ts';

export type Values = ReadonlyMap<string, unknown>;

export const registryOptions: OptionTable = {
  'plain-http': { type: 'boolean' },
  ca: { type: 'string' },
  username: { type: 'string' },
  'password-stdin': { type: 'boolean' },
  timeout: { type: 'string' },
  json: { type: 'boolean' },
};

/** Of commands that trust somebody. */
export const trustOptions: OptionTable = {
  ...registryOptions,
  key: { type: 'string' },
  config: { type: 'string' },
  store: { type: 'string' },
};

export const registryUsage: string = `  -plain-http         HTTP without TLS
  -ca FILE            additional trusted certificates in PEM
  -username NAME      user to log in (default: the stored login of docker, podman or oras)
  -password-stdin     with -username: read the password from stdin
  -timeout TIME       time limit for the whole command, such as 30s (default 5m)
  -json               print JSON
  -help
`;

export const trustUsage: string = `  -key FILES          public keys in PEM, separated by commas (default: those of the registry in the
                      configuration)
  -config FILE        the configuration (default ${defaultConfigFile}, if it exists)
  -store FOLDER       the store (default ${defaultStore})
`;

const defaultTimeout = '5m';

/** @throws AgentError AGENT_USAGE */
export function referenceOf(text: string | undefined): Reference {
  if (text === undefined) usage('the reference is missing');
  try {
    return parseReference(text);
  } catch (cause) {
    if (cause instanceof AgentError) usage(cause.message);
    throw cause;
  }
}

async function credentialsOf(values: Values): Promise<Credentials | undefined> {
  const username = textOf(values, 'username');
  const isOnStdin = values.get('password-stdin') === true;
  if (username === undefined && !isOnStdin) return undefined;
  if (username === undefined || !isOnStdin) usage('-username and -password-stdin need each other');
  return { kind: 'password', username, password: await passwordOnStdin() };
}

function timeoutOf(values: Values): number {
  const text = textOf(values, 'timeout') ?? defaultTimeout;
  const timeoutMs = parseDuration(text);
  if (timeoutMs !== undefined && timeoutMs >= 1) return Math.ceil(timeoutMs);
  return usage(`"${text}" in -timeout is not a duration, such as 30s or 5m`);
}

/** Registry settings of the configuration, if there are any. */
export function configuredRegistry(
  { host }: Reference,
  values: Values,
): AllowedRegistry | undefined {
  const { registries } = loadConfig(textOf(values, 'config'));
  return registries.find((registry) => registry.host === host);
}

export interface RegistryOpening {
  readonly access: 'pull' | 'push';
  readonly configured?: AllowedRegistry | undefined;
}

export async function openRegistry(
  reference: Reference,
  { access, configured }: RegistryOpening,
  values: Values,
): Promise<RegistryClient> {
  const ca = textOf(values, 'ca') ?? configured?.caFile;
  const given = await credentialsOf(values);
  return new RegistryClient(reference, {
    plainHttp: values.get('plain-http') === true || configured?.isPlainHttp === true,
    ...(ca === undefined ? {} : { ca: readCertificates(ca) }),
    credentials: async () => given ?? (await findCredentials(reference.host)),
    access,
    signal: AbortSignal.timeout(timeoutOf(values)),
  });
}

/** Those of the keys that are given, else those whom the operator trusts for the registry. */
export function trustedSigners(
  values: Values,
  configured: AllowedRegistry | undefined,
): readonly Signer[] {
  const given = signersByKey(values);
  return given.length > 0 || configured === undefined ? given : signersOf(configured);
}

/** The owners of the given keys are called as their files. */
export function signersByKey(values: Values): readonly Signer[] {
  return listOf(textOf(values, 'key') ?? '').map((file) => ({
    name: basename(file),
    key: readPublicKey(file),
  }));
}
