// SPDX-License-Identifier: Apache-2.0
// A Prometheus of the system's package: its own port of loopback and folder, gone with its test.
import { writeFileSync } from 'node:fs';

import { RunningCommand, runCommand } from './command.ts';
import { freePort } from './loopback.ts';
import { until } from './polling.ts';
import { TemporaryFolder } from './temporary-folder.ts';

export interface PromSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface QueryAnswer {
  readonly error?: string;
  readonly data?: {
    readonly resultType: string;
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly value: readonly [number, string];
    }[];
  };
}

const deadlineMs = 120_000;

export class Prometheus implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #running: RunningCommand;
  readonly #origin: string;

  private constructor(folder: TemporaryFolder, running: RunningCommand, port: number) {
    this.#folder = folder;
    this.#running = running;
    this.#origin = `http://127.0.0.1:${port}`;
  }

  /** Resolves once it answers. @param targets `host:port` of agents */
  static async start(targets: readonly string[]): Promise<Prometheus> {
    const folder = new TemporaryFolder();
    const port = await freePort();
    const config = {
      global: { scrape_interval: '250ms', scrape_timeout: '250ms' },
      scrape_configs: [{ job_name: 'seccompagent', static_configs: [{ targets }] }],
    };
    // JSON is YAML
    writeFileSync(folder.at('prometheus.yml'), JSON.stringify(config));
    const running = new RunningCommand(
      [
        'prometheus',
        `--config.file=${folder.at('prometheus.yml')}`,
        `--storage.tsdb.path=${folder.at('data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ],
      { deadlineMs },
    );
    const prometheus = new Prometheus(folder, running, port);
    await until('Prometheus to be ready', async () => prometheus.#isReady());
    return prometheus;
  }

  /** @throws Error with what Prometheus says against the expression */
  async query(expression: string): Promise<readonly PromSample[]> {
    const url = `${this.#origin}/api/v1/query?${new URLSearchParams({ query: expression }).toString()}`;
    const answer: QueryAnswer = JSON.parse(await (await fetch(url)).text());
    if (answer.data === undefined) throw new Error(`${expression}: ${answer.error ?? 'no data'}`);
    if (answer.data.resultType !== 'vector') throw new Error(`${expression}: no vector`);
    return answer.data.result.map(({ metric, value: [, value] }) => ({
      labels: metric,
      value: Number(value),
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }

  async #isReady(): Promise<true | undefined> {
    if (this.#running.hasEnded) throw new Error(`Prometheus has ended: ${this.#running.stderr}`);
    try {
      return (await fetch(`${this.#origin}/-/ready`)).ok || undefined;
    } catch {
      return undefined;
    }
  }
}

/** Output of promtool; empty: no errors. */
export async function promtool(
  args: readonly [string, ...string[]],
  input = '',
): Promise<{ readonly code: number | null; readonly text: string }> {
  const { code, stdout, stderr } = await runCommand(['promtool', ...args], { input });
  return { code, text: stdout + stderr };
}
