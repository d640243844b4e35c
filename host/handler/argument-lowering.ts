// SPDX-License-Identifier: Apache-2.0
// Passes the parameters of a typed export: from the inbox to the values that the handler takes.
import { inbox } from '../native.ts';
import { currentDirectory } from '../syscalls/kinds/dirfd.ts';
import { isWide } from '../syscalls/kinds/kind.ts';
import type { CoreType, NumberForm, ParameterKind } from '../syscalls/kinds/kind.ts';
import { movedFlags } from '../syscalls/open-flags.ts';
import type { Parameter, WhenNull } from '../syscalls/parameter-source.ts';
import {
  end,
  giveBack,
  select,
  beginIf,
  isEqual,
  isNotEqual,
  isLess,
  add,
  subtract,
  and,
  or,
  shiftLeft,
  shiftRight,
  or64,
  shiftLeft64,
  extend,
  extendSigned,
  call,
  get,
  set,
  i32,
  i64,
  loadInbox,
  register,
  pointerLength,
  pointerOffset,
} from './written-code.ts';
import type { Code } from './written-code.ts';

/** Address given for empty lists: aligned for all, never read. */
export const emptyPointer = 8;

interface FieldPlace {
  readonly offset: number;
  readonly size: 4 | 8;
  readonly isOfArm?: true;
}

/** Code that passes one parameter of a typed export. */
interface Lowering {
  /** Gives up when a pointer could not be read. */
  readonly check: Code;
  readonly put: Code;
  readonly values: Code;
}

const plain = (values: Code): Lowering => ({ check: [], put: [], values });

function number(type: CoreType, value: number): Code {
  return isWide(type) ? i64(value) : i32(value);
}

/** The values of a parameter that a call has no argument for. */
function constant({ core, passed }: ParameterKind, value: number): Code {
  if (passed.as === 'number') return core.map((type) => number(type, value));
  if (passed.as === 'list' && !passed.isOptional) return [i32(emptyPointer), i32(0)];
  return core.map((type) => number(type, 0));
}

/** As new_decode_dev of the kernel has it. */
function deviceValues(index: number): Code {
  const own = register('i32', index);
  const major = [own, i32(0xfff00), and, i32(8), shiftRight];
  const high = [own, i32(12), shiftRight, i32(0xfff00), and];
  return [major, own, i32(0xff), and, high, or];
}

/** Flags of open(2) of arm64 as x86 has them, of the code for the low 32 bits. */
function flagsOfX86(own: Code): Code {
  const { low, high, distance } = movedFlags;
  const rest = [own, i32(~(low | high)), and];
  const risen = [own, i32(low), and, i32(distance), shiftLeft];
  const fallen = [own, i32(distance), shiftRight, i32(low), and];
  return [rest, risen, or, fallen, or];
}

/** The number of a register of at most 32 bits. */
function narrowValue({ bits, hasUnset, isOfArm }: NumberForm, index: number): Code {
  if (bits === 32) {
    const own = register('i32', index);
    return isOfArm === true ? flagsOfX86(own) : own;
  }
  const own = register('u16', index);
  return hasUnset === true ? [i32(-1), own, own, i32(0xffff), isEqual, select] : own;
}

/** The number of a register, as wide as the parameter is. */
function registerValue(form: NumberForm, index: number, { core: [type] }: ParameterKind): Code {
  if (form.bits === 64) {
    if (form.isPair !== true) return register('i64', index);
    const high = [register('i32', index + 1), extend, i64(32), shiftLeft64];
    return [register('i32', index), extend, high, or64];
  }
  const narrow = narrowValue(form, index);
  if (type === undefined || !isWide(type)) return narrow;
  return [narrow, form.isSigned === true ? extendSigned : extend];
}

/** A number among those that a pointer leads to. */
function fieldValue(index: number, { offset, size, isOfArm }: FieldPlace, type: CoreType): Code {
  if (isOfArm === true) {
    const low = [pointerOffset(index), loadInbox('i32', offset)];
    const high = [pointerOffset(index), loadInbox('i32', offset + 4)];
    return [flagsOfX86(low), extend, high, extend, i64(32), shiftLeft64, or64];
  }
  const isWhole = isWide(type) && size === 8;
  const loaded = [pointerOffset(index), loadInbox(isWhole ? 'i64' : 'i32', offset)];
  return isWide(type) && !isWhole ? [loaded, extend] : loaded;
}

interface LoweringPlaces {
  /** The index of the function that copies from the inbox. */
  readonly copyIn: number;
  /** The local for the address of the copy. */
  readonly pointer: number;
}

/** Whether a pointer could not be followed. */
function faultCode(index: number, whenNull: WhenNull): Code {
  const length = pointerLength(index);
  const isNegative = [length, i32(0), isLess];
  if (whenNull === 'fault') return isNegative;
  const isThere = [length, i32(inbox.null), isNotEqual];
  if (whenNull === 'value') return [isNegative, isThere, and];
  const hasNone = [register('i32', whenNull.descriptor), i32(currentDirectory), isEqual];
  return [isNegative, isThere, hasNone, or, and];
}

export function lowering(parameter: Parameter, { copyIn, pointer }: LoweringPlaces): Lowering {
  const { kind, source } = parameter;
  const { passed } = kind;
  if (source.from === 'constant') return plain(constant(kind, source.value));
  const { index } = source;
  if (source.from === 'register') {
    return plain(
      passed.as === 'device' ? deviceValues(index) : registerValue(source.form, index, kind),
    );
  }
  const length = pointerLength(index);
  const isThere = [length, i32(inbox.null), isNotEqual];
  const giveUp = [beginIf, i32(-1 - index), giveBack, end];
  if (source.from === 'field') {
    const values = kind.core.map((type) => fieldValue(index, source, type));
    return { check: [faultCode(index, 'fault'), giveUp], put: [], values };
  }
  const { skip, whenNull } = source;
  const isFault = faultCode(index, whenNull);
  if (passed.as === 'optional-fields') {
    const [, ...core] = kind.core;
    const values = passed.fields.map((field, place) => {
      const type = core[place] ?? 'i32';
      return [fieldValue(index, field, type), number(type, 0), isThere, select];
    });
    return { check: [isFault, giveUp], put: [], values: [isThere, values] };
  }
  const own: Code = skip === 0 ? length : [length, i32(skip), subtract];
  const place: Code = skip === 0 ? pointerOffset(index) : [pointerOffset(index), i32(skip), add];
  const put = [place, own, i32(1), call(copyIn), set(pointer)];
  if (passed.as === 'list' && passed.isOptional) {
    return {
      check: [isFault, giveUp],
      put: [isThere, beginIf, put, end],
      values: [isThere, get(pointer), own, i32(0), isThere, select],
    };
  }
  return { check: [isFault, giveUp], put, values: [get(pointer), own] };
}
