// SPDX-License-Identifier: Apache-2.0
// Tests limits of grants with real callers: what an operator does not allow, the agent does not do.
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { shippedBundles } from '../../host/package-root.ts';
import { Operator } from '../support/operator.ts';

interface Limited {
  /** A test bundle, or a shipped one. */
  readonly bundle: string;
  readonly isShipped?: boolean;
  readonly grants: object;
  readonly syscalls: string;
  /** Lines for a shell in the folder `in`. */
  readonly script: string;
}

/** Output of the script, on either way. */
async function outputOf({ bundle, isShipped, grants, syscalls, script }: Limited): Promise<string> {
  using operator = new Operator();
  operator.add(bundle, ...(isShipped === true ? [join(shippedBundles(), bundle)] : []));
  operator.write({ bundles: { [bundle]: { grants } }, failure: 'errno:EDOM' });
  const { stdout, stderr } = await operator.run(
    `cd ${operator.at('in')}\n${script}`,
    `-bundle=${bundle}`,
    `-syscalls=${syscalls}`,
    '-log=fatal',
  );
  return stdout + stderr;
}

async function mounting(filesystems: readonly string[]): Promise<string> {
  return outputOf({
    bundle: 'mount',
    isShipped: true,
    grants: { caller: {}, mounts: { filesystems } },
    syscalls: 'mount',
    script: 'busybox mount -t proc none .',
  });
}

async function answering(errnos: readonly string[]): Promise<string> {
  return outputOf({
    bundle: 'errno',
    isShipped: true,
    grants: { errnos: { names: errnos } },
    syscalls: 'chmod',
    script: 'busybox chmod 700 .',
  });
}

test('grants: file systems that are not listed are not mounted', async () => {
  expect(await mounting(['proc'])).not.toMatch(/denied|not permitted/u);
  expect(await mounting(['sysfs', 'tmpfs'])).toMatch(/denied|not permitted/u);
});

test('grants: nodes that are not listed are not made', async () => {
  const output = await outputOf({
    bundle: 'mknod-safe',
    isShipped: true,
    grants: { devices: { nodes: ['c 1:3'] }, filesystem: {} },
    syscalls: 'mknod,mknodat',
    script: 'busybox mknod null c 1 3; busybox mknod zero c 1 5; echo *',
  });
  expect(output).toContain('null\n');
  expect(output).toMatch(/mknod: zero: Operation not permitted\n/u);
});

test('grants: an errno that is not listed is a failure of the handler', async () => {
  expect(await answering(['EPERM', 'EIO'])).toContain('Operation not permitted');
  expect(await answering(['EIO'])).toContain('Numerical argument out of domain');
});

test('grants: a family that is not listed is not performed', async () => {
  const output = await outputOf({
    bundle: 'perform',
    grants: { perform: { syscalls: ['mkdir'] } },
    syscalls: 'mkdir,chmod',
    script: 'busybox mkdir a; busybox chmod 700 a; echo *',
  });
  expect(output).toContain('a\n');
  expect(output).toMatch(/chmod: a: Numerical argument out of domain\n/u);
});
