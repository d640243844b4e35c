// SPDX-License-Identifier: Apache-2.0
// Grants of the configuration, looked up by the name and the signers of a bundle.
import { stringify } from 'yaml';

import { grantedTogether, noGrants } from '../registry/grants.ts';
import type { Grants, GrantSource } from '../registry/grants.ts';

/** A bundle without an entry is granted nothing. */
export function allowedToBundles(bundles: ReadonlyMap<string, Grants>): (name: string) => Grants {
  return (name) => bundles.get(name) ?? noGrants;
}

/** The entry of a bundle in the configuration. */
export interface BundleEntry extends Grants {
  /** The entry also applies to a pulled bundle of this name that one of these has signed. */
  readonly signers?: readonly string[];
}

/**
 * The grants of a pulled bundle: those of its entry, if that names one of its signers, and those of its signers.
 * @returns a function that throws AgentError AGENT_GRANT_MISSING if these limit a grant in different ways
 */
export function allowedToSignedBundles(
  bundles: ReadonlyMap<string, BundleEntry>,
  signers: readonly { readonly name: string; readonly grants: Grants }[],
): (name: string, signers: readonly string[]) => Grants {
  return (name, signedBy) => {
    const entry = bundles.get(name);
    const own = entry?.signers?.some((signer) => signedBy.includes(signer)) ? entry : undefined;
    const given = signers.filter((signer) => signedBy.includes(signer.name));
    return grantedTogether([
      ...(own === undefined ? [] : [entrySource(name, own)]),
      ...given.map(signerSource),
    ]);
  };
}

function entrySource(name: string, grants: Grants): GrantSource {
  return { name: `the entry of the bundle "${name}"`, grants };
}

function signerSource({ name, grants }: GrantSource): GrantSource {
  return { name: `the signer "${name}"`, grants };
}

/** The entry that grants all of these to a bundle, as one line of YAML to paste into the configuration. */
export function entryToPaste(name: string, { capabilities, errnos, perform }: Grants): string {
  const grants = {
    ...capabilities,
    ...(errnos === undefined ? {} : { errnos: { names: errnos } }),
    ...(perform === undefined ? {} : { perform: { syscalls: perform } }),
  };
  const flow = { collectionStyle: 'flow', lineWidth: 0 } as const;
  const line = stringify({ [name]: { grants } }, flow).trim();
  return `bundles: ${line}`;
}
