// SPDX-License-Identifier: Apache-2.0
// The capability `filesystem`: guest-sdk/wit/filesystem.wit.
import { operation } from '../../native.ts';
import type { Capability } from '../capability.ts';
import { operate } from './operating.ts';

export const filesystem: Capability = {
  name: 'filesystem',
  needsGrant: true,
  functions: new Map([
    ['mkdir', operate(operation.mkdir, ['path', 'mode'])],
    ['mknod', operate(operation.mknod, ['path', 'mode', 'device'])],
    ['open', operate(operation.open, ['path', 'open-flags', 'mode', 'resolve'], 'descriptor')],
    ['chmod', operate(operation.chmod, ['path', 'mode', 'at-flags'])],
    ['chown', operate(operation.chown, ['path', 'first', 'second', 'at-flags'])],
    ['rename', operate(operation.rename, ['path', 'second-path', 'own-flags'])],
    ['link', operate(operation.link, ['path', 'second-path', 'at-flags'])],
    ['symlink', operate(operation.symlink, ['second-path', 'path'])],
    ['unlink', operate(operation.unlink, ['path', 'at-flags'])],
    ['stat', operate(operation.stat, ['path', 'at-flags'], 'status')],
    ['read-link', operate(operation.readLink, ['path'], 'bytes')],
    ['get-xattr', operate(operation.getXattr, ['path', 'at-flags', 'name'], 'bytes')],
    [
      'set-xattr',
      operate(operation.setXattr, ['path', 'at-flags', 'name', 'value', 'xattr-flags']),
    ],
    ['list-xattr', operate(operation.listXattr, ['path', 'at-flags'], 'bytes')],
    ['remove-xattr', operate(operation.removeXattr, ['path', 'at-flags', 'name'])],
  ]),
};
