// SPDX-License-Identifier: Apache-2.0
// What the host does for a handler whose grants have limits: what is beyond them fails with EPERM.
// Handlers without limits have the host itself, so that nothing of this costs them anything.
import type { CallHost } from '../call/call-host.ts';
import { ForwardingHost } from '../handler/forwarding-host.ts';
import { errnoNumber } from '../syscalls/errno.ts';
import { mountRange, operation, operationNumber } from '../native.ts';
import type { Grants, Limits } from '../registry/grants.ts';

const eperm = errnoNumber('EPERM');
const notGranted: Limits = {};
const sIfmt = 0o170000;
const sIfchr = 0o020000;

/** Operations on files by their names in WIT. */
const fileOperations: ReadonlyMap<number, string> = new Map([
  [operation.mkdir, 'mkdir'],
  [operation.mknod, 'mknod'],
  [operation.open, 'open'],
  [operation.chmod, 'chmod'],
  [operation.chown, 'chown'],
  [operation.rename, 'rename'],
  [operation.link, 'link'],
  [operation.symlink, 'symlink'],
  [operation.unlink, 'unlink'],
  [operation.stat, 'stat'],
  [operation.getXattr, 'get-xattr'],
  [operation.setXattr, 'set-xattr'],
  [operation.listXattr, 'list-xattr'],
  [operation.removeXattr, 'remove-xattr'],
  [operation.readLink, 'read-link'],
]);

/** Of folders, as `operate` of native.ts takes them; undefined: everywhere. */
function confinementOf(paths: readonly string[] | undefined): Uint8Array | undefined {
  if (paths === undefined || paths.includes('/')) return undefined;
  return new TextEncoder().encode(paths.map((path) => `${path}\0`).join(''));
}

function isAbsent(numbers: Int32Array, text: number): boolean {
  return (numbers[text + 1] ?? -1) < 0;
}

/** Told of what was refused, and by which limit: `filesystem.unlink`, `paths`. */
export type OnRefused = (what: string, limit: keyof Limits) => void;

export class LimitedHost extends ForwardingHost {
  readonly #grants: Grants;
  readonly #onRefused: OnRefused;
  readonly #within: Uint8Array | undefined;

  constructor(host: CallHost, grants: Grants, onRefused: OnRefused) {
    super(host);
    this.#grants = grants;
    this.#onRefused = onRefused;
    this.#within = confinementOf(this.#limitsOf('filesystem').paths);
  }

  override mount(memory: Uint8Array, ranges: Int32Array): number {
    if (!this.#may('mounts', 'mount')) return eperm;
    const { filesystems } = this.#limitsOf('mounts');
    if (filesystems !== undefined && !filesystems.includes(typeOf(memory, ranges))) {
      return this.#refuse('mounts.mount', 'filesystems');
    }
    return this.host.mount(memory, ranges);
  }

  override operate(
    which: number,
    memory: Uint8Array,
    numbers: Int32Array,
    result: Uint8Array,
  ): number {
    if (numbers[operationNumber.isLent] === 1) return this.#lend(which, memory, numbers, result);
    if (which === operation.unmount || which === operation.setMountAttributes) {
      const isMay = this.#may('mounts', changeOfMount(which, numbers));
      return isMay ? this.host.operate(which, memory, numbers, result) : eperm;
    }
    if (which === operation.stat && isAbsent(numbers, operationNumber.path)) {
      const isMay = this.#may('descriptors', 'stat');
      return isMay ? this.host.operate(which, memory, numbers, result) : eperm;
    }
    const name = fileOperations.get(which);
    if (name === undefined || !this.#may('filesystem', name)) return eperm;
    const within = this.#within;
    if (within === undefined) return this.host.operate(which, memory, numbers, result);
    const errno = this.host.operate(which, memory, numbers, result, within);
    // it may as well be what the kernel says
    if (errno === eperm) this.#onRefused(`filesystem.${name}`, 'paths');
    return errno;
  }

  override takeFd(fd: number): number {
    return this.#may('descriptors', 'take') ? this.host.takeFd(fd) : -eperm;
  }

  override installFd(descriptor: number, isCloseOnExec: boolean): number {
    return this.#may('descriptors', 'install')
      ? this.host.installFd(descriptor, isCloseOnExec)
      : -eperm;
  }

  override replaceFd(descriptor: number, fd: number, isCloseOnExec: boolean): number {
    return this.#may('descriptors', 'replace')
      ? this.host.replaceFd(descriptor, fd, isCloseOnExec)
      : -eperm;
  }

  override readArgument(argument: number, offset: bigint, into: Uint8Array): number {
    return this.#may('memory', 'read') ? this.host.readArgument(argument, offset, into) : -eperm;
  }

  override writeArgument(argument: number, offset: bigint, bytes: Uint8Array): number {
    return this.#may('memory', 'write') ? this.host.writeArgument(argument, offset, bytes) : eperm;
  }

  override killContainer(): number {
    return this.#may('container', 'kill') ? this.host.killContainer() : eperm;
  }

  override freezeContainer(isFrozen: boolean): number {
    return this.#may('container', isFrozen ? 'freeze' : 'thaw')
      ? this.host.freezeContainer(isFrozen)
      : eperm;
  }

  override containerResources(): Uint8Array | number {
    return this.#may('container', 'get-resources') ? this.host.containerResources() : eperm;
  }

  override stateSet(key: Uint8Array, value: Uint8Array): number {
    return this.host.stateSet(key, value, this.#limitsOf('state').keys);
  }

  override stateAdd(key: Uint8Array, number: Uint8Array): number {
    return this.host.stateAdd(key, number, this.#limitsOf('state').keys);
  }

  /** Nodes of devices; attributes of overlays have no limits. */
  #lend(which: number, memory: Uint8Array, numbers: Int32Array, result: Uint8Array): number {
    const { nodes } = this.#limitsOf('devices');
    const isMay =
      which !== operation.mknod || nodes === undefined || nodes.includes(nodeOf(numbers));
    return isMay
      ? this.host.operate(which, memory, numbers, result)
      : this.#refuse('devices.make', 'nodes');
  }

  #limitsOf(capability: string): Limits {
    return this.#grants.capabilities[capability] ?? notGranted;
  }

  /** Of an interface that is not granted, loading has refused all. */
  #may(capability: string, name: string): boolean {
    const { operations } = this.#limitsOf(capability);
    if (operations === undefined || operations.includes(name)) return true;
    this.#onRefused(`${capability}.${name}`, 'operations');
    return false;
  }

  #refuse(what: string, limit: keyof Limits): number {
    this.#onRefused(what, limit);
    return eperm;
  }
}

/** Without a type nothing new is mounted. */
function typeOf(memory: Uint8Array, ranges: Int32Array): string {
  const offset = (ranges[mountRange.type] ?? 0) >>> 0;
  const length = ranges[mountRange.type + 1] ?? -1;
  return length < 0 ? '' : Buffer.from(memory.subarray(offset, offset + length)).toString('latin1');
}

function changeOfMount(which: number, numbers: Int32Array): string {
  if (which === operation.setMountAttributes) return 'set-attributes';
  return isAbsent(numbers, operationNumber.value) ? 'unmount' : 'unmount-sparing';
}

/** As grants name it. */
function nodeOf(numbers: Int32Array): string {
  const mode = numbers[operationNumber.mode] ?? 0;
  const major = (numbers[operationNumber.first] ?? 0) >>> 0;
  const minor = (numbers[operationNumber.second] ?? 0) >>> 0;
  return `${(mode & sIfmt) === sIfchr ? 'c' : 'b'} ${major}:${minor}`;
}
