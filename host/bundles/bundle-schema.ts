// SPDX-License-Identifier: Apache-2.0
// The JSON Schema of bundle.json, made of the tables that its reader goes by.
import { errnos } from '../syscalls/errno.ts';
import { canPerform } from '../syscalls/family-table.ts';
import { families } from '../syscalls/syscall-table.ts';
import { controlCharacters } from '../terminal-text.ts';
import { askable } from './askable-calls.ts';
import { maxManifestBytes } from './bundle-folder.ts';
import { bundleVersion, folderName, maxHandlers } from './manifest.ts';
import { componentFile, digestForm } from './manifest-handler.ts';
import { bitsForm } from './only-calls.ts';
import { namespaceFlags } from './refused-calls.ts';
import { maxPaths, maxSettings, reservedKeys, settingKey, settingTypes } from './setting.ts';
import { grantLimits, limitForms, maxKeys, maxWords, operationsOf } from './grant-limits.ts';
import type { LimitKind } from './grant-limits.ts';
import { maxFields } from './template.ts';

export type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };
const prose: Schema = { type: 'string', pattern: `^(?=.*\\S)[^${controlCharacters}]+$` };
const errnoNames = errnos.map(([name]) => name);
const amount = String.raw`(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)`;
export const durationPattern: string = `^\\+?(${amount})+$`;
export const sizePattern: string = String.raw`^[1-9]\d{0,6}[KMG]iB$`;

export function matching(pattern: RegExp | string, description: string): Schema {
  const source = typeof pattern === 'string' ? pattern : pattern.source;
  return { type: 'string', pattern: source, description };
}

/** An object without other keys. */
export function closed(properties: Schema, required: readonly string[]): Schema {
  return { type: 'object', required, additionalProperties: false, properties };
}

function listOf(items: Schema): Schema {
  return { type: 'array', items, minItems: 1, uniqueItems: true };
}

function limitSchema(kind: LimitKind, capability: string): Schema {
  switch (kind) {
    case 'operations':
      return listOf({ enum: operationsOf(capability) });
    case 'errnos':
      return listOf({ $ref: '#/$defs/errno' });
    case 'families':
      return listOf({ enum: families().filter(canPerform) });
    case 'paths':
      return listOf({ type: 'string', pattern: limitForms[kind].pattern.source });
    case 'filesystems':
    case 'nodes':
      return {
        ...listOf({ type: 'string', pattern: limitForms[kind].pattern.source }),
        maxItems: maxWords,
      };
    case 'count':
      return { type: 'integer', minimum: 1, maximum: maxKeys };
  }
}

/** @param others keys of each grant that are no limits, all of which are required */
export function grantsSchema(others: Schema): Schema {
  const grants = [...grantLimits].map(([capability, limits]) => {
    const properties = Object.entries(limits).map(([key, kind]) => [
      key,
      limitSchema(kind, capability),
    ]);
    return [
      capability,
      closed({ ...others, ...Object.fromEntries(properties) }, Object.keys(others)),
    ];
  });
  return closed(Object.fromEntries(grants), []);
}

/** Of names of errnos; those that the schemas refer to. */
export const errnoDefinition: Schema = { enum: errnoNames };

/** Schema of the default of a setting of this type. */
function defaultOf(type: string, schema: Schema): Schema {
  return {
    if: { properties: { type: { const: type } } },
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    then: { properties: { default: schema } },
  };
}

const setting: Schema = {
  ...closed(
    {
      type: { enum: settingTypes },
      default: {
        ...text,
        description: `The value where metadata gives none: a template of ${maxFields} fields at most, or ${maxPaths} paths.`,
      },
      required: { type: 'boolean', description: 'Whether metadata has to give a value.' },
      needs: {
        ...listOf(text),
        description: 'Where this is set (and true), one of these settings has to be, too.',
      },
      description: prose,
    },
    ['type', 'description'],
  ),
  allOf: [
    defaultOf('bool', { enum: ['true', 'false'] }),
    defaultOf('errno', { $ref: '#/$defs/errno' }),
    {
      if: { properties: { required: { const: true } }, required: ['required'] },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: { properties: { default: false } },
    },
  ],
};

