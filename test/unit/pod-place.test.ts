// SPDX-License-Identifier: Apache-2.0
// Tests how a process is found to be in a pod, by the names that kubelets and runtimes give.
import { describe, expect, test } from 'vitest';

import { containerNameIn, mountedNamesIn, placeOf } from '../../host/kubernetes/pod-place.ts';
import type { MountedName } from '../../host/kubernetes/pod-place.ts';

const uid = '0f6c1f4e-8d1b-4f0a-9d3c-2b7a5e6f8a90';
const sliced = uid.replaceAll('-', '_');
const id = 'ab12'.repeat(16);
const found = { podUid: uid, containerId: id };

/** As the addon says it. */
function mounted(...roots: readonly string[]): readonly MountedName[] {
  return mountedNamesIn(Buffer.from(roots.map((root) => `${root}\0`).join('')));
}

describe('pod place', () => {
  test.for([
    ['cgroupfs, guaranteed', `0::/kubepods/pod${uid}/${id}`],
    ['cgroupfs, burstable', `0::/kubepods/burstable/pod${uid}/${id}`],
    ['cgroupfs of version 1', `12:memory:/kubepods/besteffort/pod${uid}/${id}\n1:name=systemd:/`],
    [
      'systemd and containerd',
      `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${sliced}.slice/cri-containerd-${id}.scope`,
    ],
    ['systemd, guaranteed', `0::/kubepods.slice/kubepods-pod${sliced}.slice/crio-${id}.scope`],
    [
      'a scope with a folder in it',
      `0::/kubepods.slice/kubepods-pod${sliced}.slice/crio-${id}.scope/container`,
    ],
    ['docker', `0::/kubepods.slice/kubepods-pod${sliced}.slice/docker-${id}.scope`],
    [
      'a kubelet in a container',
      `0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${sliced}.slice/cri-containerd-${id}.scope`,
    ],
    ['a kubelet with another root', `0::/nodes/kubepods/burstable/pod${uid}/${id}`],
    ['our own cgroup namespace', `0::/../../../kubepods/burstable/pod${uid}/${id}`],
    [
      'a runtime that makes no slices',
      `0::/kubepods.slice/kubepods-burstable-pod${sliced}.slice:cri-containerd:${id}`,
    ],
    ['both versions', `0::/system.slice/containerd.service\n4:pids:/kubepods/pod${uid}/${id}`],
    ['a container within it', `0::/kubepods/pod${uid}/${id}/docker/${'cd34'.repeat(16)}`],
    [
      'a pod within it',
      `0::/kubepods/pod${uid}/${id}/kubepods/pod${crypto.randomUUID()}/${'cd34'.repeat(16)}`,
    ],
  ] as const)('is found by %s', ([, text]) => {
    expect(placeOf(`${text}\n`)).toStrictEqual(found);
  });

  test('is that of a pod which comes from a file of the node', () => {
    const hash = '0123456789abcdef0123456789abcdef';
    expect(placeOf(`0::/kubepods/burstable/pod${hash}/${id}`)?.podUid).toBe(hash);
  });

  test('has no container in the cgroup of the pod itself', () => {
    expect(placeOf(`0::/kubepods/pod${uid}`)).toStrictEqual({ podUid: uid });
  });

  test.for([
    ['', 'a process that is gone'],
    ['0::/', 'the root'],
    ['0::/user.slice/user-1000.slice/session-1.scope', 'a user'],
    ['0::/machine.slice/libpod-ab12.scope', 'podman'],
    [`0::/kubepods/pod${uid.slice(0, -1)}/${id}`, 'a uid that is none'],
    [`0::/kubepods/xpod${uid}/${id}`, 'another name'],
    [`0::/pod${uid}/${id}`, 'no kubelet'],
    [`0::/../../pod${uid}/${id}`, 'nobody knows what'],
    [`0::/kubepods-pod${sliced}.slice/crio-${id}.scope`, 'no slice of a kubelet'],
    [`0::/user.slice/user-1000.slice/user@1000.service/pod${uid}/${id}`, 'a folder of a user'],
    [
      `0::/user.slice/user-1000.slice/user@1000.service/kubepods/pod${uid}/${id}`,
      'folders of a user',
    ],
    [`0::/machine.slice/libpod-ab12.scope/kubepods/pod${uid}/${id}`, 'folders of a container'],
    [`0::/kubepods.d/pod${uid}/${id}`, 'almost a kubelet'],
    [`4:pids:/kubepods/pod${uid}/${id}\n5:cpu:/kubepods/pod${crypto.randomUUID()}/${id}`, 'two'],
  ] as const)('G7: is none of %j: %s', ([text]) => {
    expect(placeOf(text)).toBeUndefined();
  });

  test('a container is named as the file of its last words', () => {
    const own = `/var/lib/kubelet/pods/${uid}/containers/app/5d0f1c2a`;
    const other = `/var/lib/kubelet/pods/${crypto.randomUUID()}/containers/db/5d0f1c2a`;
    expect(containerNameIn(mounted('/var/lib/a', other, own), uid)).toBe('app');
    expect(containerNameIn(mounted(other), uid)).toBeUndefined();
    expect(containerNameIn(mounted(), uid)).toBeUndefined();
    const second = `/var/lib/kubelet/pods/${uid}/containers/db/5d0f1c2a`;
    expect(containerNameIn(mounted(own, second), uid)).toBeUndefined();
    // nobody keeps what a container has made up
    const many = Array.from({ length: 1000 }, (_, index) => `/pods/${uid}/containers/app/${index}`);
    expect(mounted(own, ...many)).toEqual([]);
  });
});
