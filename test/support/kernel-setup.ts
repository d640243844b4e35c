// SPDX-License-Identifier: Apache-2.0
// Before the tests with kernels and containers: what the machine must have.
import { criApiFile } from './cri/client.ts';
import { requireTools } from './guest-setup.ts';
import { buildTestBundles } from './test-bundles.ts';

export default async function setup(): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new Error('these tests load seccomp listeners: run them as root, or npm run test:unit');
  }
  await requireTools([
    { command: 'runc', package: 'runc' },
    { command: 'crun', package: 'crun' },
    { command: 'busybox', package: 'busybox-static' },
    { command: 'podman', package: 'podman' },
    { command: 'conmon', package: 'conmon' },
    { command: 'setpriv', package: 'util-linux' },
    { command: 'rsync', package: 'rsync' },
    { command: 'setfattr', package: 'attr' },
    { command: 'setfacl', package: 'acl' },
    { command: '/usr/sbin/setcap', package: 'libcap2-bin' },
    { command: 'jq', package: 'jq' },
    { command: 'mmdebstrap', package: 'mmdebstrap' },
    { command: 'mkfs.erofs', package: 'erofs-utils' },
    { command: 'docker-registry', package: 'docker-registry' },
    { command: 'oras', package: 'oras' },
    { command: 'cosign', package: 'cosign' },
    { command: 'openssl', package: 'openssl' },
    { command: 'buildah', package: 'buildah' },
    { command: 'systemd-analyze', package: 'systemd' },
    { command: 'kubectl', package: 'kubernetes-client' },
    // both programs, but no daemon: tests start their own
    { command: 'prometheus', package: 'prometheus' },
    { command: 'promtool', package: 'prometheus' },
    { command: 'logrotate', package: 'logrotate' },
    { command: 'containerd', package: 'containerd' },
    { command: '/usr/lib/cni/ptp', package: 'containernetworking-plugins' },
    { command: 'ip', package: 'iproute2' },
    { command: criApiFile, package: 'golang-github-kubernetes-cri-api-dev' },
  ]);
  await buildTestBundles();
}
