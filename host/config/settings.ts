// SPDX-License-Identifier: Apache-2.0
// The structure of the operator's configuration, and its defaults.
import { defaultBundleLimits } from '../bundles/bundle.ts';
import type { BundleLimits } from '../bundles/bundle.ts';
import { bundleFolders } from '../bundles/bundle-places.ts';
import type { BundleEntry } from '../bundles/granted-bundles.ts';
import { defaultStoreBytes } from '../bundles/oci/store-room.ts';
import type { Grants } from '../registry/grants.ts';
import { defaultPolicies } from '../registry/policy.ts';
import type { Policies } from '../registry/policy.ts';

/** An accepted signer of bundles. */
export interface Signer {
  readonly name: string;
  /** A public key in PEM, as cosign has it. */
  readonly keyFile: string;
  /** Grants to every bundle that the signer has signed. */
  readonly grants: Grants;
}

/** A registry that bundles may be pulled from. */
export interface AllowedRegistry {
  /** `HOST` or `HOST:PORT`. */
  readonly host: string;
  readonly isPlainHttp: boolean;
  /** Certificates in PEM, besides those of the system. */
  readonly caFile?: string;
  /** A bundle needs the signature of one of these. */
  readonly signers: readonly Signer[];
}

export interface Config {
  /** Grants by the name of a bundle in a folder, or of a pulled and signed bundle. */
  readonly bundles: ReadonlyMap<string, BundleEntry>;
  readonly signers: readonly Signer[];
  readonly registries: readonly AllowedRegistry[];
  /** In order of precedence. */
  readonly bundleFolders: readonly string[];
  /** Defaults where bundles have none. */
  readonly policies: Policies;
  readonly limits: BundleLimits;
  /** Of the store of pulled bundles. */
  readonly storeBytes: number;
  /** Values of the agent's options; the command line wins. */
  readonly options: ReadonlyMap<string, string | true>;
}

/** Valid names of signers. */
export const signerName: RegExp = /^[A-Za-z\d][\w.@-]*$/u;

/** The defaults without a configuration file. */
export const emptyConfig: Config = {
  bundles: new Map(),
  signers: [],
  registries: [],
  bundleFolders,
  policies: defaultPolicies,
  limits: defaultBundleLimits,
  storeBytes: defaultStoreBytes,
  options: new Map(),
};
