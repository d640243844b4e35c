// SPDX-License-Identifier: Apache-2.0
// Drives built handlers through the agent's own loader, without root or kernel: calls are made up,
// capabilities record what was asked of them and answer what the test prepared.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import type { Action, ChainDecision } from '../../host/handler/action.ts';
import { loadComponent } from '../../host/handler/direct.ts';
import type { LoadedComponent } from '../../host/handler/direct.ts';
import { errnoNumber } from '../../host/handler/errno.ts';
import type { ErrnoName } from '../../host/handler/errno.ts';
import { HandlerInstance } from '../../host/handler/instance.ts';
import { inbox, noState } from '../../host/native.ts';
import { Container } from '../../host/notification/container.ts';
import { SlotBook } from '../../host/notification/counters.ts';
import { Quarantine, makeQuarantineBuffers } from '../../host/notification/quarantine.ts';
import { ReceivedCall } from '../../host/notification/received-call.ts';
import { syscallNumbers } from '../../host/notification/syscall-numbers.ts';
import { Syscalls } from '../../host/notification/syscalls.ts';
import type { Syscall } from '../../host/notification/syscalls.ts';
import { shippedBundles } from '../../host/package-root.ts';
import { readBundle } from '../../host/registry/bundle.ts';
import type { ContainerIdentity } from '../../host/registry/resolver.ts';
import { bundleRegistry } from './bundle-resolver.ts';
import { RecordingHost } from './recording-host.ts';
import type { HostCall } from './recording-host.ts';

export { RecordingHost };
export type { HostCall };

/**
 * An argument of a made-up call: a register, or what is behind a pointer: bytes, NULL (null), an
 * errno of the reading.
 */
export type GivenArgument =
  | number
  | bigint
  | string
  | Uint8Array
  | null
  | { readonly errno: ErrnoName };

/** The address that pointers have; nobody may ever look there. */
const someAddress = 0x7fff_dead_beefn;
/** Behind the last field. */
const dataStart: number = inbox.took + 8;

/** Writes a call on x86-64 into an inbox, as the addon does. */
export function fillCall(
  call: ReceivedCall,
  syscall: string,
  given: readonly GivenArgument[],
): void {
  const view = new DataView(call.bytes.buffer);
  const number = syscallNumbers.find(([name]) => name === syscall)?.[1] ?? -1;
  if (number < 0) throw new Error(`x86-64 has no call ${syscall}`);
  call.bytes.fill(0);
  view.setUint32(inbox.token, 1, true);
  view.setUint32(inbox.tid, 1234, true);
  view.setUint32(inbox.number, number, true);
  for (let index = 0; index < 6; index += 1) {
    view.setInt32(inbox.pointers + index * 8, inbox.notRead, true);
  }
  let used = dataStart;
  given.forEach((argument, index) => {
    const pointer = inbox.pointers + index * 8;
    const setRegister = (value: bigint): void => {
      view.setBigUint64(inbox.registers + index * 8, BigInt.asUintN(64, value), true);
    };
    if (typeof argument === 'number' || typeof argument === 'bigint') {
      setRegister(BigInt(argument));
    } else if (argument === null) {
      view.setInt32(pointer, inbox.null, true);
    } else if (typeof argument === 'string' || argument instanceof Uint8Array) {
      const bytes = typeof argument === 'string' ? new TextEncoder().encode(argument) : argument;
      setRegister(someAddress);
      view.setInt32(pointer, bytes.length, true);
      view.setUint32(pointer + 4, used, true);
      call.bytes.set(bytes, used);
      used += bytes.length;
    } else {
      setRegister(someAddress);
      view.setInt32(pointer, -errnoNumber(argument.errno), true);
    }
  });
}

function syscallOf(syscalls: Syscalls, name: string): Syscall {
  const syscall = syscalls.byName(name);
  if (syscall === undefined) throw new Error(`there is no system call ${name}`);
  return syscall;
}

/** A component of the shipped bundle of the same name. */
export function shippedComponent(name: string): string {
  return join(shippedBundles(), name, `${name}.wasm`);
}

/**
 * One instance of a handler.
 *
 * @example
 * const handler = new HandlerHarness(shippedComponent('errno'), { errno: 'EPERM' });
 * expect(handler.ask('chmod', '/a', 0o755)).toMatchObject({ kind: 'fail', errno: 'EPERM' });
 */
export class HandlerHarness {
  readonly component: LoadedComponent;
  readonly instance: HandlerInstance;
  readonly host: RecordingHost;
  readonly #syscalls = new Syscalls();
  readonly #call = new ReceivedCall();
  #current: Syscall | undefined;

  /** @throws AgentError what the agent would say when it loads or configures the handler */
  constructor(file: string, settings: Readonly<Record<string, string>> = {}) {
    this.component = loadComponent(readFileSync(file));
    this.host = new RecordingHost(() =>
      this.#current === undefined ? [] : this.#call.decode(this.#current),
    );
    this.instance = new HandlerInstance(this.component, Object.entries(settings), this.host);
  }

  /** What the handler asked of the host so far. */
  get calls(): readonly HostCall[] {
    return this.host.calls;
  }

  /** @throws AgentError as the agent's worker gets it */
  ask(syscall: string, ...given: readonly GivenArgument[]): Action {
    const found = syscallOf(this.#syscalls, syscall);
    fillCall(this.#call, syscall, given);
    this.#current = found;
    return this.instance.ask(this.#call, found);
  }
}

/** The chain of a built bundle, as a worker runs it for one container. */
export class BundleHarness {
  /** By the handlers' places in the chain. */
  readonly hosts: readonly RecordingHost[];
  readonly container: Container;
  readonly #syscalls = new Syscalls();
  readonly #call = new ReceivedCall();

  /** @throws AgentError AGENT_BUNDLE_INVALID, AGENT_SETTING_INVALID */
  constructor(folder: string, identity: ContainerIdentity) {
    const bundle = readBundle(folder);
    const registry = bundleRegistry(bundle, identity);
    this.hosts = registry.handlers.map(() => new RecordingHost());
    this.container = new Container({
      registry,
      quarantine: registry.handlers.map((_, index) => index),
      states: registry.handlers.map(() => noState),
      health: new Quarantine(makeQuarantineBuffers()),
      slots: new SlotBook({ taken: [], announce: () => {} }),
      onSlow: () => {},
      terms: 1,
      onQuarantined: () => {},
      onWriteRefused: () => {},
      component: (id) => {
        const found = bundle.handlers.find(({ component }) => component.id === id);
        if (found === undefined) throw new Error(`${basename(folder)} has no component ${id}`);
        return found.component;
      },
      hostFor: (handler, index) => {
        const host = this.hosts[index];
        if (host === undefined) throw new Error(`${handler.name} is not in the chain`);
        return host;
      },
    });
  }

  /** What all handlers asked of the host so far, in chain order. */
  get calls(): readonly HostCall[] {
    return this.hosts.flatMap((host) => host.calls);
  }

  decide(syscall: string, ...given: readonly GivenArgument[]): ChainDecision {
    fillCall(this.#call, syscall, given);
    const decision = this.container.decide(this.#call, syscallOf(this.#syscalls, syscall));
    return decision ?? this.container.failure;
  }
}
