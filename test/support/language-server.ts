// SPDX-License-Identifier: Apache-2.0
// Speaks to language servers as editors do: the Language Server Protocol, and tsserver's own.
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { pathToFileURL } from 'node:url';

import { until } from './polling.ts';

/** Place in a text, from 0. */
export interface Position {
  readonly line: number;
  readonly character: number;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: any;
  readonly result?: any;
  readonly error?: unknown;
  /** Of tsserver. */
  readonly request_seq?: number;
  readonly body?: any;
}

/** What an editor shows of a file. */
export interface EditorServer extends Disposable {
  open(file: string, text: string): Promise<void>;
  /** Messages of errors and warnings. */
  diagnostics(file: string): Promise<readonly string[]>;
  completions(file: string, position: Position): Promise<readonly string[]>;
}

/** A server that writes messages with their length before them. */
class Connection implements Disposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly received: Message[] = [];
  #bytes: Buffer = Buffer.alloc(0);

  constructor([program, ...args]: readonly [string, ...string[]], folder: string) {
    this.#child = spawn(program, args, { cwd: folder });
    this.#child.stdout.on('data', (bytes: Buffer) => this.#take(bytes));
    this.#child.stderr.resume();
  }

  #take(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      const end = this.#bytes.indexOf('\r\n\r\n');
      const [, length] =
        /Content-Length: (\d+)/u.exec(this.#bytes.toString('latin1', 0, end)) ?? [];
      if (end < 0 || length === undefined) return;
      const next = end + 4 + Number(length);
      if (this.#bytes.length < next) return;
      const message: Message = JSON.parse(this.#bytes.toString('utf8', end + 4, next));
      this.#bytes = this.#bytes.subarray(next);
      this.received.push(message);
      // a question of the server, which any answer satisfies
      if (message.method !== undefined && message.id !== undefined) {
        this.send({ jsonrpc: '2.0', id: message.id, result: null });
      }
    }
  }

  send(message: object): void {
    const text = JSON.stringify(message);
    this.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  write(text: string): void {
    this.#child.stdin.write(text);
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}

const languageIds: Readonly<Record<string, string>> = { rs: 'rust', c: 'c' };

function uriOf(file: string): string {
  return pathToFileURL(file).href;
}

interface Diagnostic {
  readonly severity: number;
  readonly message: string;
}

/** Of the Language Server Protocol; below are information and hints. */
const warning = 2;

function messagesIn(diagnostics: readonly Diagnostic[]): readonly string[] {
  return diagnostics.filter(({ severity }) => severity <= warning).map(({ message }) => message);
}

export class LanguageServer implements EditorServer {
  readonly #connection: Connection;
  #lastId = 0;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  static async start(
    command: readonly [string, ...string[]],
    folder: string,
  ): Promise<LanguageServer> {
    const server = new LanguageServer(new Connection(command, folder));
    await server.#ask('initialize', {
      processId: process.pid,
      rootUri: uriOf(folder),
      workspaceFolders: [{ uri: uriOf(folder), name: 'bundle' }],
      // of rust-analyzer: types, too, and not what cargo says, which has no package here
      initializationOptions: {
        checkOnSave: false,
        diagnostics: { experimental: { enable: true } },
      },
      capabilities: {
        textDocument: { publishDiagnostics: {}, completion: {}, diagnostic: {} },
        experimental: { serverStatusNotification: true },
      },
    });
    server.#tell('initialized', {});
    return server;
  }

  #tell(method: string, params: object): void {
    this.#connection.send({ jsonrpc: '2.0', method, params });
  }

  async #ask(method: string, params: object): Promise<any> {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#connection.send({ jsonrpc: '2.0', id, method, params });
    const answer = await until(method, () =>
      this.#connection.received.find(
        (message) => message.id === id && message.method === undefined,
      ),
    );
    if (answer.error !== undefined) throw new Error(`${method}: ${JSON.stringify(answer.error)}`);
    return answer.result;
  }

  async open(file: string, text: string): Promise<void> {
    const ending = file.split('.').at(-1) ?? '';
    const languageId = languageIds[ending] ?? 'typescript';
    const textDocument = { uri: uriOf(file), languageId, version: 1, text };
    this.#tell('textDocument/didOpen', { textDocument });
    if (languageId !== 'rust') return;
    await until('all to be read', () =>
      this.#connection.received.find(
        ({ method, params }) => method === 'experimental/serverStatus' && params.quiescent === true,
      ),
    );
  }

  /** clangd tells them by itself. */
  async diagnostics(file: string): Promise<readonly string[]> {
    const uri = uriOf(file);
    if (!file.endsWith('.c')) {
      const { items } = await this.#ask('textDocument/diagnostic', { textDocument: { uri } });
      return messagesIn(items);
    }
    const told = await until('diagnostics', () =>
      this.#connection.received.find(
        ({ method, params }) => method === 'textDocument/publishDiagnostics' && params.uri === uri,
      ),
    );
    return messagesIn(told.params.diagnostics);
  }

  async completions(file: string, position: Position): Promise<readonly string[]> {
    const textDocument = { uri: uriOf(file) };
    const result = await this.#ask('textDocument/completion', { textDocument, position });
    const items: readonly { readonly label: string; readonly filterText?: string }[] =
      result.items ?? result;
    return items.map(({ label, filterText }) => filterText ?? label);
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }
}

export class TsServer implements EditorServer {
  readonly #connection: Connection;
  #last = 0;

  constructor(command: readonly [string, ...string[]], folder: string) {
    this.#connection = new Connection(command, folder);
  }

  async #ask(command: string, parameters: object): Promise<any> {
    this.#last += 1;
    const seq = this.#last;
    this.#connection.write(
      `${JSON.stringify({ seq, type: 'request', command, arguments: parameters })}\n`,
    );
    const { body } = await until(command, () =>
      this.#connection.received.find(({ request_seq }) => request_seq === seq),
    );
    return body;
  }

  async open(file: string, text: string): Promise<void> {
    await this.#ask('updateOpen', { openFiles: [{ file, fileContent: text }] });
  }

  async diagnostics(file: string): Promise<readonly string[]> {
    const found = [];
    for (const kind of ['syntactic', 'semantic', 'suggestion']) {
      const own: readonly { readonly text: string; readonly category: string }[] = await this.#ask(
        `${kind}DiagnosticsSync`,
        { file },
      );
      found.push(...own.filter(({ category }) => category !== 'suggestion'));
    }
    return found.map(({ text }) => text);
  }

  async completions(file: string, { line, character }: Position): Promise<readonly string[]> {
    const place = { file, line: line + 1, offset: character + 1 };
    const { entries } = await this.#ask('completionInfo', place);
    return entries.map(({ name }: { readonly name: string }) => name);
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }
}
