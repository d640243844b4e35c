// SPDX-License-Identifier: Apache-2.0
// The kept part of a pod: a few names of the many kilobytes from the API.
import { MalformedAnswer } from './malformed-answer.ts';

export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** By which its cgroup is named; another one than `uid` where it comes from a file of the node. */
  readonly cgroupUid: string;
  /** By which `kubectl describe` looks for its events: kubelets tell those of a file by this one. */
  readonly eventUid: string;
  /** CRI id → name. */
  readonly containers: ReadonlyMap<string, string>;
  readonly containerNames: readonly string[];
  /** Those of them that the pod begins with. */
  readonly initContainerNames: readonly string[];
}

/** Real pods have some, and what lies is to fit into memory. */
const maxContainers = 128;
/** Those of a namespace or container, and of a pod: they become parts of paths. */
const label = /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/u;
const podName = /^[a-z\d](?:[a-z\d.-]{0,251}[a-z\d])?$/u;
const uid = /^[\w-]{1,128}$/u;
const containerId = /^(?:[a-z\d+.-]+:\/\/)?(?<id>[\w.-]{1,128})$/u;
/** The uid of a pod that comes from a file of the node, in place of the one that the API gave it. */
const configHash = 'kubernetes.io/config.hash';
/** Of the object that stands for such a pod in the API. */
const configMirror = 'kubernetes.io/config.mirror';
const fileUid = /^[\da-f]{32}$/u;

type Fields = ReadonlyMap<string, unknown>;

function wrong(what: string): never {
  throw new MalformedAnswer(`the API server says of a pod: ${what}`);
}

function fieldsOf(value: unknown, where: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return wrong(`${where} is no object`);
  }
  return new Map<string, unknown>(Object.entries(value));
}

/** Absent: empty. */
function listOf(value: unknown, where: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return wrong(`${where} is no list`);
  return value.slice(0, maxContainers);
}

function matching(value: unknown, where: string, pattern: RegExp): string {
  return typeof value === 'string' && pattern.test(value) ? value : wrong(`${where} is none`);
}

const specLists = ['containers', 'initContainers', 'ephemeralContainers'] as const;
const statusLists = [
  'containerStatuses',
  'initContainerStatuses',
  'ephemeralContainerStatuses',
] as const;

function namesIn(
  spec: Fields,
  lists: readonly (typeof specLists)[number][] = specLists,
): readonly string[] {
  return lists.flatMap((list) =>
    listOf(spec.get(list), list).map((item) =>
      matching(fieldsOf(item, list).get('name'), `a name in ${list}`, label),
    ),
  );
}

function idsIn(status: Fields): ReadonlyMap<string, string> {
  const found = statusLists.flatMap((list) =>
    listOf(status.get(list), list).flatMap((item) => {
      const fields = fieldsOf(item, list);
      const name = matching(fields.get('name'), `a name in ${list}`, label);
      const text = fields.get('containerID') ?? '';
      // one that does not run yet has none
      if (text === '') return [];
      const whole = matching(text, `a containerID in ${list}`, containerId);
      const id = containerId.exec(whole)?.groups?.['id'] ?? whole;
      return [[id, name] as const];
    }),
  );
  return new Map(found.slice(0, maxContainers));
}

function fileUidOf(metadata: Fields, annotation: string, podUid: string): string {
  const annotations = metadata.get('annotations');
  if (annotations === undefined || annotations === null) return podUid;
  const hash = fieldsOf(annotations, 'metadata.annotations').get(annotation);
  return typeof hash === 'string' && fileUid.test(hash) ? hash : podUid;
}

/**
 * @returns undefined: it is of another node
 * @throws MalformedAnswer: it is no pod
 */
export function podOf(json: unknown, nodeName: string): Pod | undefined {
  const fields = fieldsOf(json, 'it');
  const metadata = fieldsOf(fields.get('metadata'), 'metadata');
  const spec = fieldsOf(fields.get('spec') ?? {}, 'spec');
  if (spec.get('nodeName') !== nodeName) return undefined;
  const podUid = matching(metadata.get('uid'), 'metadata.uid', uid);
  return {
    namespace: matching(metadata.get('namespace'), 'metadata.namespace', label),
    name: matching(metadata.get('name'), 'metadata.name', podName),
    uid: podUid,
    cgroupUid: fileUidOf(metadata, configHash, podUid),
    eventUid: fileUidOf(metadata, configMirror, podUid),
    containers: idsIn(fieldsOf(fields.get('status') ?? {}, 'status')),
    containerNames: namesIn(spec).slice(0, maxContainers),
    initContainerNames: namesIn(spec, ['initContainers']),
  };
}

/** Of a list, or of an object of a watch: where one goes on from. @throws MalformedAnswer */
export function resourceVersionOf(json: unknown): string {
  const metadata = fieldsOf(fieldsOf(json, 'it').get('metadata'), 'metadata');
  return matching(metadata.get('resourceVersion'), 'metadata.resourceVersion', uid);
}
