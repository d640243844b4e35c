// SPDX-License-Identifier: Apache-2.0
// Deadlines for what this thread has to hear of itself: time in which it stood still does not count.

/** A timer that fires so late has waited for the thread, and so has all that came meanwhile. */
const lateMs = 100;

/** Calls `end` once, unless the timer is cleared before. Where the thread stood still, it begins anew. */
export function startDeadline(ms: number, end: () => void): NodeJS.Timeout {
  let dueMs = performance.now() + ms;
  const timer = setTimeout(() => {
    const nowMs = performance.now();
    if (nowMs - dueMs < lateMs) {
      end();
      return;
    }
    dueMs = nowMs + ms;
    timer.refresh();
  }, ms);
  return timer;
}
