// SPDX-License-Identifier: Apache-2.0
// Resolvers: from a container process state to a registry.
import type { ContainerProcessState } from '../container-process-state.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { Registry } from './registry.ts';
import { demoBasicResolver } from './resolvers/demo-basic.ts';
import { noneResolver } from './resolvers/none.ts';
import { unprivilegedBuildResolver } from './resolvers/unprivileged-build.ts';

/** What a resolver knows of a container: its state, and pids that were found out otherwise. */
export interface ContainerIdentity {
  readonly state: ContainerProcessState;
  /** The container's first process in our pid namespace; undefined when nobody knows. */
  readonly firstPid: number | undefined;
}

export interface Resolver {
  /** Every component that its registries may name. */
  readonly components: readonly LoadedComponent[];
  /** @throws AgentError AGENT_SETTING_INVALID: the container's calls must fail */
  resolve(identity: ContainerIdentity): Registry;
}

/** A resolver is one file in `resolvers/` and one line here. */
export const resolvers: ReadonlyMap<string, () => Resolver> = new Map([
  ['none', noneResolver],
  ['demo-basic', demoBasicResolver],
  ['unprivileged-build', unprivilegedBuildResolver],
]);
