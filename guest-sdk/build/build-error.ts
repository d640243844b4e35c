// SPDX-License-Identifier: Apache-2.0
// What a handler's author did wrong, in words for the author.

export class BuildError extends Error {
  override readonly name = 'BuildError';
}
