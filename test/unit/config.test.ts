// SPDX-License-Identifier: Apache-2.0
// Tests the reader of config.yaml, that each mistake is named with its line, and the JSON Schema.
import { chmodSync, chownSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { configSchema } from '../../host/config/config-schema.ts';
import { agentOptionTable } from '../../host/config/agent-option-table.ts';
import { configuredOptions } from '../../host/commands/configured-options.ts';
import { emptyConfig } from '../../host/config/settings.ts';
import { loadConfig, readConfig } from '../../host/config/config.ts';
import { parseConfig } from '../../host/config/config-text.ts';
import { messageOf } from '../../host/errors.ts';
import { agentUsage } from '../../host/commands/options.ts';
import { packageRoot } from '../../host/package-root.ts';
import { failureOf } from '../support/agent-failure.ts';
import {
  brokenYaml,
  configMistakes,
  configMistakesBeyondSchema,
  optionMistakes,
  wholeConfig,
} from '../support/config-samples.ts';
import { failure, naming } from '../support/failures.ts';
import { needsRoot } from '../support/needs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const file = '/etc/config.yaml';
const invalid = 'AGENT_CONFIG_INVALID';

describe('config', () => {
  test('config: all that it may say is read', () => {
    const acme = {
      name: 'acme',
      keyFile: '/keys/acme.pub',
      grants: { capabilities: { mounts: { filesystems: ['proc'] } }, errnos: ['EPERM'] },
    };
    const other = { name: 'other', keyFile: '/keys/other.pub', grants: { capabilities: {} } };
    const { config } = parseConfig(wholeConfig, file);
    expect(config).toEqual({
      bundles: new Map([
        [
          'mkdir-suffix',
          { capabilities: { filesystem: { operations: ['mkdir'], paths: ['/work'] } } },
        ],
        ['idle', { capabilities: {}, signers: ['acme'] }],
      ]),
      signers: [acme, other],
      registries: [
        {
          host: 'registry.example.com:5000',
          isPlainHttp: true,
          caFile: '/keys/ca.pem',
          signers: [acme, other],
        },
        { host: '[::1]', isPlainHttp: false, signers: [other] },
      ],
      bundleFolders: ['/bundles'],
      policies: {
        defaultAction: 'ENOSYS',
        failure: { kind: 'kill-container' },
        isFailureSet: true,
      },
      limits: { maximumBytes: 2 ** 20, maximumPages: 32, deadlineMs: 1500 },
      storeBytes: 2 ** 31,
      options: new Map<string, string | true>([
        ['resolver', 'falco'],
        ['bundle', 'idle,./mine'],
        ['bundle-shadow', 'mkdir-suffix'],
        ['log', 'debug,json'],
        ['socketfile', '/run/other.socket'],
        ['take-over', true],
        ['allow-uids', '1000,1001'],
        ['metrics-bind-address', '[::1]:8080'],
        ['control-socket', 'none'],
        ['audit-log', '/var/log/audit.jsonl'],
        ['audit-arguments', true],
        ['falco-socket', 'none'],
        ['falco-output', 'file:/var/log/falco.jsonl'],
        ['container-rate', '1MiB'],
        ['rotate-size', '10MiB'],
        ['rotate-files', '5'],
      ]),
    });
  });

  test.for([
    '',
    '# nothing\n',
    '{}',
    'bundles:\nsigners:\nregistries:\nbundle-folders:\ndefault:\nfailure:\nlimits:\n',
    'audit-log:\ntake-over: false\naudit-arguments: false\nlog:\n',
  ])('config: %j is the same as none', (text) => {
    expect(parseConfig(text, file).config).toEqual(emptyConfig);
  });

  test.for([...configMistakes, ...configMistakesBeyondSchema, ...brokenYaml])(
    'config: %s is refused with its line',
    ([, text, line, key, ...named]) => {
      const place = `${file}:${line}: ${key}`;
      expect(() => parseConfig(text, file)).toThrow(failure(invalid, place, ...named));
    },
  );

  test('config: one user is a list of one', () => {
    const { options } = parseConfig('allow-uids: 1000\n', file).config;
    expect(options.get('allow-uids')).toBe('1000');
    expect(isValid('allow-uids: 1000\n')).toBe(true);
  });

  test('config: aliases that would fill the memory are refused', () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const before = level === 0 ? '[x]' : `[${`*a${level - 1}, `.repeat(9)}]`;
      return `a${level}: &a${level} ${before}\n`;
    });
    expect(() => parseConfig(levels.join(''), file)).toThrow(failure(invalid));
  });

  test('config: every option of the agent has a key, but for those that are about one start', () => {
    const options = [...agentUsage.matchAll(/^  -(?<name>[a-z-]+)/gmu)].map(([, name]) => name);
    expect(options.length).toBeGreaterThan(15);
    const keys = Object.keys(agentOptionTable);
    expect(options.filter((name) => !keys.includes(name ?? ''))).toEqual(['config', 'help']);
    expect(keys.filter((key) => !options.includes(key))).toEqual([]);
  });

  test.for(optionMistakes)(
    'config: as an option, %s is refused with its line',
    ([, text, line, key, ...named], context) => {
      needsRoot(context);
      using folder = new TemporaryFolder();
      const path = folder.at('config.yaml');
      writeFileSync(path, text, { mode: 0o644 });
      const place = `${path}:${line}: ${key}`;
      expect(() => configuredOptions(path)).toThrow(failure(invalid, place, ...named));
    },
  );

  test('config: where a value stands can be asked', () => {
    const { place, isGiven } = parseConfig(wholeConfig, file);
    expect(place(['signers', 1, 'key'])).toBe(`${file}:11`);
    expect(place(['bundles', 'idle'])).toBe(`${file}:6`);
    expect(place(['bundles', 'no', 'such'])).toBe(`${file}:2`);
    expect(isGiven(['bundle-folders'])).toBe(true);
    expect(parseConfig('', file).isGiven(['bundle-folders'])).toBe(false);
  });
});

