// SPDX-License-Identifier: Apache-2.0
// Objects of the fake Kubernetes API server, of any resource, and their events.

export interface ApiResource {
  /** Empty: the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural, as in paths. */
  readonly name: string;
  readonly kind: string;
  readonly isNamespaced: boolean;
}

interface ApiMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** As JSON has it, in the parts that tests look at. */
export interface ApiObject {
  readonly metadata: ApiMetadata;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

export interface ApiEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly resource: ApiResource;
  readonly object: ApiObject;
  readonly version: number;
}

function resource(
  [group, version]: readonly [string, string],
  [name, kind]: readonly [string, string],
  isNamespaced: boolean,
): ApiResource {
  return { group, version, name, kind, isNamespaced };
}

const core = ['', 'v1'] as const;
const rbac = ['rbac.authorization.k8s.io', 'v1'] as const;

/** Those that manifests of ours and `kubectl` may need. */
export const apiResources: readonly ApiResource[] = [
  resource(core, ['namespaces', 'Namespace'], false),
  resource(core, ['nodes', 'Node'], false),
  resource(core, ['pods', 'Pod'], true),
  resource(core, ['events', 'Event'], true),
  resource(core, ['configmaps', 'ConfigMap'], true),
  resource(core, ['secrets', 'Secret'], true),
  resource(core, ['services', 'Service'], true),
  resource(core, ['serviceaccounts', 'ServiceAccount'], true),
  resource(['apps', 'v1'], ['daemonsets', 'DaemonSet'], true),
  resource(['apps', 'v1'], ['deployments', 'Deployment'], true),
  resource(['policy', 'v1'], ['poddisruptionbudgets', 'PodDisruptionBudget'], true),
  resource(['scheduling.k8s.io', 'v1'], ['priorityclasses', 'PriorityClass'], false),
  resource(['networking.k8s.io', 'v1'], ['networkpolicies', 'NetworkPolicy'], true),
  resource(rbac, ['clusterroles', 'ClusterRole'], false),
  resource(rbac, ['clusterrolebindings', 'ClusterRoleBinding'], false),
  resource(rbac, ['roles', 'Role'], true),
  resource(rbac, ['rolebindings', 'RoleBinding'], true),
  resource(
    ['security-profiles-operator.x-k8s.io', 'v1beta1'],
    ['seccompprofiles', 'SeccompProfile'],
    true,
  ),
];

export function apiVersionOf({ group, version }: ApiResource): string {
  return group === '' ? version : `${group}/${version}`;
}

function keyOf(from: ApiResource, { name, namespace = '' }: ApiMetadata): string {
  return [from.group, from.name, namespace, name].join('/');
}

interface Kept {
  readonly resource: ApiResource;
  readonly object: ApiObject;
}

export class ApiObjects {
  readonly #kept: Map<string, Kept> = new Map();
  readonly #watchers: Set<(event: ApiEvent) => void> = new Set();
  #history: ApiEvent[] = [];
  #version = 1000;
  #oldest = 1000;

  /** Of all that has happened. */
  get version(): number {
    return this.#version;
  }

  list(of: ApiResource): readonly ApiObject[] {
    return [...this.#kept.values()]
      .filter(({ resource: from }) => from.group === of.group && from.name === of.name)
      .map(({ object }) => object);
  }

  get(of: ApiResource, metadata: ApiMetadata): ApiObject | undefined {
    return this.#kept.get(keyOf(of, metadata))?.object;
  }

  /** The object that would be kept, for dry runs. */
  finished(of: ApiResource, object: ApiObject, version: number = this.#version): ApiObject {
    const { metadata } = object;
    return {
      ...object,
      apiVersion: apiVersionOf(of),
      kind: of.kind,
      metadata: {
        uid: this.get(of, metadata)?.metadata.uid ?? crypto.randomUUID(),
        creationTimestamp: new Date().toISOString().replace(/\.\d+/u, ''),
        ...metadata,
        resourceVersion: String(version),
      },
    };
  }

  set(of: ApiResource, object: ApiObject): ApiObject {
    const key = keyOf(of, object.metadata);
    const type = this.#kept.has(key) ? 'MODIFIED' : 'ADDED';
    this.#version += 1;
    const finished = this.finished(of, object);
    this.#kept.set(key, { resource: of, object: finished });
    this.#happen({ type, resource: of, object: finished, version: this.#version });
    return finished;
  }

  delete(of: ApiResource, metadata: ApiMetadata): ApiObject | undefined {
    const before = this.get(of, metadata);
    if (before === undefined) return undefined;
    this.#kept.delete(keyOf(of, metadata));
    this.#version += 1;
    const object = this.finished(of, before);
    this.#happen({ type: 'DELETED', resource: of, object, version: this.#version });
    return object;
  }

  /** Something happens that nobody here can see, as it does in a cluster all the time. */
  advance(): void {
    this.#version += 1;
  }

  /** Forgets what has happened: whoever goes on from before is `410 Gone`. */
  compact(): void {
    this.#history = [];
    this.#oldest = this.#version;
  }

  /** Events since then; undefined: no longer known. */
  since(version: number): readonly ApiEvent[] | undefined {
    return version < this.#oldest
      ? undefined
      : this.#history.filter((event) => event.version > version);
  }

  /** @returns ends it */
  watch(watcher: (event: ApiEvent) => void): () => void {
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
    };
  }

  #happen(event: ApiEvent): void {
    this.#history.push(event);
    for (const watcher of this.#watchers) watcher(event);
  }
}
