// SPDX-License-Identifier: Apache-2.0
// Writes the names of system calls where trampolines copy them from.
import type { StringEncoding } from './component.ts';
import { encodeText } from './guest.ts';
import { nameLayout, firstName, callNames } from '../call/inbox-names.ts';

/**
 * Writes a name of the table; its place. Each name has one, so that to write it again changes
 * nothing for other instances.
 */
export function placeName(buffer: ArrayBuffer, text: string, encoding: StringEncoding): number {
  const row = callNames.indexOf(text);
  if (row < 0) throw new RangeError(`there is no system call ${text}`);
  const isWide = encoding === 'utf16';
  const place = firstName + row * nameLayout.size + (isWide ? nameLayout.utf16 : nameLayout.utf8);
  const { bytes, length } = encodeText(text, encoding);
  const limit = isWide ? nameLayout.size - nameLayout.utf16 : nameLayout.utf16 - nameLayout.utf8;
  if (nameLayout.text + bytes.length > limit) throw new RangeError(`the name ${text} is too long`);
  new DataView(buffer).setUint32(place, length, true);
  new Uint8Array(buffer).set(bytes, place + nameLayout.text);
  return place;
}
