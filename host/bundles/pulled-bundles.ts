// SPDX-License-Identifier: Apache-2.0
// Bundles of registries, as the agent has them: pulled when a container first asks for one, and read
// from the store from then on. The keys of signers are read once.
import { join } from 'node:path';

import { AgentError, messageOf } from '../errors.ts';
import { identityOfAll } from '../files/file-identity.ts';
import { Askers, operator } from '../scheduling/asker.ts';
import type { Asker } from '../scheduling/asker.ts';
import { Turns } from '../scheduling/turns.ts';
import { failureIn, LoadingThread } from './loading-thread.ts';
import type { LoadingAnswer, LoadingQuestion, UsableBundle } from './loading-worker.ts';
import { isAllowedReference, openStoredBundle, readKeys } from './oci/open-bundle.ts';
import type { RegistryPolicy } from './oci/open-bundle.ts';
import { parseDigestReference } from './oci/reference.ts';
import { defaultStore, filesOfStored, folderOf, tidyStore } from './oci/store.ts';
import { operatorPays, touchStored } from './oci/store-room.ts';
import type { Payer } from './oci/store-room.ts';

const maxFailures = 1024;
const maxOpened = 1024;
/** From one registry at once: for root's containers, and for those of all users. */
const maxPulls = { root: 4, users: 2 } as const;

/** Requester of prepared bundles. */
export interface Asking extends Asker {
  /** User of the container that wants them; absent: root. */
  readonly uid?: number | undefined;
}

/** Class of its user. */
export function whoseOf({ uid = 0 }: Asking): keyof typeof maxPulls {
  return uid === 0 ? 'root' : 'users';
}

interface KnownBundle {
  readonly bundle: UsableBundle;
  /** When it was opened. */
  readonly identity: string;
}

/** Its name stands for its contents: what else a reference says is up to who writes it. */
function keyOf(reference: string): string {
  const { host, digest } = parseDigestReference(reference);
  return `${host} ${digest}`;
}

function identityOf({ folder, outline }: UsableBundle): string {
  const components = outline.components.map(({ file }) => join(folder, file));
  return identityOfAll([...filesOfStored(folder), ...components]);
}

/** Containers that neither a user nor a namespace has may be any number: they pay together. */
function payingOwner({ who: [container, owner] }: Asking): string {
  return owner ?? (container === undefined ? '' : 'containers in no namespace');
}

export class PulledBundles {
  readonly #policy: RegistryPolicy & { readonly keys: NonNullable<RegistryPolicy['keys']> };
  readonly #thread = new LoadingThread();
  /** Those that were opened, until a file of theirs changes. */
  readonly #opened: Map<string, KnownBundle> = new Map();
  /** By registry that is allowed: one that says nothing holds up nobody who wants bundles of others. */
  readonly #pulls: Map<string, Turns> = new Map();
  /** Each is compared with its digest, and so read. */
  readonly #openings = new Turns();
  /** Why the last attempt failed. */
  readonly #failures: Map<string, AgentError> = new Map();

  constructor(policy: RegistryPolicy) {
    this.#policy = { ...policy, keys: new Map() };
    if (policy.registries.length > 0) tidyStore(policy.store);
  }

