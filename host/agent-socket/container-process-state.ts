// SPDX-License-Identifier: Apache-2.0
// The container process state: the message that a runtime sends along with a listener, see
// "The Container Process State" in the OCI runtime specification.
import { AgentError } from '../errors.ts';
import { fieldOf } from '../text/fields.ts';
import { keptAnnotations } from './kept-annotations.ts';

export interface ContainerProcessState {
  /** Names of the descriptors that came along, in their order. */
  readonly fds: readonly string[];
  /** The process that loaded the filter; 0 when the runtime does not say (crun exec). */
  readonly processPid: number;
  /** `listenerMetadata` of the seccomp profile; empty when there is none. */
  readonly metadata: string;
  readonly containerId: string;
  /** The container's first process; 0 when the runtime does not say (crun exec). */
  readonly containerPid: number;
  readonly status: string;
  /** The folder of the OCI bundle. */
  readonly ociBundle: string;
  /** Those that are kept. */
  readonly annotations: ReadonlyMap<string, string>;
  /** Number of annotations that are not kept; absent: none. */
  readonly leftOut?: number;
}

/** The name that a runtime gives the listener in `fds`. */
export const listenerFdName = 'seccompFd';

function invalid(what: string): never {
  throw new AgentError('AGENT_STATE_INVALID', `container process state: ${what}`);
}

/** Runtimes name folders by it, so that it has 255 at most; older ones of runc took so many. */
const maxIdBytes = 1024;

function objectAt(value: unknown, where: string): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    invalid(`${where} is no object`);
  }
  return value;
}

function textAt(value: unknown, where: string): string {
  return typeof value === 'string' ? value : invalid(`${where} is no string`);
}

function idAt(value: unknown, where: string): string {
  const id = textAt(value, where);
  if (Buffer.byteLength(id) <= maxIdBytes) return id;
  return invalid(`${where} has more than ${maxIdBytes} bytes: use a shorter container id`);
}

function pidAt(value: unknown, where: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0x7fff_ffff) {
    invalid(`${where} is no process id`);
  }
  return value;
}

function textsAt(value: unknown, where: string): readonly string[] {
  if (!Array.isArray(value)) invalid(`${where} is no array`);
  return value.map((item: unknown) => textAt(item, `an item of ${where}`));
}

/** @throws AgentError AGENT_STATE_INVALID */
export function parseContainerProcessState(json: string): ContainerProcessState {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (cause) {
    throw new AgentError('AGENT_STATE_INVALID', 'container process state: no JSON', { cause });
  }
  const message = objectAt(parsed, 'it');
  const state = objectAt(fieldOf(message, 'state'), 'state');
  const { annotations, leftOut } = keptAnnotations(
    objectAt(fieldOf(state, 'annotations') ?? {}, 'state.annotations'),
    (value, key) => textAt(value, `annotation ${key}`),
  );
  return {
    fds: textsAt(fieldOf(message, 'fds'), 'fds'),
    processPid: pidAt(fieldOf(message, 'pid'), 'pid'),
    metadata: textAt(fieldOf(message, 'metadata') ?? '', 'metadata'),
    containerId: idAt(fieldOf(state, 'id'), 'state.id'),
    containerPid: pidAt(fieldOf(state, 'pid') ?? 0, 'state.pid'),
    status: textAt(fieldOf(state, 'status') ?? '', 'state.status'),
    ociBundle: textAt(fieldOf(state, 'bundle') ?? '', 'state.bundle'),
    annotations,
    ...(leftOut === 0 ? {} : { leftOut }),
  };
}

/** ASCII codes that matter for where an object ends. */
const code = { quote: 0x22, backslash: 0x5c, open: 0x7b, close: 0x7d, space: 0x20 } as const;

/**
 * Finds the end of a JSON object that arrives in chunks: runc never closes its end, so nothing else
 * tells that the message is whole. Each byte is looked at once.
 */
export class ObjectScanner {
  #depth = 0;
  #isInText = false;
  #isEscaped = false;

  /**
   * @returns `whole` once the object's last brace has come, `broken` when it starts with something
   *   else than an object or goes on behind it
   */
  push(bytes: Uint8Array): 'partial' | 'whole' | 'broken' {
    for (const [index, byte] of bytes.entries()) {
      if (this.#isInText) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === code.backslash) this.#isEscaped = true;
        else if (byte === code.quote) this.#isInText = false;
      } else if (byte === code.open) {
        this.#depth += 1;
      } else if (this.#depth === 0) {
        // white space may stand before the object
        if (byte > code.space) return 'broken';
      } else if (byte === code.quote) {
        this.#isInText = true;
      } else if (byte === code.close) {
        this.#depth -= 1;
        if (this.#depth === 0) {
          const rest = bytes.subarray(index + 1);
          return rest.every((after) => after <= code.space) ? 'whole' : 'broken';
        }
      }
    }
    return 'partial';
  }
}
