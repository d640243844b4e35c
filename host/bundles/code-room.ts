// SPDX-License-Identifier: Apache-2.0
// Limit of machine code of all components together: V8 keeps it as long as they are there, and most of
// it comes to be only with the calls.
import { AgentError } from '../errors.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { memoryLimit } from '../process/memory-limit.ts';

const mebibyte = 2 ** 20;

/** Of what the agent may have. */
const partOfBundle = 1 / 8;
const partOfAll = 1 / 4;

/** Of what all bundles may have, what is for whoever comes first. */
const partOfFirst = 5 / 8;
/** Of what is left beyond that, what one owner may have: so there is always some for the next. */
const partOfRest = 1 / 3;

/** Of a bundle, and of all bundles that one container selects. */
function maxOfBundle(): number {
  return Math.floor(memoryLimit() * partOfBundle);
}

/** Of all bundles that are known. */
export function maxOfAll(): number {
  return Math.floor(memoryLimit() * partOfAll);
}

/** Sizes of a component that count. */
export type CodeSize = Pick<LoadedComponent, 'id' | 'codeBytes'>;

/** Each counts once. */
export function codeBytesOf(components: readonly CodeSize[]): number {
  const byId = new Map(components.map(({ id, codeBytes }) => [id, codeBytes]));
  return [...byId.values()].reduce((sum, bytes) => sum + bytes, 0);
}

function tooMuch(what: string, bytes: number, max: number): string {
  const [has, may] = [bytes, max].map((each) => (each / mebibyte).toFixed(1));
  return `${what} have ${has} MiB of machine code together; ${may} MiB are allowed, a share of the memory limit of the agent: raise that limit, or use smaller components`;
}

/**
 * @param what it is of, for the message
 * @throws AgentError AGENT_BUNDLE_INVALID
 */
export function checkCodeBytes(
  components: readonly CodeSize[],
  what: string,
  max: number = maxOfBundle(),
): void {
  const bytes = codeBytesOf(components);
  if (bytes > max) throw new AgentError('AGENT_BUNDLE_INVALID', tooMuch(what, bytes, max));
}

export interface PartWish {
  /** Components of all containers. */
  readonly used: readonly CodeSize[];
  /** Of these, what those of the owner have. */
  readonly own: readonly CodeSize[];
  /** Components of the next container. */
  readonly wanted: readonly CodeSize[];
  /** Of all together. */
  readonly max: number;
}

/**
 * Containers that live keep what they have: nobody is to have so much of it that others get nothing.
 * @throws AgentError AGENT_BUNDLE_ROOM
 */
export function checkPart({ used, own, wanted, max }: PartWish): void {
  const [before, after] = [codeBytesOf(used), codeBytesOf([...used, ...wanted])];
  if (after === before || after <= max * partOfFirst) return;
  const bytes = codeBytesOf([...own, ...wanted]);
  const part = Math.max(0, max - before) * partOfRest;
  if (bytes <= part) return;
  const what = 'the components of this container, and of others of its namespace or user,';
  throw new AgentError('AGENT_BUNDLE_ROOM', tooMuch(what, bytes, part));
}

export interface NoRoomParts {
  /** Of the bundle. */
  readonly name: string;
  /** Its components, as far as they were read. */
  readonly wanted: readonly CodeSize[];
  /** Of these, and of all that is in use. */
  readonly bytes: number;
  readonly max: number;
}

/** There may be room for one more bundle once others are not in use any more. */
export class NoRoom extends AgentError {
  readonly wanted: readonly CodeSize[];
  readonly #parts: NoRoomParts;

  constructor(parts: NoRoomParts) {
    const { name, wanted, bytes, max } = parts;
    const what = `the components of "${name}" and of the bundles in use`;
    super('AGENT_BUNDLE_ROOM', tooMuch(what, bytes, max));
    // not the components: they would stay
    this.wanted = wanted.map(({ id, codeBytes }) => ({ id, codeBytes }));
    this.#parts = { ...parts, wanted: this.wanted };
  }

  /** The same, by the name that the bundle has. */
  of(name: string): NoRoom {
    return new NoRoom({ ...this.#parts, name });
  }
}

export function noRoomIn(thrown: unknown): NoRoom | undefined {
  if (!(thrown instanceof Error)) return undefined;
  return thrown instanceof NoRoom ? thrown : noRoomIn(thrown.cause);
}
