// SPDX-License-Identifier: Apache-2.0
// The Kubernetes workload of a container, by the annotations of its state.

/** A field is absent where nobody has said it. */
export interface Workload {
  readonly namespace?: string;
  readonly pod?: string;
  /** Absent also for a pod's sandbox, which is a container without a name. */
  readonly container?: string;
  /** The CRI id of the pod's sandbox. */
  readonly sandbox?: string;
  readonly podUid?: string;
}

type Annotations = ReadonlyMap<string, string>;

/** Annotations by which a runtime describes a container, and the one that identifies the runtime. */
interface RuntimeWords {
  /** It sets this one for each container, whatever a pod's author has written there. */
  readonly mark: string;
  /** It sets this one to the container's id, which nobody else knows before: so it is proved. */
  readonly proof?: string;
  /** Value of the mark of a sandbox. */
  readonly sandboxWord: string;
  readonly keys: Readonly<Record<keyof Workload, string>>;
}

const podLabels = {
  namespace: 'io.kubernetes.pod.namespace',
  pod: 'io.kubernetes.pod.name',
  container: 'io.kubernetes.container.name',
  podUid: 'io.kubernetes.pod.uid',
} as const;

const containerd: RuntimeWords = {
  mark: 'io.kubernetes.cri.container-type',
  sandboxWord: 'sandbox',
  keys: {
    namespace: 'io.kubernetes.cri.sandbox-namespace',
    pod: 'io.kubernetes.cri.sandbox-name',
    container: 'io.kubernetes.cri.container-name',
    sandbox: 'io.kubernetes.cri.sandbox-id',
    podUid: 'io.kubernetes.cri.sandbox-uid',
  },
};

/** The second one is that of podman, too, where it plays Kubernetes' files. */
const runtimes: readonly RuntimeWords[] = [
  containerd,
  {
    mark: 'io.kubernetes.cri-o.ContainerType',
    proof: 'io.kubernetes.cri-o.ContainerID',
    sandboxWord: 'sandbox',
    keys: { ...podLabels, sandbox: 'io.kubernetes.cri-o.SandboxID' },
  },
  // dockershim, and what keeps its labels (cri-dockerd)
  {
    mark: 'io.kubernetes.docker.type',
    sandboxWord: 'podsandbox',
    keys: { ...podLabels, sandbox: 'io.kubernetes.sandbox.id' },
  },
];

/** By which containerd, as an example of a runtime, names a container's pod. */
export const workloadKeys: Readonly<Record<keyof Workload, string>> = containerd.keys;

/** All keys that are looked at. */
export const workloadWords: ReadonlySet<string> = new Set(
  runtimes.flatMap(({ mark, proof, keys }) => [
    mark,
    ...(proof === undefined ? [] : [proof]),
    ...Object.values(keys),
  ]),
);

const fields: readonly (keyof Workload)[] = ['namespace', 'pod', 'container', 'sandbox', 'podUid'];

/** An empty annotation says nothing. */
function textAt(annotations: Annotations, key: string): string | undefined {
  const text = annotations.get(key);
  return text === '' ? undefined : text;
}

/** As the runtime has sent it. */
export interface SentState {
  readonly containerId: string;
  readonly annotations: Annotations;
}

/** One that is proved is the one, whatever marks a pod's author has written. */
function markedRuntimes({ annotations, containerId }: SentState): readonly RuntimeWords[] {
  const marked = runtimes.filter(({ mark }) => textAt(annotations, mark) !== undefined);
  const proved = marked.filter(
    ({ proof }) => proof !== undefined && textAt(annotations, proof) === containerId,
  );
  return proved.length > 0 ? proved : marked;
}

/** The one that all of them say. */
function agreed(texts: readonly (string | undefined)[]): string | undefined {
  const [first] = texts;
  return texts.every((text) => text === first) ? first : undefined;
}

export function isSandbox(state: SentState): boolean {
  const marked = markedRuntimes(state);
  return (
    marked.length > 0 &&
    marked.every(({ mark, sandboxWord }) => state.annotations.get(mark) === sandboxWord)
  );
}

/**
 * Some runtimes pass a pod's own annotations on, and overwrite no keys but theirs. So only the keys of
 * the marked runtime are read; of several marked ones those of the proved one, else values on which all
 * agree. Without any mark, values that nothing contradicts.
 */
export function workloadOf(state: SentState): Workload {
  const { annotations } = state;
  const marked = markedRuntimes(state);
  const valueOf = (field: keyof Workload): string | undefined => {
    if (marked.length > 0)
      return agreed(marked.map(({ keys }) => textAt(annotations, keys[field])));
    const said = runtimes.map(({ keys }) => textAt(annotations, keys[field]));
    return agreed(said.filter((text) => text !== undefined));
  };
  return Object.fromEntries(
    fields.flatMap((field) => {
      const value = valueOf(field);
      return value === undefined ? [] : [[field, value] as const];
    }),
  );
}

export function isSameWorkload(one: Workload, other: Workload): boolean {
  return fields.every((field) => one[field] === other[field]);
}

/** Of a container whose state somebody has sent. */
export interface Described {
  readonly state: SentState;
  /** Absent: nobody but us. */
  readonly peerUid?: number;
  /** As it is known otherwise. */
  readonly workload?: Workload;
}

/** Other users than root may write whatever they like. */
export function isBelieved({ peerUid = 0 }: Pick<Described, 'peerUid'>): boolean {
  return peerUid === 0;
}

/** The workload that others see: in logs and counters. */
export function believedWorkload(container: Described): Workload {
  return isBelieved(container) ? claimedWorkload(container) : {};
}

/** The workload in the templates of the container's own settings. */
export function claimedWorkload(container: Described): Workload {
  const known = isBelieved(container) ? container.workload : undefined;
  return known ?? workloadOf(container.state);
}
