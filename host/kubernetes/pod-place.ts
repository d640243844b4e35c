// SPDX-License-Identifier: Apache-2.0
// The pod that a process is in, as the kernel has it: kubelets name cgroups after pods' uids, and mount
// a file of each container.
import { closeSync, openSync, readSync } from 'node:fs';

/** Of a process in a container of a pod. */
export interface PodPlace {
  /** As kubelets write it; of a pod that comes from a file it is none of the API's. */
  readonly podUid: string;
  /** Absent: the process is not in a cgroup of a container. */
  readonly containerId?: string;
}

/**
 * A folder of the cgroup file system (`pod<uid>`) or of systemd (`kubepods-burstable-pod<uid>.slice`,
 * with underscores), alone or, where runtime and kubelet do not agree on who makes cgroups, with more
 * behind a colon.
 */
const podFolder =
  /^(?:[\w-]*-)?pod(?<uid>[\da-f]{8}(?:[-_][\da-f]{4}){3}[-_][\da-f]{12}|[\da-f]{32})(?:\.slice(?::(?<rest>.+))?)?$/u;
/** `ID`, `cri-containerd-ID.scope`, `crio-ID.scope`, `docker-ID.scope`, `cri-containerd:ID`. */
const containerFolder =
  /^(?:(?:cri-containerd|crio|docker|libpod)[-:])?(?<id>[\w.-]+?)(?:\.scope)?$/u;

/** `kubepods`, `kubepods.slice`, `kubelet-kubepods.slice`: all that a kubelet makes is in there. */
const podsFolder = /^(?:[\w.-]+-)?kubepods(?:\.slice)?$/u;

/**
 * The place in the kubelet's folder, which is at the root or in one folder there (-cgroup-root). Deeper
 * ones could be made by users and containers to whom a part of the tree was given.
 */
function inPodsFolder(path: string): readonly string[] {
  // above the root of our own cgroup namespace
  const folders = path.split('/').filter((folder) => folder !== '' && folder !== '..');
  const index = folders.slice(0, 2).findIndex((folder) => podsFolder.test(folder));
  return index < 0 ? [] : folders.slice(index + 1);
}

function placeIn(path: string): PodPlace | undefined {
  const folders = inPodsFolder(path);
  // pods of pods: the outermost one is this node's
  const index = folders.findIndex((folder) => podFolder.test(folder));
  const found = podFolder.exec(folders[index] ?? '')?.groups;
  const uid = found?.['uid'];
  if (uid === undefined) return undefined;
  const id = containerFolder.exec(found?.['rest'] ?? folders[index + 1] ?? '')?.groups?.['id'];
  const podUid = uid.replaceAll('_', '-');
  return id === undefined ? { podUid } : { podUid, containerId: id };
}

/**
 * From the text of /proc/PID/cgroup, with the hierarchies of either version or both.
 * @returns undefined: it is in no pod, or in a different one by each hierarchy
 */
export function placeOf(cgroups: string): PodPlace | undefined {
  const places = cgroups.split('\n').flatMap((line) => {
    // HIERARCHY:CONTROLLERS:PATH
    const place = placeIn(/^\d+:[^:]*:(?<path>\/.*)$/u.exec(line)?.groups?.['path'] ?? '');
    return place === undefined ? [] : [place];
  });
  const [first] = places;
  if (first === undefined || places.some(({ podUid }) => podUid !== first.podUid)) return undefined;
  return places.find(({ containerId }) => containerId !== undefined) ?? first;
}

/** Of a container, in a pod. */
export interface MountedName {
  readonly podUid: string;
  readonly name: string;
}

/** A kubelet mounts few, and a container any number. */
const maxMounted = 16;

/**
 * From parts of file systems that are mounted in a container, with a NUL behind each: kubelets mount the
 * file that it may write its last words to, `…/pods/UID/containers/NAME/…`.
 */
export function mountedNamesIn(bound: Uint8Array): readonly MountedName[] {
  const roots = Buffer.from(bound).toString('utf8').split('\0');
  const names = roots.flatMap((root) => {
    const [, podUid, name] = /\/pods\/([^/]+)\/containers\/([^/]+)\/[^/]+$/u.exec(root) ?? [];
    return podUid === undefined || name === undefined ? [] : [{ podUid, name }];
  });
  return names.length > maxMounted ? [] : names;
}

/** The container's name in its pod. */
export function containerNameIn(
  mounted: readonly MountedName[],
  podUid: string,
): string | undefined {
  const names = new Set(mounted.filter((each) => each.podUid === podUid).map(({ name }) => name));
  const [name] = names;
  return names.size === 1 ? name : undefined;
}

/** Paths of cgroups may be long. */
const maxBytes = 256 * 1024;

/** The beginning of a file of /proc; empty where the process is gone. */
function readBeginning(path: string): string {
  const buffer = Buffer.alloc(maxBytes);
  let length = 0;
  try {
    const fd = openSync(path, 'r');
    try {
      for (;;) {
        const count = readSync(fd, buffer, length, maxBytes - length, null);
        if (count === 0) break;
        length += count;
      }
    } finally {
      closeSync(fd);
    }
  } catch {
    return '';
  }
  return buffer.toString('utf8', 0, length);
}

/** @param pid in our pid namespace */
export function placeOfProcess(pid: number): PodPlace | undefined {
  return placeOf(readBeginning(`/proc/${pid}/cgroup`));
}
