// SPDX-License-Identifier: Apache-2.0
// A log whose records are kept, for what a part of the agent says.
import { pino } from 'pino';

import { Log } from '../../host/log/log.ts';
import type { LogRecord } from './log-records.ts';

export class KeptLog {
  readonly records: LogRecord[] = [];
  readonly log: Log;

  constructor() {
    const write = (text: string): void => {
      const record: LogRecord = JSON.parse(text);
      this.records.push(record);
    };
    const formatters = { level: (label: string) => ({ level: label }) };
    this.log = new Log(pino({ level: 'trace', base: null, formatters }, { write }));
  }

  /** The events that operators see by default. */
  get shown(): readonly string[] {
    return this.records
      .filter(({ level }) => level !== 'debug' && level !== 'trace')
      .map(({ event }) => event);
  }
}
