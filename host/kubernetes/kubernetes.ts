// SPDX-License-Identifier: Apache-2.0
// Knowledge of this node's pods, and events for them.
import { AgentError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { ContainerNote } from '../registry/container-note.ts';
import { believedWorkload, isBelieved, isSandbox, workloadOf } from '../agent-socket/workload.ts';
import type { Workload } from '../agent-socket/workload.ts';
import { apiAccess } from './api-access.ts';
import type { AccessChoice } from './api-access.ts';
import { ApiClient } from './api-client.ts';
import type { KubernetesStatus } from './kubernetes-status.ts';
import type { Pod } from './pod.ts';
import { KnownPods } from './known-pods.ts';
import { PodEvents } from './pod-events.ts';
import type { EventLimits } from './pod-events.ts';
import { containerNameIn, placeOfProcess } from './pod-place.ts';
import type { MountedName, PodPlace } from './pod-place.ts';
import { PodWatch } from './pod-watch.ts';
import type { WatchTimings } from './pod-watch.ts';

/** Workload of a container without the API. */
export interface PodContainer {
  readonly state: {
    readonly containerId: string;
    readonly annotations: ReadonlyMap<string, string>;
  };
  readonly firstPid: number | undefined;
  /** Absent: nobody has looked. */
  readonly mounted?: readonly MountedName[];
  /** User of the runtime that told us; absent: it is our own. */
  readonly peerUid?: number;
}

export interface KubernetesParts extends AccessChoice {
  /** As the option -node-name says it; absent: NODE_NAME. */
  readonly nodeName?: string | undefined;
  readonly log: Log;
  readonly timings?: Partial<WatchTimings>;
  readonly eventLimits?: Partial<EventLimits>;
  /** Longest wait of a container for its pod. */
  readonly podWaitMs?: number;
}

const defaultPodWaitMs = 1000;
/** Of containers whose pods are to be told, and are not known. */
const maxWaiting = 64;
/** A process may be gone later, and its number another's. */
interface Looked {
  readonly place: PodPlace | undefined;
}

interface Connected {
  readonly nodeName: string;
  readonly client: ApiClient;
  readonly watch: PodWatch;
  readonly events: PodEvents;
}

export class Kubernetes implements Disposable {
  readonly #known = new KnownPods();
  readonly #connected: Connected | undefined;
  readonly #podWaitMs: number;
  readonly #looked: WeakMap<PodContainer['state'], Looked> = new WeakMap();

  private constructor(parts: KubernetesParts, client: ApiClient | undefined, nodeName: string) {
    this.#podWaitMs = parts.podWaitMs ?? defaultPodWaitMs;
    if (client === undefined) return;
    const { log, timings = {}, eventLimits = {} } = parts;
    const watch = new PodWatch({ client, nodeName, known: this.#known, log, timings });
    const events = new PodEvents({ client, nodeName, log, limits: eventLimits });
    this.#connected = { nodeName, client, watch, events };
    void watch.run();
  }

  /**
   * Begins to watch, and waits for nothing.
   * @throws AgentError AGENT_KUBERNETES: what the operator names cannot be used
   */
  static async start(parts: KubernetesParts): Promise<Kubernetes> {
    const { log, environment } = parts;
    const access = await apiAccess(parts);
    const nodeName = parts.nodeName ?? environment['NODE_NAME'] ?? '';
    if (access === undefined) {
      log.event('kubernetes-unconfigured');
      return new Kubernetes(parts, undefined, nodeName);
    }
    if (nodeName === '') {
      log.event('node-name-missing', { api: access.name });
      return new Kubernetes(parts, undefined, nodeName);
    }
    if (!isNodeName(nodeName)) {
      throw new AgentError('AGENT_KUBERNETES', `"${nodeName}" is not a valid node name`);
    }
    return new Kubernetes(parts, new ApiClient(access), nodeName);
  }

  /** For who asks whether the agent is ready. */
  readonly readiness = {
    /** Undefined: it is, as far as Kubernetes goes. An API that fails later takes nothing away. */
    reason: (): string | undefined => {
      if (this.#connected === undefined || this.isSynced) return undefined;
      const { failure } = this.#connected.watch;
      return `the pods of this node are not known yet${failure === undefined ? '' : `: ${failure}`}`;
    },
  };

  /** Whether the pods of this node were read. */
  get isSynced(): boolean {
    return this.#connected?.watch.isSynced ?? false;
  }

  status(): KubernetesStatus {
    if (this.#connected === undefined) return { isSynced: false, pods: 0 };
    const { nodeName, client, watch } = this.#connected;
    return {
      api: client.name,
      node: nodeName,
      isSynced: watch.isSynced,
      pods: this.#known.size,
      ...(watch.failure === undefined ? {} : { failure: watch.failure }),
    };
  }

  /**
   * Waits for the pod of a container whose runtime does not name it, and where there is hope.
   * @returns undefined: there is nothing to wait for
   */
  prepare(container: PodContainer): Promise<void> | undefined {
    if (!this.#isIncomplete(container)) return undefined;
    const { place } = this.#look(container);
    const isEnough = (): boolean => !this.#isHopeful() || this.#podOf(container) !== undefined;
    // what is in no pod's cgroup is in no pod
    if (place === undefined || isEnough()) return undefined;
    return this.#known.untilThere(isEnough, this.#podWaitMs);
  }

  /** Names of the runtime, and those of the API where the runtime has none. */
  workloadOf(container: PodContainer): Workload {
    const said = believedWorkload(container);
    if (!this.#isIncomplete(container)) return said;
    const pod = this.#podOf(container);
    if (pod === undefined) return said;
    const name = said.container ?? this.#nameIn(pod, container);
    return {
      ...said,
      namespace: pod.namespace,
      pod: pod.name,
      podUid: said.podUid ?? pod.uid,
      ...(name === undefined ? {} : { container: name }),
    };
  }

  /** Whether its pod is known to begin with it. */
  isInit(container: PodContainer): boolean {
    const { namespace, pod, container: name, podUid } = this.workloadOf(container);
    if (name === undefined || podUid === undefined || !isBelieved(container)) return false;
    const found = this.#known.byUid(podUid);
    if (found?.namespace !== namespace || found?.name !== pod) return false;
    return found?.initContainerNames.includes(name) ?? false;
  }

  /** Whether the API may still say what nobody has said of a container. */
  lacks(container: PodContainer): boolean {
    if (!this.#isIncomplete(container)) return false;
    const { namespace, pod, container: name } = this.workloadOf(container);
    return namespace === undefined || pod === undefined || name === undefined;
  }

  /** Calls it each time that more may be known of some container. */
  onLearned(hear: () => void): void {
    this.#known.onTold(hear);
  }

  /** Its pod is to know. */
  note(container: PodContainer, note: ContainerNote): void {
    // nobody may have events made on others' pods
    if (this.#connected === undefined || !isBelieved(container)) return;
    const tell = (): boolean => this.#report(container, note);
    // one whose pod is not known is resolved again when it is, and it may not be refused then
    if (tell() || this.lacks(container)) return;
    // the API may know it a moment later than its runtime does
    if (!this.#isHopeful() || this.#known.waiting >= maxWaiting) return;
    void this.#known.untilThere(tell, this.#podWaitMs);
  }

  /**
   * The same for one that root knows, and that is not served.
   * @returns false: it cannot be told yet
   */
  noteWorkload({ namespace, pod, podUid, container }: Workload, note: ContainerNote): boolean {
    if (this.#connected === undefined || podUid === undefined) return true;
    const found = this.#known.byUid(podUid);
    if (found === undefined || found.namespace !== namespace || found.name !== pod) return false;
    const named = { namespace: found.namespace, pod: found.name, podUid: found.eventUid };
    return this.#connected.events.report({ ...named, container, ...note });
  }

  [Symbol.dispose](): void {
    this.#connected?.watch.end();
    this.#connected?.events.end();
  }

  /** Only what the API calls the same is told: nobody may have events made on others' pods. */
  #toldPod(container: PodContainer): Pod | undefined {
    const { namespace, pod, podUid } = this.workloadOf(container);
    if (podUid === undefined) return undefined;
    const found = this.#known.byUid(podUid);
    if (found?.namespace !== namespace || found?.name !== pod) return undefined;
    const { place } = this.#look(container);
    return place === undefined || this.#known.byUid(place.podUid) === found ? found : undefined;
  }

  /** @returns whether its pod is known */
  #report(container: PodContainer, { reason, message }: ContainerNote): boolean {
    const pod = this.#toldPod(container);
    if (pod === undefined) return false;
    const { container: name } = this.workloadOf(container);
    this.#connected?.events.report({
      namespace: pod.namespace,
      pod: pod.name,
      podUid: pod.eventUid,
      container: name,
      reason,
      message,
    });
    return true;
  }

  #isHopeful(): boolean {
    return this.#connected !== undefined && this.#connected.watch.failure === undefined;
  }

  /** Only for those whose word on processes counts: users may name any. */
  #isIncomplete(container: PodContainer): boolean {
    if (this.#connected === undefined || !isBelieved(container)) return false;
    const { namespace, pod, container: name } = workloadOf(container.state);
    if (namespace === undefined || pod === undefined) return true;
    return name === undefined && !isSandbox(container.state);
  }

  #look({ state, firstPid }: PodContainer): Looked {
    const before = this.#looked.get(state);
    if (before !== undefined) return before;
    const looked = { place: firstPid === undefined ? undefined : placeOfProcess(firstPid) };
    this.#looked.set(state, looked);
    return looked;
  }

  /** The kernel's word comes first; what the runtime says has to agree. */
  #podOf(container: PodContainer): Pod | undefined {
    const { place } = this.#look(container);
    const said = workloadOf(container.state);
    const uid = place?.podUid ?? said.podUid;
    const pod =
      (uid === undefined ? undefined : this.#known.byUid(uid)) ??
      (place === undefined ? this.#known.byContainer(container.state.containerId) : undefined);
    if (pod === undefined) return undefined;
    const agrees =
      (said.namespace ?? pod.namespace) === pod.namespace && (said.pod ?? pod.name) === pod.name;
    return agrees ? pod : undefined;
  }

  /** While a container is created, the API does not know its id yet. */
  #nameIn(pod: Pod, container: PodContainer): string | undefined {
    const { place } = this.#look(container);
    const byId =
      pod.containers.get(container.state.containerId) ??
      pod.containers.get(place?.containerId ?? '');
    if (byId !== undefined) return byId;
    const { mounted = [] } = container;
    const mountedName = place === undefined ? undefined : containerNameIn(mounted, place.podUid);
    return mountedName !== undefined && pod.containerNames.includes(mountedName)
      ? mountedName
      : undefined;
  }
}

function isNodeName(text: string): boolean {
  return /^[a-z\d](?:[a-z\d.-]{0,251}[a-z\d])?$/u.test(text);
}
