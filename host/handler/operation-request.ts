// SPDX-License-Identifier: Apache-2.0
// Request for an operation on files: filled in part by part, checked as the kernel would.
import { HostRequest, maxRequestBytes } from '../call/host.ts';
import type { HostFunction } from '../call/host-functions.ts';
import { ofDescriptor, operation, operationNumber } from '../native.ts';
import { at, hasUnknownAtFlags } from '../syscalls/family-table.ts';
import type { OperationPart } from '../syscalls/family-table.ts';
import { errnoNumber } from '../syscalls/errno.ts';

const enoent = errnoNumber('ENOENT');
const einval = errnoNumber('EINVAL');
const erange = errnoNumber('ERANGE');
const e2big = errnoNumber('E2BIG');

/** XATTR_CREATE and XATTR_REPLACE. */
const knownXattrFlags = 3;
const maxXattrName = 255;

type TextPart = 'path' | 'second-path' | 'name' | 'value';

const textPlaces: Readonly<Record<TextPart, number>> = {
  path: operationNumber.path,
  'second-path': operationNumber.secondPath,
  name: operationNumber.name,
  value: operationNumber.value,
};

const allTexts = Object.values(textPlaces);

/** Operations whose other errors come before that of an empty path: the addon tells them. */
const othersFirst: ReadonlySet<number> = new Set([
  operation.link,
  operation.locateName,
  operation.locateOpened,
  operation.mknod,
  operation.open,
  operation.rename,
]);

export class OperationRequest extends HostRequest {
  #error = 0;
  #isEmptyAllowed = false;
  #isOfDescriptor = false;
  #hasOwnBit = false;

  constructor(of: HostFunction) {
    super(of, new Int32Array(operationNumber.count));
  }

  /** Clears all parts. */
  begin(): void {
    const { numbers } = this;
    numbers.fill(0);
    for (const place of allTexts) numbers[place + 1] = -1;
    numbers[operationNumber.descriptor] = -1;
    numbers[operationNumber.given] = -1;
    if (this.of.isLent) numbers[operationNumber.isLent] = 1;
    this.#error = 0;
    this.#isEmptyAllowed = false;
    this.#isOfDescriptor = false;
    this.#hasOwnBit = false;
  }

  /** Sets the place of a string. The caller has checked that it is there. */
  setText(part: TextPart, offset: number, length: number): void {
    const place = textPlaces[part];
    this.numbers[place] = offset;
    this.numbers[place + 1] = length;
    if (part === 'name' && (length === 0 || length > maxXattrName)) this.#refuse(erange);
    if (part === 'value' && length > maxRequestBytes) this.#refuse(e2big);
  }

  /** @param number of 32 bits, signed or not */
  setNumber(
    part: Exclude<OperationPart, TextPart | 'device' | 'length' | 'resolve'>,
    number: number,
  ): void {
    const { numbers } = this;
    switch (part) {
      case 'mode':
        numbers[operationNumber.mode] = number;
        break;
      case 'first':
        numbers[operationNumber.first] = number;
        break;
      case 'second':
        numbers[operationNumber.second] = number;
        break;
      case 'at-flags':
        if (hasUnknownAtFlags(this.of.operationCode, number)) this.#refuse(einval);
        if (this.#isOfDescriptor && number !== 0) this.#refuse(einval);
        this.#isEmptyAllowed ||= (number & at.emptyPath) !== 0;
        this.#addFlags(number);
        break;
      case 'xattr-flags':
        if ((number & ~knownXattrFlags) !== 0) this.#refuse(einval);
        this.#addFlags(number);
        break;
      case 'own-flags':
        // the bit is ours, and no flag of the kernel's
        if ((number & ofDescriptor) !== 0) this.#refuse(einval);
        this.#addFlags(number);
        break;
      case 'open-flags':
        this.#hasOwnBit = (number & ofDescriptor) !== 0;
        this.#addFlags(number & ~ofDescriptor);
    }
  }

  /** @param number of 64 bits, signed or not */
  setWide(part: 'open-flags' | 'resolve', number: bigint): void {
    const low = Number(BigInt.asIntN(32, number));
    const high = Number(BigInt.asIntN(32, number >> 32n));
    if (part === 'open-flags') {
      // no flag is there
      if (high !== 0) this.#refuse(einval);
      this.setNumber(part, low);
    } else {
      this.numbers[operationNumber.low] = low;
      this.numbers[operationNumber.high] = high;
    }
  }

  /** Flags and modes that the kernel does not know are refused, as openat2(2) does it. */
  setStrict(): void {
    this.numbers[operationNumber.isStrict] = 1;
  }

  /** The call returns what is opened. */
  setGiven(): void {
    this.numbers[operationNumber.isGiven] = 1;
  }

  /** The call's answer is what comes of it: a helper may give it. */
  setFinal(): void {
    this.numbers[operationNumber.isFinal] = 1;
  }

  setDevice(major: number, minor: number): void {
    this.numbers[operationNumber.first] = major;
    this.numbers[operationNumber.second] = minor;
  }

  /** @param length of 64 bits */
  setLength(length: bigint): void {
    if (length < 0n) this.#refuse(einval);
    this.numbers[operationNumber.first] = Number(BigInt.asIntN(32, length));
    this.numbers[operationNumber.second] = Number(BigInt.asIntN(32, length >> 32n));
  }

  /** The file that the call's descriptor refers to, in place of a path; no flags go with it. */
  setOfDescriptor(): void {
    this.setText('path', 0, 0);
    this.#addFlags(at.emptyPath);
    this.#isEmptyAllowed = true;
    this.#isOfDescriptor = true;
  }

  /** The errno of what is not worth asking; 0: there is none. */
  check(): number {
    const { numbers } = this;
    if (this.#error !== 0) return this.#error;
    // open(2) ignores flags that are none, openat2(2) does not
    if (this.#hasOwnBit && numbers[operationNumber.isStrict] === 1) return einval;
    if (this.#isEmptyAllowed || othersFirst.has(this.of.operationCode)) return 0;
    const isEmpty = (part: number): boolean => numbers[part + 1] === 0;
    return isEmpty(operationNumber.path) || isEmpty(operationNumber.secondPath) ? enoent : 0;
  }

  #addFlags(flags: number): void {
    const { numbers } = this;
    numbers[operationNumber.flags] = (numbers[operationNumber.flags] ?? 0) | flags;
  }

  /** The first error counts. */
  #refuse(errno: number): void {
    if (this.#error === 0) this.#error = errno;
  }
}
