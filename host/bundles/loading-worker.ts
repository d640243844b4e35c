// SPDX-License-Identifier: Apache-2.0
// The thread that reads what strangers have written: components, and bundles of registries.
import { parentPort, workerData } from 'node:worker_threads';

import { AgentError, isPassing, messageOf } from '../errors.ts';
import type { AgentErrorCode } from '../errors.ts';
import { KnownTypes } from '../handler/known-types.ts';
import { beginThread } from '../process/own-thread.ts';
import { ComponentLoader } from './component-loader.ts';
import type { ComponentFile, ReadComponent, UntriedComponent } from './component-loader.ts';
import type { OpenedBundle, RegistryPolicy } from './oci/open-bundle.ts';
import type { Payer } from './oci/store-room.ts';

export type LoadingQuestion =
  /** Known digests of a component, or the findings of children. */
  | { readonly kind: 'look' | 'find out'; readonly wanted: ComponentFile }
  /** A bundle of a registry: from the store, or else from there. */
  | {
      readonly kind: 'open' | 'pull';
      readonly reference: string;
      readonly policy: Omit<RegistryPolicy, 'signal'>;
      /** Who has caused it. */
      readonly payer: Payer;
    };

/** A bundle as the main thread gets it. */
export type UsableBundle = Pick<OpenedBundle, 'folder' | 'outline' | 'signers' | 'text'>;

export type LoadingAnswer =
  | ({ readonly kind: 'loaded' } & ReadComponent)
  | ({ readonly kind: 'untried' } & UntriedComponent)
  | { readonly kind: 'opened'; readonly bundle: UsableBundle }
  /** With the code of an AgentError, where it is one. */
  | { readonly kind: 'failed'; readonly code?: AgentErrorCode; readonly message: string };

/** With the number of the question. */
export type Numbered<T> = T & { readonly number: number };

function looked(found: ReadComponent | UntriedComponent): LoadingAnswer {
  return 'share' in found ? { kind: 'untried', ...found } : { kind: 'loaded', ...found };
}

function opened({ folder, outline, signers, text }: OpenedBundle): LoadingAnswer {
  return { kind: 'opened', bundle: { folder, outline, signers, text } };
}

function failed(thrown: unknown): LoadingAnswer {
  const message = messageOf(thrown);
  if (isPassing(thrown)) return { kind: 'failed', code: 'AGENT_COMPONENT_UNTRIED', message };
  return thrown instanceof AgentError
    ? { kind: 'failed', code: thrown.code, message }
    : { kind: 'failed', message };
}

beginThread();
/** Input of the thread: the types of functions that the process knows. */
const types: SharedArrayBuffer = workerData;
const loader = new ComponentLoader(new KnownTypes(types));

async function find(question: LoadingQuestion): Promise<LoadingAnswer> {
  switch (question.kind) {
    case 'look':
      return looked(loader.look(question.wanted));
    case 'find out':
      return looked(await loader.findOut(question.wanted));
    case 'open': {
      const { openStoredBundle } = await import('./oci/open-bundle.ts');
      return opened(openStoredBundle(question.reference, question.policy));
    }
    case 'pull': {
      const { openBundle } = await import('./oci/open-bundle.ts');
      return opened(await openBundle(question.reference, question.policy, question.payer));
    }
  }
}

async function answer({ number, ...question }: Numbered<LoadingQuestion>): Promise<void> {
  const found = await find(question).catch(failed);
  const numbered: Numbered<LoadingAnswer> = { ...found, number };
  parentPort?.postMessage(numbered);
}

parentPort?.on('message', (question: Numbered<LoadingQuestion>) => {
  void answer(question);
});
