// SPDX-License-Identifier: Apache-2.0
// The capability `filesystem`: guest-sdk/wit/filesystem.wit.
import type { Capability } from '../capability.ts';
import { isAbove, isBelow } from './located.ts';
import { operate } from './operating.ts';

export const filesystem: Capability = {
  name: 'filesystem',
  functions: new Map([
    ['mkdir', operate(['path', 'mode'])],
    ['mknod', operate(['path', 'mode', 'device'])],
    ['open', operate(['path', 'open-flags', 'mode', 'resolve'], 'descriptor')],
    ['chmod', operate(['path', 'mode', 'at-flags'])],
    ['chown', operate(['path', 'first', 'second', 'at-flags'])],
    ['rename', operate(['path', 'second-path', 'own-flags'])],
    ['link', operate(['path', 'second-path', 'at-flags'])],
    ['symlink', operate(['second-path', 'path'])],
    ['unlink', operate(['path', 'at-flags'])],
    ['resolve', operate(['path'], 'located')],
    ['resolve-new', operate(['path'], 'located')],
    ['is-below', isBelow],
    ['is-above', isAbove],
    ['stat', operate(['path', 'at-flags'], 'status')],
    ['read-link', operate(['path'], 'bytes')],
    ['get-xattr', operate(['path', 'at-flags', 'name'], 'bytes')],
    ['set-xattr', operate(['path', 'at-flags', 'name', 'value', 'xattr-flags'])],
    ['list-xattr', operate(['path', 'at-flags'], 'bytes')],
    ['remove-xattr', operate(['path', 'at-flags', 'name'])],
  ]),
};
