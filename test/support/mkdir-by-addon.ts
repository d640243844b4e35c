// SPDX-License-Identifier: Apache-2.0
// The addon makes a directory for the caller of a worker's call.
import { operation, operationNumber } from '../../host/native.ts';
import type { Native, WorkerHandle } from '../../host/native.ts';

const currentDirectory = -100;

/** @returns what `operate` does; the path is so many bytes of the memory */
export function mkdirByAddon(
  native: Native,
  worker: WorkerHandle,
  memory: Uint8Array,
  offset: number,
  length: number,
  mode: number,
): number {
  const numbers = new Int32Array(operationNumber.count);
  for (const text of ['secondPath', 'value', 'name'] as const)
    numbers[operationNumber[text] + 1] = -1;
  numbers[operationNumber.dirfd] = currentDirectory;
  numbers[operationNumber.path] = offset;
  numbers[operationNumber.path + 1] = length;
  numbers[operationNumber.mode] = mode;
  return native.operate(worker, operation.mkdir, memory, numbers, new Uint8Array());
}
