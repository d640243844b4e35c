// SPDX-License-Identifier: Apache-2.0
// Tells Falco's plugin of calls: gRPC over its unix socket. Loaded only where somebody wants it.
import { join } from 'node:path';

import { Client, credentials, loadPackageDefinition, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

import { AgentError } from '../../errors.ts';
import { packageRoot } from '../../package-root.ts';
import type { ShownDecision } from '../decision.ts';
import type { DeliveryResult } from '../delivery.ts';

const protoFile = 'host/observation/falco/seccompagent-falco.proto';
/** For one event, with the time until somebody is there. */
const deadlineMs = 1000;
const reconnecting = {
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2000,
};

interface PublishEventRequest {
  readonly id: string;
  readonly pid: number;
  readonly syscall: string;
  readonly k8s: {
    readonly namespace: string;
    readonly pod: string;
    readonly container: string;
    readonly pid: number;
    readonly pidFilter: number;
  };
}

/** The methods of the service; the loader makes them of the file. */
interface PluginClient extends Client {
  publishEvent(
    request: PublishEventRequest,
    options: { readonly deadline: number },
    done: (error: ServiceError | null) => void,
  ): unknown;
}

type MakeClient = new (
  address: string,
  secret: ReturnType<typeof credentials.createInsecure>,
  options: typeof reconnecting,
) => PluginClient;

function isService(value: unknown): value is MakeClient {
  return typeof value === 'function' && value.prototype instanceof Client;
}

function makeClient(): MakeClient {
  const loaded: unknown = loadPackageDefinition(
    loadSync(join(packageRoot(), protoFile), { longs: String }),
  )['seccompagentfalco'];
  const service: unknown =
    typeof loaded === 'object' && loaded !== null && 'SeccompAgentFalco' in loaded
      ? loaded.SeccompAgentFalco
      : undefined;
  if (isService(service)) return service;
  throw new AgentError('AGENT_FALCO', `${protoFile} does not describe the service`);
}

/** As the plugin knows a call; 0 and empty texts are what nobody knows. */
export function requestOf(decision: ShownDecision): PublishEventRequest {
  const { container, notificationId, tid, syscall, number } = decision;
  const { namespace = '', pod = '', container: name = '' } = container.workload;
  return {
    id: notificationId.toString(),
    pid: tid,
    syscall: syscall ?? String(number),
    k8s: {
      namespace,
      pod,
      container: name,
      pid: container.firstPid ?? 0,
      pidFilter: container.filterPid ?? 0,
    },
  };
}

export class FalcoPluginClient implements Disposable {
  readonly #client: PluginClient;

  constructor(socket: string) {
    const Service = makeClient();
    this.#client = new Service(`unix://${socket}`, credentials.createInsecure(), reconnecting);
  }

  async send(decision: ShownDecision): Promise<DeliveryResult> {
    return new Promise((resolve) => {
      this.#client.publishEvent(
        requestOf(decision),
        { deadline: Date.now() + deadlineMs },
        (error) => {
          if (error === null) resolve('sent');
          else resolve(error.code === status.UNAVAILABLE ? 'away' : 'failed');
        },
      );
    });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}
