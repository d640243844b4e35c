// SPDX-License-Identifier: Apache-2.0
// A client of the container runtime interface, by which kubelets speak to runtimes.
import { Client, credentials } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import { loadSync } from '@grpc/proto-loader';

const includeFolder = '/usr/share/gocode/src';
const apiFile = 'k8s.io/cri-api/pkg/apis/runtime/v1/api.proto';

/** For kernel-setup.ts. */
export const criApiFile: string = `${includeFolder}/${apiFile}`;

/** Only what hangs takes so long. */
const deadlineMs = 120_000;

/** A message whose fields are looked at by name. */
export type Message = Readonly<Record<string, unknown>>;

type Methods = Readonly<Record<string, MethodDefinition<object, object>>>;

export class CriClient implements Disposable {
  readonly #client: Client;
  readonly #methods: Methods;

  constructor(socket: string) {
    this.#client = new Client(`unix://${socket}`, credentials.createInsecure());
    const services = loadSync(apiFile, {
      keepCase: true,
      defaults: true,
      enums: String,
      longs: String,
      includeDirs: [includeFolder],
    });
    this.#methods = {
      ...methodsOf(services['runtime.v1.RuntimeService']),
      ...methodsOf(services['runtime.v1.ImageService']),
    };
  }

  /** @throws Error with the runtime's words */
  async call(name: string, request: Message): Promise<Message> {
    const method = this.#methods[name];
    if (method === undefined) throw new Error(`there is no ${name}`);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        { deadline: Date.now() + deadlineMs },
        (error, response) => {
          if (error === null && response !== undefined) resolve(messageOf(response));
          else reject(new Error(`${name}: ${error?.message}`, { cause: error }));
        },
      );
    });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** A field that is a message. */
export function messageIn(message: Message, field: string): Message {
  const value = message[field];
  if (typeof value !== 'object' || value === null) throw new Error(`${field} is no message`);
  return messageOf(value);
}

/** A field that is a text: `''` if nobody has set it. */
export function textIn(message: Message, field: string): string {
  const value = message[field];
  if (typeof value === 'string') return value;
  throw new Error(`${field} is no text`);
}

function messageOf(value: object): Message {
  return Object.fromEntries(Object.entries(value));
}

function methodsOf(definition: object | undefined): Methods {
  if (definition === undefined) throw new Error(`${apiFile} lacks a service`);
  return Object.fromEntries(Object.entries(definition));
}