  /**
   * One that is in the store. It takes long, unless it was prepared.
   * @throws AgentError when it is not, or may not be used; where it was fetched in vain, why
   */
  open(reference: string): UsableBundle {
    const known = this.#known(reference);
    if (known !== undefined) {
      // from now on it is in use: it may not make room for others
      touchStored(known.folder);
      return known;
    }
    const failure = this.#failures.get(reference);
    if (failure !== undefined) throw failure;
    return openStoredBundle(reference, this.#policy);
  }

  /** Containers use it: it is not to make room for others. */
  noteUse(reference: string): void {
    const { digest } = parseDigestReference(reference);
    touchStored(folderOf(this.#policy.store ?? defaultStore, digest));
  }

  /** Whether `open` takes no time. */
  isOpen(reference: string): boolean {
    return this.#known(reference) !== undefined;
  }

  /**
   * Opens one, and fetches it where that is of no use. It never rejects: `open` throws why not.
   * @param askers all who want it, of which the one that asks is the first
   */
  async prepare(
    reference: string,
    asking: Asking = operator,
    askers: Askers = new Askers(asking),
  ): Promise<void> {
    await this.openStored(reference, askers);
    try {
      if (!this.isOpen(reference)) await this.fetch(reference, asking, askers);
    } catch {
      // it is no reference
    }
  }

  /** Opens one of the store, and asks no registry. It never rejects: `open` throws why not. */
  async openStored(reference: string, askers: Askers = new Askers(operator)): Promise<void> {
    try {
      if (!this.#isAllowed(reference) || this.isOpen(reference)) return;
      await this.#openings.take({ askers, costMs: 0 }, async () => this.#tryOpening(reference));
    } catch {
      // it is no reference
    }
  }

  /**
   * Brings one into the store. It never rejects: `open` throws why there is none.
   * @param askers as in `prepare`
   */
  async fetch(
    reference: string,
    asking: Asking = operator,
    askers: Askers = new Askers(asking),
  ): Promise<void> {
    if (!this.#isAllowed(reference)) return;
    const { host } = parseDigestReference(reference);
    const pulls = this.#pullsOf(host, whoseOf(asking));
    const payer = { owner: payingOwner(asking), isUser: whoseOf(asking) === 'users' };
    await pulls.take({ askers, costMs: 0 }, async () => this.#fetch(reference, payer));
  }

  /** Nothing is kept of others: those who start containers may name as many as they like. */
  #isAllowed(reference: string): boolean {
    return isAllowedReference(reference, this.#policy);
  }

  /** Those who start containers must not make us pull all at once that they can name. */
  #pullsOf(host: string, whose: keyof typeof maxPulls): Turns {
    const key = `${whose} ${host}`;
    const pulls = this.#pulls.get(key) ?? new Turns(maxPulls[whose]);
    this.#pulls.set(key, pulls);
    return pulls;
  }

  /** Errors that fetching it again may mend. */
  async #tryOpening(reference: string): Promise<void> {
    if (this.isOpen(reference)) return;
    try {
      await this.#open('open', reference);
    } catch (thrown) {
      // until it is fetched: nobody has to look at its files again to hear it
      this.#failed(reference, thrown);
    }
  }

  async #fetch(reference: string, payer: Payer): Promise<void> {
    if (this.isOpen(reference)) return;
    try {
      await this.#open('pull', reference, payer);
    } catch (thrown) {
      this.#failed(reference, thrown);
    }
  }

  #failed(reference: string, thrown: unknown): void {
    const failure =
      thrown instanceof AgentError
        ? thrown
        : new AgentError('AGENT_OCI', `${reference} cannot be pulled: ${messageOf(thrown)}`);
    this.#failures.set(reference, failure);
    // those who start containers may name as many as they like
    const [oldest = ''] = this.#failures.keys();
    if (this.#failures.size > maxFailures) this.#failures.delete(oldest);
  }

  async #open(
    kind: 'open' | 'pull',
    reference: string,
    payer: Payer = operatorPays,
  ): Promise<void> {
    const { signal, ...policy } = this.#policy;
    readKeys(reference, policy);
    const answer = await this.#ask({ kind, reference, policy, payer }, signal);
    if (answer.kind === 'failed') throw failureIn(answer);
    if (answer.kind !== 'opened') throw new Error(`no answer to this question: ${answer.kind}`);
    const { bundle } = answer;
    this.#failures.delete(reference);
    this.#opened.set(keyOf(reference), { bundle, identity: identityOf(bundle) });
    const [oldest = ''] = this.#opened.keys();
    if (this.#opened.size > maxOpened) this.#opened.delete(oldest);
  }

  async #ask(question: LoadingQuestion, signal?: AbortSignal): Promise<LoadingAnswer> {
    const end = (): void => {
      this.#thread.end();
    };
    signal?.throwIfAborted();
    signal?.addEventListener('abort', end);
    try {
      return await this.#thread.ask(question);
    } finally {
      signal?.removeEventListener('abort', end);
    }
  }

  #known(reference: string): UsableBundle | undefined {
    const key = keyOf(reference);
    const known = this.#opened.get(key);
    if (known === undefined || known.identity === identityOf(known.bundle)) return known?.bundle;
    this.#opened.delete(key);
    return undefined;
  }
}
