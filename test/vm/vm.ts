// SPDX-License-Identifier: Apache-2.0
// `npm run test:vm`: the tests of this folder, in a virtual machine whose kernel has what they need.
// `npm run test:vm -- NAME`: those with this in their names.
import { arch } from 'node:process';

import { compiled } from '../support/compile.ts';
import { requirePackages } from '../support/packages.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { makeRootImage, runMachine } from './machine.ts';

if (process.getuid?.() !== 0) {
  throw new Error('the disk of the machine has files of many users: run this as root');
}
if (arch !== 'x64') throw new Error(`the machine is one of x86-64, and this is ${arch}`);
requirePackages([
  { command: 'gcc', package: 'gcc' },
  { command: 'mke2fs', package: 'e2fsprogs' },
  { command: 'mkfs.erofs', package: 'erofs-utils' },
  { command: 'mmdebstrap', package: 'mmdebstrap' },
  { command: 'qemu-system-x86_64', package: 'qemu-system-x86' },
  { command: 'setpriv', package: 'util-linux' },
]);
// in the machine there is no compiler
compiled('trap.static');
const image = makeRootImage();

const folder = new TemporaryFolder();
process.once('exit', () => {
  folder[Symbol.dispose]();
});
for (const [signal, code] of [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    process.exit(code);
  });
}
process.exitCode = await runMachine(folder, image, process.argv.slice(2));
