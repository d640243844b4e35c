// SPDX-License-Identifier: Apache-2.0
// Bundles of registries, as the agent has them: pulled when a container first asks for one, and read
// from the store from then on. The keys of signers are read once.
import { AgentError } from '../errors.ts';
import { openBundle, openStoredBundle } from './oci/open-bundle.ts';
import type { OpenedBundle, RegistryPolicy } from './oci/open-bundle.ts';
import { parseDigestReference } from './oci/reference.ts';

const mostFailures = 100;
/** From one registry at once. */
const mostPulls = 4;

/** The pulls from a registry. */
interface Pulls {
  running: number;
  /** Whose turn it is next. */
  readonly waiting: (() => void)[];
}

export class PulledBundles {
  readonly #policy: RegistryPolicy;
  /** Many containers may start with the same bundle at once. */
  readonly #fetching: Map<string, Promise<void>> = new Map();
  /** By registry: one that says nothing holds up nobody who wants bundles of others. */
  readonly #pulls: Map<string, Pulls> = new Map();
  /** Why the last attempt failed. */
  readonly #failures: Map<string, AgentError> = new Map();

  constructor(policy: RegistryPolicy) {
    this.#policy = { ...policy, keys: new Map() };
  }

  /**
   * One that is in the store.
   * @throws AgentError when it is not, or may not be used; where it was fetched in vain, why
   */
  open(reference: string): OpenedBundle {
    try {
      return openStoredBundle(reference, this.#policy);
    } catch (thrown) {
      throw this.#failures.get(reference) ?? thrown;
    }
  }

  /** Brings one into the store. It never rejects: `open` throws why there is none. */
  async fetch(reference: string): Promise<void> {
    const begun = this.#fetching.get(reference) ?? this.#fetch(reference);
    this.#fetching.set(reference, begun);
    return begun;
  }

  async #fetch(reference: string): Promise<void> {
    try {
      const { host } = parseDigestReference(reference);
      await this.#inTurn(host, async () => openBundle(reference, this.#policy));
      this.#failures.delete(reference);
    } catch (thrown) {
      const failure =
        thrown instanceof AgentError
          ? thrown
          : new AgentError('AGENT_OCI', `${reference} cannot be pulled`, { cause: thrown });
      this.#failures.set(reference, failure);
      // those who start containers may name as many as they like
      const [oldest = ''] = this.#failures.keys();
      if (this.#failures.size > mostFailures) this.#failures.delete(oldest);
    } finally {
      this.#fetching.delete(reference);
    }
  }

  /** Those who start containers must not make us pull all at once that they can name. */
  async #inTurn(host: string, pull: () => Promise<unknown>): Promise<void> {
    const pulls = this.#pulls.get(host) ?? { running: 0, waiting: [] };
    this.#pulls.set(host, pulls);
    if (pulls.running < mostPulls) pulls.running += 1;
    else await new Promise<void>((resolve) => pulls.waiting.push(resolve));
    try {
      await pull();
    } finally {
      const next = pulls.waiting.shift();
      if (next === undefined) pulls.running -= 1;
      else next();
      if (pulls.running === 0) this.#pulls.delete(host);
    }
  }
}
