// SPDX-License-Identifier: Apache-2.0
// Errors of a handler's author, in words for the author.

export class BuildError extends Error {
  override readonly name = 'BuildError';
}
