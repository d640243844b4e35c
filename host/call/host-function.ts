// SPDX-License-Identifier: Apache-2.0
// What the table of the functions that handlers call says of each.
import type { operation } from '../native.ts';

/** Work of the host; recordings name it so. `facts` are in no recording. */
export type HostKind =
  | 'capability'
  | 'clock'
  | 'credentials'
  | 'facts'
  | 'freeze'
  | 'install'
  | 'kill'
  | 'log'
  | 'mount'
  | 'operate'
  | 'process'
  | 'read'
  | 'replace'
  | 'resources'
  | 'size'
  | 'state-add'
  | 'state-get'
  | 'state-remove'
  | 'state-set'
  | 'strings'
  | 'take'
  | 'write';

export type LimitName = 'operations' | 'paths' | 'filesystems' | 'nodes' | 'keys';

/** Effects that observers are notified of. */
export type HostAct =
  | 'mount'
  | 'operate'
  | 'take-descriptor'
  | 'give-descriptor'
  | 'write-memory'
  | 'kill-container'
  | 'freeze-container';

/** Fields of a request that recordings have under the same name. */
export type RequestField =
  | 'fd'
  | 'descriptor'
  | 'isCloseOnExec'
  | 'argument'
  | 'offset'
  | 'bytes'
  | 'max'
  | 'capability'
  | 'where'
  | 'key'
  | 'value'
  | 'amount'
  | 'level'
  | 'message';

/** Fields of a recorded mount or operation, and values that are made of several. */
export type RecordedField =
  | 'source'
  | 'target'
  | 'type'
  | 'data'
  | 'path'
  | 'secondPath'
  | 'name'
  | 'flags'
  | 'mode'
  | 'first'
  | 'second'
  | 'at-flags'
  | 'xattr-flags'
  | 'device'
  | 'resolve'
  | 'set'
  | 'clear'
  | 'is-recursive'
  | 'idmap';

export type OperationName = keyof typeof operation;

/**
 * The number that a function returns. `errno`: 0, a positive errno or `gone`; `value`: a value or a
 * negated errno; `found`: 1 or 0; `certain`: 0, it cannot fail.
 */
export type ReplyForm = 'errno' | 'value' | 'found' | 'certain';

export interface HostFunction {
  /** The interface. */
  readonly capability: string;
  /** Its name in WIT. */
  readonly name: string;
  /** Its place in the table. */
  readonly index: number;
  readonly kind: HostKind;
  /** Of `operate`. */
  readonly operation: OperationName | undefined;
  /** Its number in the addon; 0: it is none. */
  readonly operationCode: number;
  /** With a Linux capability that the addon lends. */
  readonly isLent: boolean;
  /** Parameters by their names in WIT. */
  readonly takes: Readonly<Record<string, RequestField | RecordedField>>;
  /** Fields that all its recorded calls have; they tell functions of one kind apart. */
  readonly when: Readonly<Record<string, string | number | boolean | null>>;
  readonly reply: ReplyForm;
  /** Output beside the reply: bytes, a descriptor, a number of 64 bits. */
  readonly gives: 'nothing' | 'bytes' | 'descriptor' | 'wide';
  /** Of the bytes, where there are always as many. */
  readonly size: number | undefined;
  readonly needsGrant: boolean;
  readonly limits: readonly LimitName[];
  readonly act: HostAct | undefined;
  /** The field of a recorded call that recordings redact. */
  readonly secret: string | undefined;
  /** Recordings redact the bytes it gives. */
  readonly isAnswerSecret: boolean;
}
