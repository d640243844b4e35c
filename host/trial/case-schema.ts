// SPDX-License-Identifier: Apache-2.0
// The JSON Schema of handler.test.yaml, made of the tables that its reader goes by.
import { hostFunctions } from '../call/host-functions.ts';
import { closed, errnoDefinition } from '../bundles/bundle-schema.ts';
import type { Schema } from '../bundles/bundle-schema.ts';
import { syscallNumbers } from '../syscalls/syscall-numbers.ts';
import { syscallTable } from '../syscalls/syscall-table.ts';
import { callerKeys, caseKeys, stepKeys } from './case-file.ts';
import { statusNames } from './described-answer.ts';

const text: Schema = { type: 'string' };
const number: Schema = { type: 'integer' };
const texts: Schema = { type: 'object', additionalProperties: { $ref: '#/$defs/word' } };
const errno: Schema = { $ref: '#/$defs/errno' };
const bytes: Schema = { $ref: '#/$defs/bytes' };
const list: Schema = { type: 'array', items: bytes };
const final: Schema = {
  anyOf: [
    { const: 'continue' },
    closed({ value: number }, ['value']),
    closed({ fail: errno }, ['fail']),
  ],
};

function named(keys: readonly string[], schemas: Schema): Schema {
  return Object.fromEntries(keys.map((key) => [key, schemas[key] ?? {}]));
}

const argumentNames = [
  ...new Set(syscallTable.flatMap((row) => row.arguments.map(({ name }) => name))),
];

const action: Schema = {
  description: 'What the handler must answer; absent: anything.',
  anyOf: [
    { enum: ['next', 'perform'] },
    final,
    closed({ delay: closed({ milliseconds: number, answer: final }, ['milliseconds', 'answer']) }, [
      'delay',
    ]),
    closed(
      { descriptor: closed({ index: number, 'close-on-exec': { type: 'boolean' } }, ['index']) },
      ['descriptor'],
    ),
  ],
};

const functions = hostFunctions.map(({ capability, name }) => `${capability}.${name}`);

const status = closed(named(statusNames, {}), []);
const located = closed(
  {
    path: bytes,
    exists: { type: 'boolean' },
    'is-mount-point': { type: 'boolean' },
    mount: number,
    status,
  },
  ['path'],
);

/** Of a case, or of its steps. */
const step: Schema = {
  call: {
    enum: syscallNumbers.map(([name]) => name),
    description: 'The system call, as it would be made on x86-64.',
  },
  arguments: {
    description:
      'By their names in the table of system calls, or a list for calls that are not decoded.',
    anyOf: [{ type: 'array' }, closed(named(argumentNames, {}), [])],
  },
  answers: {
    type: 'array',
    description: 'Results of capability calls, in turn; after the last one all are ok.',
    items: {
      anyOf: [
        { enum: ['ok', 'gone'] },
        errno,
        number,
        closed({ bytes }, ['bytes']),
        closed({ descriptor: number }, ['descriptor']),
        closed({ status }, ['status']),
        closed({ located }, ['located']),
      ],
    },
  },
  expect: {
    ...closed(
      {
        action,
        calls: {
          type: 'array',
          description: 'The capability calls; left out, any calls pass.',
          items: {
            anyOf: [
              { enum: functions },
              {
                type: 'object',
                minProperties: 1,
                maxProperties: 1,
                propertyNames: { enum: functions },
              },
            ],
          },
        },
        failure: { ...text, description: 'A part of the message: the handler must trap.' },
        refusal: { ...text, description: 'A part of the reason: the settings must be rejected.' },
      },
      [],
    ),
    minProperties: 1,
  },
};

const caller: Schema = {
  uid: number,
  gid: number,
  groups: { type: 'array', items: number },
  umask: number,
  comm: text,
  capabilities: number,
  age: { ...number, description: 'Of its process, in milliseconds.' },
  'is-first': {
    type: 'boolean',
    description: 'Whether its process is the first of the container.',
  },
};

const own: Schema = {
  ...step,
  name: text,
  settings: { ...texts, description: 'As metadata sets them; absent: those before all cases.' },
  container: closed({ id: text, annotations: texts }, []),
  caller: closed(named(callerKeys, caller), []),
  memory: {
    type: 'object',
    description: 'The memory that the capability memory reads behind arguments 0 to 5.',
    propertyNames: { pattern: '^[0-5]$' },
    additionalProperties: {
      anyOf: [bytes, list, closed({ strings: list, truncated: { type: 'boolean' } }, ['strings'])],
    },
  },
  state: {
    type: 'object',
    description: 'The contents of the capability state at the beginning.',
    additionalProperties: bytes,
  },
  steps: {
    type: 'array',
    description: 'Calls that one instance gets in turn, in place of one call.',
    items: closed(named(stepKeys, step), ['call', 'expect']),
  },
};

export function caseSchema(): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Test cases of a handler of Seccomp Agent (handler.test.yaml)',
    ...closed(
      {
        $schema: text,
        handler: { ...text, description: 'Which one the cases are for, where there are several.' },
        settings: { ...texts, description: 'Of cases that have none.' },
        cases: { type: 'array', items: closed(named(caseKeys, own), ['name']) },
      },
      ['cases'],
    ),
    $defs: {
      errno: errnoDefinition,
      word: { type: ['string', 'number', 'boolean'] },
      bytes: { anyOf: [text, closed({ hex: text }, ['hex'])] },
    },
  };
}
