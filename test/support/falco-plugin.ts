// SPDX-License-Identifier: Apache-2.0
// Falco's plugin as the agent sees it: a gRPC server on a unix socket. It knows the messages by
// nothing but the bytes that arrive, so that a field of another number or type is found out.
import { rmSync } from 'node:fs';

import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServiceDefinition } from '@grpc/grpc-js';

/** A field of a message: its number, and a number or bytes. */
type Field = readonly [number: number, value: bigint | Buffer];

export interface PluginEvent {
  readonly id: bigint;
  readonly pid: bigint;
  readonly syscall: string;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly k8sPid: bigint;
  readonly pidFilter: bigint;
}

const wireType = { varint: 0, bytes: 2 } as const;

function varintAt(bytes: Buffer, start: number): readonly [value: bigint, end: number] {
  let value = 0n;
  let shift = 0n;
  let at = start;
  for (;;) {
    const byte = bytes.readUInt8(at);
    at += 1;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return [value, at];
    shift += 7n;
  }
}

function fieldsOf(bytes: Buffer): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  while (at < bytes.length) {
    const [key, afterKey] = varintAt(bytes, at);
    const number = Number(key >> 3n);
    const [value, end] = varintAt(bytes, afterKey);
    switch (Number(key & 7n)) {
      case wireType.varint:
        fields.push([number, value]);
        at = end;
        break;
      case wireType.bytes:
        at = end + Number(value);
        fields.push([number, bytes.subarray(end, at)]);
        break;
      default:
        throw new Error(`field ${number} is of no type that we expect`);
    }
  }
  return fields;
}

function numberIn(fields: readonly Field[], number: number): bigint {
  const value = fields.find(([own]) => own === number)?.[1] ?? 0n;
  if (typeof value === 'bigint') return value;
  throw new Error(`field ${number} is no number`);
}

function bytesIn(fields: readonly Field[], number: number): Buffer {
  const value = fields.find(([own]) => own === number)?.[1] ?? Buffer.alloc(0);
  if (typeof value !== 'bigint') return value;
  throw new Error(`field ${number} is a number`);
}

function eventOf(bytes: Buffer): PluginEvent {
  const event = fieldsOf(bytes);
  const workload = fieldsOf(bytesIn(event, 4));
  return {
    id: numberIn(event, 1),
    pid: numberIn(event, 2),
    syscall: bytesIn(event, 3).toString(),
    namespace: bytesIn(workload, 1).toString(),
    pod: bytesIn(workload, 2).toString(),
    container: bytesIn(workload, 3).toString(),
    k8sPid: numberIn(workload, 4),
    pidFilter: numberIn(workload, 5),
  };
}

const service: ServiceDefinition = {
  publishEvent: {
    path: '/seccompagentfalco.SeccompAgentFalco/PublishEvent',
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: Buffer) => value,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (value: Buffer) => value,
    responseDeserialize: (bytes: Buffer) => bytes,
  },
};

export class FalcoPlugin implements AsyncDisposable {
  readonly #server = new Server();
  readonly #socket: string;
  readonly events: PluginEvent[] = [];

  private constructor(socket: string, answers: 'at once' | 'never') {
    this.#socket = socket;
    this.#server.addService(service, {
      publishEvent: (
        { request }: { readonly request: Buffer },
        done: (error: null, response: Buffer) => void,
      ) => {
        this.events.push(eventOf(request));
        if (answers === 'at once') done(null, Buffer.alloc(0));
      },
    });
  }

  /** Resolves once it listens. */
  static async start(
    socket: string,
    answers: 'at once' | 'never' = 'at once',
  ): Promise<FalcoPlugin> {
    // as the plugin does
    rmSync(socket, { force: true });
    const plugin = new FalcoPlugin(socket, answers);
    await new Promise<void>((resolve, reject) => {
      plugin.#server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
    return plugin;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
    rmSync(this.#socket, { force: true });
    await Promise.resolve();
  }
}
