// SPDX-License-Identifier: Apache-2.0
// Resolvers: from a container process state to a registry.
import type { FailureFields } from '../errors.ts';
import type { ContainerProcessState } from '../agent-socket/container-process-state.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { IsWanted } from '../scheduling/asker.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import type { MountedName } from '../kubernetes/pod-place.ts';
import type { ContainerNote } from '../registry/container-note.ts';
import type { Bundle } from '../bundles/bundle.ts';
import type { BundleStore } from '../bundles/bundle-store.ts';
import type { MiddlewareName } from '../registry/policy.ts';
import type { Policies } from '../registry/policy.ts';
import type { Registry } from '../registry/registry.ts';
import type { Workload } from '../agent-socket/workload.ts';

/** Input of a resolver about a container: its state, and pids that were found otherwise. */
export interface ContainerIdentity {
  readonly state: ContainerProcessState;
  /** The container's first process in our pid namespace; undefined when nobody knows. */
  readonly firstPid: number | undefined;
  /** User that sent its state; absent: nobody but us. */
  readonly peerUid?: number;
  /** Names that a kubelet has given to what is mounted there; absent: nobody has looked. */
  readonly mounted?: readonly MountedName[];
  /** Kubernetes workload; absent: that of the annotations of its state, if root has sent it. */
  readonly workload?: Workload;
  /** Whether it is known to be an init container of its pod. */
  readonly isInit?: boolean;
}

/** A bundle as it is named to people. */
export interface BundleName {
  readonly name: string;
  readonly version: string;
}

/** A registry and the bundles that its handlers are of. */
export interface Sourced {
  readonly registry: Registry;
  readonly sources: readonly Bundle[];
}

/** Bundles that are asked the same, without effect. */
export type Shadow =
  | {
      readonly kind: 'resolved';
      readonly registry: Registry;
      readonly sources: readonly Bundle[];
      readonly bundles: readonly BundleName[];
      readonly components: readonly LoadedComponent[];
    }
  /** There can be none, which is nothing to the container. */
  | {
      readonly kind: 'refused';
      readonly failure: FailureFields;
      /** It may come right by itself. */
      readonly isPassing: boolean;
    };

export interface Resolution extends Sourced {
  /** Those that the handlers are of, in chain order. */
  readonly bundles: readonly BundleName[];
  /** Every component that the registry names. */
  readonly components: readonly LoadedComponent[];
  readonly shadow?: Shadow | undefined;
}

export type ResolvedShadow = Extract<Shadow, { readonly kind: 'resolved' }>;

export interface Resolver {
  /** Receivers of the calls of all containers, also of refused ones. */
  readonly middleware?: readonly MiddlewareName[];
  /**
   * Fetches what the container needs and is not at hand. It never rejects: what could not be fetched
   * is what `resolve` refuses.
   * @param isWanted whether the container is still there; absent: it is
   * @returns undefined: nothing is to be waited for
   */
  prepare?(identity: ContainerIdentity, isWanted?: IsWanted): Promise<void> | undefined;
  /**
   * The same container may be resolved again, when what it was resolved by has changed.
   * @param other what another listener of the container has: where nothing differs that counts, this
   *   one has the same
   * @throws ContainerRefusal: the container's calls must fail
   */
  resolve(identity: ContainerIdentity, other?: Pick<Resolution, 'components'>): Resolution;
  /**
   * For a container that keeps its handlers since it cannot be resolved again: the same, with what is
   * granted to them now.
   * @throws AgentError: they may not be kept
   */
  keep(held: Sourced): Sourced;
  /**
   * Forgets bundles that no container has any more: called some time after containers have ended.
   * @param keptForMs newer bundles stay
   */
  forgetUnused?(keptForMs: number): void;
  /** Bundles that containers have stay on the disk: called every minute. */
  noteUse?(): void;
  /** Kubernetes workload of a container; absent: that of the annotations of its state. */
  workloadOf?(identity: ContainerIdentity): Workload;
  /** People are to hear of something where they look for their containers; it never throws. */
  note?(identity: ContainerIdentity, note: ContainerNote): void;
  /** Absent: it asks no API. */
  readonly kubernetes?: Kubernetes | undefined;
}

export interface ResolverParts {
  readonly store: BundleStore;
  /** For what no bundle says. */
  readonly policies: Policies;
  /** Selection of the command line: names of bundles, and paths of their folders. */
  readonly selection: readonly string[];
  /** The same of those that are asked without effect; absent: none. */
  readonly shadow?: readonly string[] | undefined;
  /** Absent: pods are known by what runtimes say. */
  readonly kubernetes?: Kubernetes | undefined;
}
