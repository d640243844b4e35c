// SPDX-License-Identifier: Apache-2.0
// The effect of listenerMetadata, compared with the traps of the profile.
import { AgentError, messageOf } from '../../errors.ts';
import { waitKillableFlag } from '../../agent-socket/filter-flags.ts';
import { parseMetadata, unselected } from '../../resolvers/metadata.ts';
import type { Metadata } from '../../resolvers/metadata.ts';
import type { Adviser } from '../advisers.ts';
import type { Keys } from '../finding.ts';
import { unwrittenNotes } from '../memory-writers.ts';
import type { MemoryWriter } from '../memory-writers.ts';
import type { PreFilter } from '../pre-filters.ts';
import { isRefusedBy } from '../refusals.ts';
import type { Refusal } from '../refusals.ts';
import { Check, listed, trappedNames } from './check.ts';

/** The effect of the metadata on an agent with the operator's options. */
export type Resolve = (metadata: string) => Answered;

/** The system calls that the selected bundles answer. */
export interface Answered {
  readonly bundles: readonly string[];
  readonly syscalls: readonly string[];
  /** For some of them: which of their calls handlers may answer; they pass the others on. */
  readonly preFilters?: ReadonlyMap<string, PreFilter>;
  /** Calls that they want refused besides it. */
  readonly refused?: readonly Refusal[];
  /** Those that need a flag of the filter. */
  readonly writers?: readonly MemoryWriter[];
  /** Those whose answers to some calls are advice. */
  readonly advisers?: readonly Adviser[];
}

/** listenerMetadata, and whether what its bundles answer is trapped. */
export class MetadataCheck extends Check {
  /** @returns what becomes of it, where that is known */
  run(resolve: Resolve | undefined): Answered | undefined {
    const { listenerMetadata } = this.profile;
    const keys = listenerMetadata === undefined ? [] : ['listenerMetadata'];
    let metadata: Metadata;
    try {
      metadata = parseMetadata(listenerMetadata ?? '');
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      this.tell(
        'metadata-invalid',
        'error',
        keys,
        messageOf(thrown),
        'write KEY=VALUE in each line',
      );
      return undefined;
    }
    if (!this.trapsAnything) return undefined;
    if (resolve === undefined) {
      this.#unselected(metadata, keys);
      return undefined;
    }
    try {
      const answered = resolve(listenerMetadata ?? '');
      this.#answered(answered, keys);
      return answered;
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      this.tell(
        'metadata-refused',
        // what is no bundle here may be one on the machine of the agent
        thrown.code === 'AGENT_SETTING_INVALID' ? 'error' : 'warning',
        keys,
        `an agent with the configuration of this machine refuses the container: ${messageOf(thrown)}`,
        'all intercepted calls of the container would fail: correct the metadata or the configuration',
      );
      return undefined;
    }
  }

  /** Bundles may also be selected by how the agent is started, which nobody has said here. */
  #unselected({ bundles, shadow, settings }: Metadata, keys: Keys): void {
    // a shadow has settings, too
    if (bundles !== undefined || shadow !== undefined || settings.size === 0) return;
    this.tell(
      'metadata-refused',
      'warning',
      keys,
      `an agent whose resolver brings no bundle refuses the container: ${unselected([...settings.keys()])}`,
      'all intercepted calls of the container would fail: select a bundle (BUNDLE=NAME), or name the resolver of the agent (profile lint -resolver)',
    );
  }

  #answered(answered: Answered, keys: Keys): void {
    const { bundles, syscalls, refused = [], writers = [], advisers = [] } = answered;
    if (bundles.length === 0) return;
    this.#unwritten(writers, keys);
    this.#advisory(advisers, keys);
    this.#refused(bundles, refused, keys);
    const trapped = trappedNames(this.profile);
    const missed = syscalls.filter((name) => !trapped.includes(name));
    const idle = trapped.filter((name) => !syscalls.includes(name));
    if (missed.length > 0) {
      this.tell(
        'answered-not-trapped',
        'warning',
        keys,
        `${listed(bundles)} answers ${listed(missed)}, which the profile does not send to the agent`,
        `add ${listed(missed)} to a rule with SCMP_ACT_NOTIFY`,
      );
    }
    if (idle.length > 0) {
      this.tell(
        'trapped-not-answered',
        'warning',
        keys,
        `no handler of ${listed(bundles)} answers ${listed(idle)}: each call waits for the agent's default action`,
        `take ${listed(idle)} out of the rules with SCMP_ACT_NOTIFY`,
      );
    }
  }

  #unwritten(writers: readonly MemoryWriter[], keys: Keys): void {
    if (this.profile.flags.includes(waitKillableFlag)) return;
    for (const note of unwrittenNotes(writers)) {
      this.tell(
        'memory-unwritten',
        'note',
        keys,
        note,
        'use crun, or runc from 1.5 on, with the flag (profile generate -runtime crun)',
      );
    }
  }

  #advisory(advisers: readonly Adviser[], keys: Keys): void {
    for (const { bundle, handler, families } of advisers) {
      this.tell(
        'advisory',
        'note',
        keys,
        `answers of handler ${handler} of ${bundle} to ${listed(families)} are advice: it lets calls continue, and another thread may change what their pointers say before the kernel reads it`,
        'do not rely on them to reject anything: use permissions, read-only mounts or an LSM as well',
      );
    }
  }

  #refused(bundles: readonly string[], refused: readonly Refusal[], keys: Keys): void {
    const open = refused.filter((refusal) => !isRefusedBy(this.profile, refusal));
    if (open.length === 0) return;
    this.tell(
      'not-refused',
      'error',
      keys,
      `${listed(bundles)} cannot guard what ${listed(open.map(({ shown }) => shown))} do${open.length > 1 ? '' : 'es'}, and the profile does not refuse ${open.length > 1 ? 'them' : 'it'}`,
      'have them fail (profile generate does), or the container passes its handlers',
    );
  }
}