describe('config file', () => {
  test('config file: one that root alone can write is read', (context) => {
    needsRoot(context);
    using folder = new TemporaryFolder();
    const path = folder.at('config.yaml');
    writeFileSync(path, wholeConfig, { mode: 0o644 });
    expect(loadConfig(path)).toEqual(parseConfig(wholeConfig, path).config);
    symlinkSync(path, folder.at('link'));
    expect(readConfig(folder.at('link')).config.bundleFolders).toEqual(['/bundles']);
  });

  test.for([0o664, 0o646, 0o666])(
    'config file: with the mode %o it is refused',
    (mode, context) => {
      needsRoot(context);
      using folder = new TemporaryFolder();
      const path = folder.at('config.yaml');
      writeFileSync(path, '');
      chmodSync(path, mode);
      expect(() => loadConfig(path)).toThrow(failure(invalid, path));
    },
  );

  test('config file: that of a user is refused', (context) => {
    needsRoot(context);
    using folder = new TemporaryFolder();
    const path = folder.at('config.yaml');
    writeFileSync(path, '');
    chownSync(path, 1000, 0);
    expect(() => loadConfig(path)).toThrow(failure(invalid, path, /\b1000\b/u));
  });

  test('config file: a path that is no file, or a huge one, is refused', () => {
    using folder = new TemporaryFolder();
    mkdirSync(folder.at('folder'));
    expect(() => loadConfig(folder.at('folder'))).toThrow(failure(invalid, folder.at('folder')));
    const huge = folder.at('huge');
    writeFileSync(huge, '#'.repeat(2 ** 20 + 1));
    const refused = failureOf(() => loadConfig(huge));
    expect(refused.code).toBe(invalid);
    expect(messageOf(refused)).toEqual(naming(huge, '1048577'));
  });

  test('config file: one that is named has to be there', () => {
    const refused = failureOf(() => loadConfig('/no/such/config.yaml'));
    expect(refused.code).toBe(invalid);
    expect(messageOf(refused)).toEqual(naming('/no/such/config.yaml', 'ENOENT'));
  });
});

const schemaFile = join(packageRoot(), 'deploy/schema/config.schema.json');
const schema: unknown = JSON.parse(readFileSync(schemaFile, 'utf8'));

function isValid(text: string): boolean {
  if (typeof schema !== 'object' || schema === null) throw new Error('no schema');
  const value: unknown = parse(text);
  return new Ajv2020({ strict: true, strictTypes: false }).validate(schema, value);
}

describe('config schema', () => {
  test('config schema: the shipped file is what npm run generate makes', () => {
    expect(schema).toEqual(configSchema());
  });

  test.for([wholeConfig, '', '{}', 'bundles:\nlimits:\n', 'bundles: { a: { grants: } }'])(
    'config schema: %j is valid',
    (text) => {
      expect(isValid(text)).toBe(true);
      expect(() => parseConfig(text, file)).not.toThrow();
    },
  );

  test.for(configMistakes)('config schema: %s is invalid', ([, text]) => {
    expect(isValid(text)).toBe(false);
  });

  // what only the reader refuses is written down
  test.for([...configMistakesBeyondSchema, ...optionMistakes])(
    'config schema: %s is beyond it',
    ([, text]) => {
      expect(isValid(text)).toBe(true);
    },
  );
});
