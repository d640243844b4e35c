// SPDX-License-Identifier: Apache-2.0
// A path as the kernel has it: bytes, not text.

import { copyBytes, retyped, utf8Length, writeUtf8 } from './abi/bytes';
import { decodeLossy } from './utf8';

const SLASH: u8 = 0x2f;

/** A path of the caller. It never changes: `concat` and `withSuffix` make new ones. */
export class Path {
  // a path is its bytes, and no second object that refers to them
  private constructor() {}

  /** The path that these bytes are; they must not change any more. */
  static fromBytes(bytes: StaticArray<u8>): Path {
    return retyped<Path, StaticArray<u8>>(bytes);
  }

  /** The path that this text is in UTF-8. */
  static fromString(text: string): Path {
    const bytes = new StaticArray<u8>(utf8Length(text));
    writeUtf8(text, bytes, 0);
    return Path.fromBytes(bytes);
  }

  /** The bytes themselves, not a copy: they must not be changed. */
  get bytes(): StaticArray<u8> {
    return retyped<StaticArray<u8>, Path>(this);
  }

  /** How many bytes. */
  get length(): i32 {
    return this.bytes.length;
  }

  /** The byte at this index; an index outside of the path is a trap. */
  at(index: i32): u8 {
    return this.bytes[index];
  }

  /** Whether it is the same text. Two paths of one file may differ. */
  equals(other: Path): bool {
    return this.length == other.length && this.holds(other.bytes);
  }

  /** Whether its text begins with that of another: `/ab` with `/a` as well. */
  startsWith(prefix: Path): bool {
    return this.length >= prefix.length && this.holds(prefix.bytes);
  }

  /** A new path with this text, in UTF-8, at its end. */
  concat(text: string): Path {
    return this.insert(text, this.length);
  }

  /**
   * Renames what the path names: `/a/b` and `/a/b/` become `/a/b-suffix` and `/a/b-suffix/`.
   * A path without a name, empty or slashes only, stays as it is and meets the kernel's own error.
   */
  withSuffix(text: string): Path {
    let end = this.length;
    while (end > 0 && unchecked(this.bytes[end - 1]) == SLASH) end--;
    return end == 0 ? this : this.insert(text, end);
  }

  /** For logs: what is not UTF-8 becomes U+FFFD, so two paths may read the same. */
  toString(): string {
    return decodeLossy(this.bytes);
  }

  private holds(prefix: StaticArray<u8>): bool {
    for (let i = 0; i < prefix.length; i++) {
      if (unchecked(this.bytes[i]) != unchecked(prefix[i])) return false;
    }
    return true;
  }

  private insert(text: string, index: i32): Path {
    const added = utf8Length(text);
    const bytes = new StaticArray<u8>(this.length + added);
    copyBytes(this.bytes, 0, bytes, 0, index);
    writeUtf8(text, bytes, index);
    copyBytes(this.bytes, index, bytes, index + added, this.length - index);
    return Path.fromBytes(bytes);
  }
}
