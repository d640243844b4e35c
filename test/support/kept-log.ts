// SPDX-License-Identifier: Apache-2.0
// A log whose lines are kept, for what a part of the agent says.
import { pino } from 'pino';
import type { Logger } from 'pino';

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export class KeptLog {
  readonly lines: LogLine[] = [];
  readonly logger: Logger;

  constructor() {
    const write = (text: string): void => {
      const line: LogLine = JSON.parse(text);
      this.lines.push(line);
    };
    const formatters = { level: (label: string) => ({ level: label }) };
    this.logger = pino({ level: 'trace', base: null, formatters }, { write });
  }

  /** Those that operators see by default. */
  get shown(): readonly string[] {
    return this.lines
      .filter(({ level }) => level !== 'debug' && level !== 'trace')
      .map(({ level, msg }) => `${level} ${msg}`);
  }
}
