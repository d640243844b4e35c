// SPDX-License-Identifier: Apache-2.0
// Makes each directory under the caller's name for it, followed by the setting `suffix`.
import { type Action, done, utf8, withSuffix } from '@seccompagent/guest-sdk/typescript';
import * as filesystem from 'seccompagent:handler/filesystem@0.1.0';

let suffix: Uint8Array = new Uint8Array(0);

export function configure(settings: ReadonlyMap<string, string>): void {
  const text = settings.get('suffix');
  if (text === undefined) throw new Error('the setting "suffix" is missing');
  suffix = utf8(text);
}

export function mkdir(path: Uint8Array, mode: number): Action {
  return done(() => filesystem.mkdir(withSuffix(path, suffix), mode));
}