const handlerSetting: Schema = {
  anyOf: [
    {
      ...text,
      description: `A text; it may be a template, such as -{{.Pid1}}, of ${maxFields} fields at most.`,
    },
    {
      ...closed({ from: { type: 'string', pattern: settingKey.source } }, ['from']),
      description: "The value of one of the bundle's settings.",
    },
    {
      ...closed({ text, when: listOf(text) }, ['text', 'when']),
      description: 'A template that is there where one of these settings is set (and true).',
    },
  ],
};

const handler: Schema = closed(
  {
    component: matching(componentFile, 'A file beside bundle.json.'),
    digest: matching(digestForm, "The component's digest; builds write it."),
    syscalls: {
      ...listOf({ enum: askable() }),
      description: 'Families that the handler is asked about; absent: all that it exports.',
    },
    settings: {
      type: 'object',
      description:
        "What the handler is configured with; absent: all of the bundle's settings, under their own keys.",
      maxProperties: maxSettings,
      additionalProperties: handlerSetting,
    },
    when: {
      ...listOf(text),
      description: 'It is there where one of these settings is set (and true); absent: always.',
    },
    deadline: matching(durationPattern, 'For one call, from 1ms to 1m; 1s where it is absent.'),
    memory: matching(
      sizePattern,
      'Of each instance, from 64KiB to 4GiB; absent: as much as the agent allows.',
    ),
    only: {
      type: 'object',
      description:
        'Calls that the handler may answer, by family; it passes all others on, and profiles leave them to the kernel.',
      propertyNames: { enum: families() },
      additionalProperties: closed(
        {
          argument: { ...text, description: 'A number of the caller’s, such as mode.' },
          mask: matching(bitsForm, 'The bits that are looked at, such as 0o170000.'),
          values: {
            ...listOf({ type: 'string', pattern: bitsForm.source }),
            description: 'What these bits may be.',
          },
        },
        ['argument', 'mask', 'values'],
      ),
    },
    refuse: {
      ...listOf({ enum: [...Object.keys(namespaceFlags), ...askable()] }),
      description:
        'What would walk around the handler, and profiles for the bundle refuse: families of calls, and flags by which unshare, clone and clone3 make namespaces.',
    },
    advisory: {
      ...listOf({ enum: askable() }),
      description:
        'Calls that the handler lets continue after it looked at what their pointers say: the kernel reads that again, so its answers are advice.',
    },
  },
  ['component'],
);

export function policySchema(description: string): Schema {
  const policies = errnoNames.map((name) => `errno:${name}`);
  return { enum: ['continue', 'kill-container', 'freeze-container', ...policies], description };
}

export function bundleSchema(): Schema {
  const reason = { ...prose, description: 'Why, for whoever is to grant it.' };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Handler bundle of Seccomp Agent (bundle.json)',
    description: `The file has ${maxManifestBytes / 1024} KiB at most.`,
    ...closed(
      {
        $schema: text,
        name: matching(folderName, 'As its folder.'),
        version: matching(bundleVersion, 'A version such as 1.2.3 or 1.2.3-rc.1.'),
        description: prose,
        settings: {
          type: 'object',
          description: 'What the metadata of a container may set, by key.',
          maxProperties: maxSettings,
          propertyNames: { pattern: settingKey.source, not: { enum: reservedKeys } },
          additionalProperties: { $ref: '#/$defs/setting' },
        },
        grants: {
          ...grantsSchema({ reason }),
          description: 'Capabilities that the components import, and how far they need them.',
        },
        handlers: {
          type: 'array',
          minItems: 1,
          maxItems: maxHandlers,
          description: 'In the order in which they are asked.',
          items: { $ref: '#/$defs/handler' },
        },
        default: policySchema('For calls that no handler answers.'),
        failure: policySchema('For calls that a handler or the agent failed at.'),
      },
      ['name', 'version', 'description', 'handlers'],
    ),
    $defs: { errno: errnoDefinition, setting, handler },
  };
}
