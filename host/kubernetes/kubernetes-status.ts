// SPDX-License-Identifier: Apache-2.0
// The Kubernetes part of `status`.

export interface KubernetesStatus {
  /** Its address: a URL, or files; absent: no API is used. */
  readonly api?: string;
  readonly node?: string;
  /** Whether the pods of this node were read. */
  readonly isSynced: boolean;
  /** Number of known pods. */
  readonly pods: number;
  /** Why it does not work now. */
  readonly failure?: string;
}
