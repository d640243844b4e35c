// SPDX-License-Identifier: Apache-2.0
// Writes the status or the figures of an agent as JSON, in pieces: hundreds of containers with hundreds of handlers
// each are tens of megabytes, which the main thread has no time to make at once.
import { setImmediate as nextTurn } from 'node:timers/promises';

/** In turns with all else that the main thread has to do; no faster than it is read. */
export async function* statusText(
  own: object,
  containers: Iterable<object>,
): AsyncGenerator<string> {
  yield `${JSON.stringify(own).slice(0, -1)},"containers":[`;
  let separator = '';
  for (const container of containers) {
    yield `${separator}${JSON.stringify(container)}`;
    separator = ',';
    await nextTurn();
  }
  yield ']}\n';
}
