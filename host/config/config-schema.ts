// SPDX-License-Identifier: Apache-2.0
// The JSON Schema of config.yaml, made of the tables that its reader goes by.
import { agentOptionTable } from './agent-option-table.ts';
import { hostForm } from './config-text.ts';
import { signerName } from './settings.ts';
import {
  closed,
  durationPattern,
  errnoDefinition,
  policySchema,
  grantsSchema,
  matching,
  sizePattern,
} from '../bundles/bundle-schema.ts';
import type { Schema } from '../bundles/bundle-schema.ts';
import { folderName } from '../bundles/manifest.ts';

const grants: Schema = { $ref: '#/$defs/grants' };
const path = (description: string): Schema => matching(String.raw`^/`, description);

/** What may be left empty. */
function orNothing(schema: Schema): Schema {
  return { anyOf: [schema, { type: 'null' }] };
}

const signer: Schema = closed(
  {
    name: matching(signerName, 'As registries refer to it.'),
    key: path('A public key in PEM, as cosign has it.'),
    grants,
  },
  ['name', 'key'],
);

/** Whoever needs no signature is anybody. */
const someSigners = (description: string): Schema => ({
  type: 'array',
  items: { type: 'string' },
  minItems: 1,
  description,
});

const entry: Schema = closed(
  {
    grants,
    signers: orNothing(
      someSigners('It also holds for a pulled bundle of this name that one of them has signed.'),
    ),
  },
  [],
);

const registry: Schema = closed(
  {
    host: matching(hostForm, 'HOST or HOST:PORT.'),
    'plain-http': orNothing({ type: 'boolean', description: 'Without TLS.' }),
    ca: orNothing(path('Certificates in PEM, besides those of the system.')),
    signers: someSigners('At least one of them has to have signed.'),
  },
  ['host', 'signers'],
);

const limits: Schema = closed(
  {
    'component-bytes': orNothing(matching(sizePattern, 'Of a component, from 64KiB to 1GiB.')),
    memory: orNothing(matching(sizePattern, 'Of an instance, from 64KiB to 1GiB.')),
    deadline: orNothing(matching(durationPattern, 'Of a handler for a call, from 1ms to 1m.')),
  },
  [],
);

/** Those of the agent. */
const options: Readonly<Record<string, Schema>> = Object.fromEntries(
  Object.entries(agentOptionTable).map(([key, { type, isList = false }]) => {
    const description = `The option -${key} of the agent, which counts before.`;
    const text = type === 'boolean' ? { type } : { type: isList ? ['string', 'integer'] : type };
    const words = { type: 'array', items: { type: ['string', 'integer'] } };
    return [key, { anyOf: [text, ...(isList ? [words] : []), { type: 'null' }], description }];
  }),
);

export function configSchema(): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of Seccomp Agent (config.yaml)',
    ...orNothing(
      closed(
        {
          bundles: orNothing({
            type: 'object',
            description: 'What bundles are allowed that are found in folders, by name.',
            propertyNames: { pattern: folderName.source },
            additionalProperties: entry,
          }),
          signers: orNothing({ type: 'array', items: { $ref: '#/$defs/signer' } }),
          registries: orNothing({ type: 'array', items: { $ref: '#/$defs/registry' } }),
          'bundle-folders': orNothing({ type: 'array', items: path('A folder of bundles.') }),
          default: orNothing(
            policySchema('For calls that no handler answers, unless a bundle is stricter.'),
          ),
          failure: orNothing(
            policySchema(
              'For calls that a handler or the agent failed at, unless a bundle is stricter.',
            ),
          ),
          limits: orNothing(limits),
          ...options,
        },
        [],
      ),
    ),
    $defs: { errno: errnoDefinition, grants: orNothing(grantsSchema({})), signer, registry },
  };
}
