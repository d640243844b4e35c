// SPDX-License-Identifier: Apache-2.0
// Runs one command in a container of runc, with the system calls trapped that a test names.
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { runCommand } from './command.ts';
import type { CommandResult } from './command.ts';

export interface RuncCommand {
  /** For what runc keeps; it must exist. */
  readonly folder: string;
  readonly rootfs: string;
  readonly listenerPath: string;
  readonly metadata: string;
  readonly trapped: readonly string[];
  readonly args: readonly string[];
  /** Absent: one that no other container has. */
  readonly id?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** As `linux.cgroupsPath` of config.json. */
  readonly cgroupsPath?: string;
  /** Mounts besides proc, as config.json has them. */
  readonly mounts?: readonly object[];
}

export interface RuncResult extends CommandResult {
  readonly tookMs: number;
}

const deadlineSeconds = 20;

function configOf(options: RuncCommand): object {
  const { rootfs, listenerPath, metadata, trapped, args, annotations, cgroupsPath } = options;
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args,
      env: ['PATH=/bin'],
      cwd: '/',
      noNewPrivileges: true,
    },
    root: { path: rootfs, readonly: false },
    mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }, ...(options.mounts ?? [])],
    ...(annotations === undefined ? {} : { annotations }),
    linux: {
      ...(cgroupsPath === undefined ? {} : { cgroupsPath }),
      namespaces: ['pid', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
      seccomp: {
        defaultAction: 'SCMP_ACT_ALLOW',
        architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
        listenerPath,
        listenerMetadata: metadata,
        syscalls: [{ names: trapped, action: 'SCMP_ACT_NOTIFY' }],
      },
    },
  };
}

/** Runs it to its end, or kills it after a deadline, and removes the container. */
export async function runInRunc(options: RuncCommand): Promise<RuncResult> {
  const id = options.id ?? `seccompagent-test-${randomUUID()}`;
  const ociBundle = join(options.folder, id);
  mkdirSync(ociBundle);
  writeFileSync(join(ociBundle, 'config.json'), JSON.stringify(configOf(options)));
  const root = ['--root', join(options.folder, 'state-of-runc')] as const;
  const deadline = ['timeout', '--signal', 'KILL', String(deadlineSeconds)] as const;
  const began = performance.now();
  const result = await runCommand([...deadline, 'runc', ...root, 'run', '--bundle', ociBundle, id]);
  const tookMs = performance.now() - began;
  await runCommand([...deadline, 'runc', ...root, 'delete', '--force', id]);
  return { ...result, tookMs };
}
