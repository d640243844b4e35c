// SPDX-License-Identifier: Apache-2.0
// Choice of instances to give up when there is not enough memory for those of all containers: each
// container may have the same part, and its unused rest is for the others. So a container that wants
// much takes it from itself, however many listeners it has.

/** Facts of a listener. */
export interface Holder {
  /** Of its container: all of its listeners have the same one. */
  readonly place: number;
  /** Bytes of its instances. */
  readonly memoryBytes: number;
  /** Greater is later. */
  readonly lastUse: number;
}

/** The most that each may have so that all together have no more than there is. */
function fairPart(wanted: readonly number[], there: number): number {
  let left = there;
  const least = wanted.toSorted((one, other) => one - other);
  for (const [index, bytes] of least.entries()) {
    const part = left / (least.length - index);
    if (bytes > part) return part;
    left -= bytes;
  }
  return Number.POSITIVE_INFINITY;
}

interface Holding<T> {
  readonly listeners: T[];
  bytes: number;
}

/** Bytes of containers, the largest first. */
function holdings<T extends Holder>(holders: Iterable<T>): readonly Holding<T>[] {
  const byPlace = new Map<number, Holding<T>>();
  for (const holder of holders) {
    if (holder.memoryBytes === 0) continue;
    const holding = byPlace.get(holder.place) ?? { listeners: [], bytes: 0 };
    holding.listeners.push(holder);
    holding.bytes += holder.memoryBytes;
    byPlace.set(holder.place, holding);
  }
  return [...byPlace.values()].toSorted((one, other) => other.bytes - one.bytes);
}

/** Whether a container has no more than each may have so that all have no more than `there`. */
export function hasFairPart(
  holders: Iterable<Holder>,
  { place }: Pick<Holder, 'place'>,
  there: number,
): boolean {
  const containers = holdings(holders);
  const part = fairPart(
    containers.map(({ bytes }) => bytes),
    there,
  );
  const own = containers.find(({ listeners: [listener] }) => listener?.place === place);
  return (own?.bytes ?? 0) <= part;
}

/**
 * Those to give up, in turn, so that the rest have no more than `there`: of the container that has
 * most first, and of each those that were not used for longest first.
 * @param current is given up after all others of its container
 */
export function* beyondFairParts<T extends Holder>(
  holders: Iterable<T>,
  current: T | undefined,
  there: number,
): Iterable<T> {
  const containers = holdings(holders);
  const part = fairPart(
    containers.map(({ bytes }) => bytes),
    there,
  );
  const order = (holder: T): number =>
    holder === current ? Number.POSITIVE_INFINITY : holder.lastUse;
  for (const { listeners, bytes } of containers) {
    let left = bytes;
    for (const holder of listeners.toSorted((one, other) => order(one) - order(other))) {
      if (left <= part) break;
      left -= holder.memoryBytes;
      yield holder;
    }
  }
}
