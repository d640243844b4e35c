// SPDX-License-Identifier: Apache-2.0
// The kernel's own SMB server, with one share and one user.
import { mkdirSync, writeFileSync } from 'node:fs';

import { succeed } from './succeed.ts';

const configFolder = '/etc/ksmbd';

export interface SmbShare {
  readonly name: string;
  /** The share: the user may read and write it. */
  readonly folder: string;
  readonly user: string;
  readonly password: string;
}

/** Starts it on all of our network interfaces, of now and later; it runs until the machine ends. */
export async function startSmbServer({ name, folder, user, password }: SmbShare): Promise<void> {
  mkdirSync(configFolder, { recursive: true });
  writeFileSync(
    `${configFolder}/ksmbd.conf`,
    `[global]\nmap to guest = never\n[${name}]\npath = ${folder}\nread only = no\n`,
  );
  await succeed('useradd', '--no-create-home', user);
  await succeed('modprobe', 'ksmbd');
  await succeed('ksmbd.adduser', '--add', `--password=${password}`, user);
  await succeed('ksmbd.mountd');
}
