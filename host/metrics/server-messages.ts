// SPDX-License-Identifier: Apache-2.0
// Messages between the thread of the metrics port and the main thread.

/** Address of a server. */
export interface BindAddress {
  /** A name or an address without brackets; empty for all addresses. */
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** What only the main thread knows. */
export type Page = '/metrics' | '/healthz' | '/readyz';

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Of an error of Node's. */
export interface SentFailure {
  readonly message: string;
  readonly code?: string | undefined;
}

export type ServerMessage =
  | { readonly kind: 'listening'; readonly port: number }
  | ({ readonly kind: 'deaf' | 'failed' } & SentFailure)
  /** Of each page once at a time. */
  | { readonly kind: 'asked'; readonly page: Page };

export interface PageAnswer {
  readonly page: Page;
  readonly reply: Reply;
}

const plainText = 'text/plain; charset=utf-8';

/** In memory of its own. */
export function replyOf(status: number, text: string, type: string = plainText): Reply {
  return { status, type, body: new TextEncoder().encode(text) };
}
