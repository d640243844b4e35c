// SPDX-License-Identifier: Apache-2.0
// The capability `container`: guest-sdk/wit/container.wit.
import { resourceNumbers } from '../../native.ts';
import type { Capability } from '../capability.ts';
import { intoResult, putRange, putText } from './into-result.ts';
import { beginValue, putErrnoResult, putError } from './results.ts';

const pairSize = 16;
const record = { size: resourceNumbers.length * 8, alignment: 8 } as const;

const act = intoResult((memory, result, _request, errno) => {
  putErrnoResult(memory, result, errno);
});

const id = intoResult((memory, result, { facts }) => {
  putText(memory, result, facts?.containerId ?? '');
});

const annotations = intoResult((memory, result, { facts }) => {
  const pairs = facts?.annotations ?? [];
  const list = memory.allocateItems(pairs.length, pairSize, 4);
  pairs.forEach((pair, index) => {
    pair.forEach((text, half) => {
      putText(memory, list + index * pairSize + half * 8, text);
    });
  });
  putRange(memory, result, list, pairs.length);
});

/** result<resources, errno>: the record's numbers follow each other. */
const resources = intoResult((memory, result, request, errno) => {
  if (errno === 0) memory.bytes.set(request.result, beginValue(memory, result, record));
  else putError(memory, result, errno, record);
});

export const container: Capability = {
  name: 'container',
  functions: new Map([
    ['id', id],
    ['annotations', annotations],
    ['get-resources', resources],
    ['kill', act],
    ['freeze', act],
    ['thaw', act],
  ]),
};
