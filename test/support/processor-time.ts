// SPDX-License-Identifier: Apache-2.0
// The time that a thread has computed, which other work of the machine does not lengthen.

/** Processor time of this thread since it began, in milliseconds. */
export function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
