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

/** Types that may be left empty. */
function orNothing(schema: Schema): Schema {
  return { anyOf: [schema, { type: 'null' }] };
}

const signer: Schema = closed(
  {
    name: matching(signerName, 'The name that registries and bundles refer to.'),
    key: path('File of a public key in PEM, as of cosign.'),
    grants,
  },
  ['name', 'key'],
);

/** Without signers, a bundle could be anybody's. */
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
      someSigners(
        'The entry also applies to a pulled bundle of this name that one of these has signed.',
      ),
    ),
  },
  [],
);

const registry: Schema = closed(
  {
    host: matching(hostForm, 'HOST or HOST:PORT.'),
    'plain-http': orNothing({ type: 'boolean', description: 'Use HTTP without TLS.' }),
    ca: orNothing(path('File of additional trusted certificates in PEM.')),
    signers: someSigners('A bundle needs the signature of at least one of these.'),
  },
  ['host', 'signers'],
);

const limits: Schema = closed(
  {
    'component-bytes': orNothing(
      matching(sizePattern, 'Maximum size of a component, from 64KiB to 1GiB.'),
    ),
    memory: orNothing(matching(sizePattern, 'Maximum memory of an instance, from 64KiB to 1GiB.')),
    deadline: orNothing(
      matching(durationPattern, 'Maximum time of a handler for a call, from 1ms to 1m.'),
    ),
    store: orNothing(
      matching(sizePattern, 'Maximum size of the store of pulled bundles, from 1MiB to 1024GiB.'),
    ),
  },
  [],
);

/** Those of the agent. */
const options: Readonly<Record<string, Schema>> = Object.fromEntries(
  Object.entries(agentOptionTable).map(([key, { type, isList = false, isNumber = false }]) => {
    const description = `As the option -${key} of the agent; the command line wins.`;
    const text =
      type === 'boolean' ? { type } : { type: isList || isNumber ? ['string', 'integer'] : type };
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
            description: 'Grants to bundles in bundle folders, by name.',
            propertyNames: { pattern: folderName.source },
            additionalProperties: entry,
          }),
          signers: orNothing({ type: 'array', items: { $ref: '#/$defs/signer' } }),
          registries: orNothing({ type: 'array', items: { $ref: '#/$defs/registry' } }),
          'bundle-folders': orNothing({ type: 'array', items: path('A folder of bundles.') }),
          default: orNothing(
            policySchema('Answer to calls that no handler answers, unless a bundle is stricter.'),
          ),
          failure: orNothing(
            policySchema(
              'Answer to calls at which a handler or the agent fails, unless a bundle is stricter.',
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
