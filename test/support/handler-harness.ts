// SPDX-License-Identifier: Apache-2.0
// Built handlers and bundles, driven without root or kernel.
import { basename, join } from 'node:path';

import type { ChainDecision } from '../../host/call/action.ts';
import type { HostCall } from '../../host/call/host-call.ts';
import { noState } from '../../host/native.ts';
import { Container } from '../../host/worker/container.ts';
import { ContainerSlots } from '../../host/counting/counter-slots.ts';
import { Quarantine, makeQuarantineBuffers } from '../../host/worker/quarantine.ts';
import { ReceivedCall } from '../../host/call/received-call.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import { shippedBundles } from '../../host/package-root.ts';
import { readBundle } from '../../host/bundles/bundle.ts';
import type { ContainerStop } from '../../host/registry/policy.ts';
import type { ContainerIdentity } from '../../host/resolvers/resolver.ts';
import { HandlerHarness } from '../../host/trial/handler-harness.ts';
import { fillCall, syscallOf } from '../../host/trial/made-up-call.ts';
import type { GivenArgument } from '../../host/trial/made-up-call.ts';
import { RecordingHost } from '../../host/trial/recording-host.ts';
import { bundleRegistry } from './bundle-resolver.ts';

export { fillCall, HandlerHarness, RecordingHost };
export type { GivenArgument, HostCall };

/** A component of the shipped bundle of the same name. */
export function shippedComponent(name: string): string {
  return join(shippedBundles(), name, `${name}.wasm`);
}

/** The chain of a built bundle, as a worker runs it for one container. */
export class BundleHarness {
  /** By the handlers' places in the chain. */
  readonly hosts: readonly RecordingHost[];
  readonly container: Container;
  /** Acts on the container. */
  readonly stops: ContainerStop[] = [];
  readonly #syscalls = new Syscalls();
  readonly #call = new ReceivedCall();

  /** @throws AgentError AGENT_BUNDLE_INVALID, AGENT_SETTING_INVALID */
  constructor(
    folder: string,
    identity: ContainerIdentity,
    settings: Readonly<Record<string, string>> = {},
  ) {
    const bundle = readBundle(folder);
    const registry = bundleRegistry(bundle, identity, Object.entries(settings));
    this.hosts = registry.handlers.map(() => new RecordingHost());
    this.container = new Container({
      registry,
      quarantine: registry.handlers.map((_, index) => index),
      states: registry.handlers.map(() => noState),
      health: new Quarantine(makeQuarantineBuffers()),
      slots: new ContainerSlots(() => undefined),
      onSlow: () => {},
      onStop: (stop) => {
        this.stops.push(stop);
      },
      terms: 1,
      place: 0,
      onQuarantined: () => {},
      mayReport: () => true,
      hasRoom: () => true,
      onMemory: () => {},
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

  /** Host calls of all handlers so far, in chain order. */
  get calls(): readonly HostCall[] {
    return this.hosts.flatMap((host) => host.calls);
  }

  decide(syscall: string, ...given: readonly GivenArgument[]): ChainDecision {
    fillCall(this.#call, syscall, given);
    const decision = this.container.decide(this.#call, syscallOf(this.#syscalls, syscall));
    return decision ?? this.container.failure;
  }
}
