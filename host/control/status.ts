// SPDX-License-Identifier: Apache-2.0
// The status of a running agent: GET /status of the control socket.

import type { KubernetesStatus } from '../kubernetes/kubernetes-status.ts';
import type { ShadowStatus } from '../replay/shadows.ts';

export interface BundleStatus {
  readonly name: string;
  readonly version: string;
}

export interface HandlerStatus {
  readonly name: string;
  /** Of its component: `sha256:…`. */
  readonly digest: string;
  readonly bundle?: string;
  /** Quarantined after repeated failures: its calls fail. */
  readonly isQuarantined: boolean;
}

export interface ContainerStatus {
  readonly id: string;
  /** Kubernetes workload; absent: no trusted source has named one. */
  readonly namespace?: string;
  readonly pod?: string;
  readonly container?: string;
  /** User of the runtime that sent its state; absent: nobody but the agent. Only root's is believed. */
  readonly peerUid?: number;
  /** Calls that have ended. */
  readonly calls: number;
  /** When its listener came. */
  readonly since: string;
  /** In chain order. */
  readonly bundles: readonly BundleStatus[];
  /** In chain order. */
  readonly handlers: readonly HandlerStatus[];
  /** Why all of its calls fail; absent: they do not. */
  readonly refusal?: string;
  /** Absent: nobody is asked without effect. */
  readonly shadow?: ShadowStatus;
}

export interface ReloadFailure {
  /** A bundle, a container, or everything. */
  readonly of: string;
  readonly reason: string;
}

export interface ReloadStatus {
  readonly at: string;
  /** Number of containers that have what was read. */
  readonly changed: number;
  /** Number of those that keep what they had, since they must. */
  readonly kept: number;
  readonly failures: readonly ReloadFailure[];
}

/** As it is told. */
export interface AgentStatus extends OwnStatus {
  readonly containers: readonly ContainerStatus[];
}

/** Of the agent itself. */
export interface OwnStatus {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  readonly workers: number;
  /** Socket for runtimes; null: it does not listen yet. */
  readonly agentSocket: string | null;
  /** Null: nothing was reloaded yet. */
  readonly lastReload: ReloadStatus | null;
  /** Null: the resolver is not that of Kubernetes. */
  readonly kubernetes: KubernetesStatus | null;
}
