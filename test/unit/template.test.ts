// SPDX-License-Identifier: Apache-2.0
// Tests templates in settings.
import { expect, test } from 'vitest';

import { fillTemplate } from '../../host/bundles/template.ts';
import type { TemplateFields } from '../../host/bundles/template.ts';
import { failure } from '../support/failures.ts';
import { processorMs } from '../support/processor-time.ts';

const fields = {
  Namespace: 'ns',
  Pod: 'pod-0',
  Container: 'main',
  ContainerID: 'c1',
  Pid: '4321',
  Pid1: '1234',
};

test.for([
  ['', ''],
  ['plain', 'plain'],
  ['-pid-{{.Pid1}}', '-pid-1234'],
  ['{{.ContainerID}}/{{ .Pid }}/{{.Pid1}}{{.Pid1}}', 'c1/4321/12341234'],
  ['{{\t.Pid\n}}', '4321'],
  ['-{{.Namespace}}-{{.Pod}}-{{.Container}}', '-ns-pod-0-main'],
  ['{.Pid} }} {', '{.Pid} }} {'],
  ['a\nb', 'a\nb'],
] as const)('template: %j becomes %j', ([template, filled]) => {
  expect(fillTemplate(template, fields)).toBe(filled);
});

test('template: a value is not looked into', () => {
  for (const ContainerID of ['{{.Pid1}}', '{{', '$&', '$1', '{{.Nope}}']) {
    expect(fillTemplate('<{{.ContainerID}}>', { ContainerID })).toBe(`<${ContainerID}>`);
  }
});

const allFields = Object.keys(fields).map((name) => `{{.${name}}}`);

function filling(template: string, values: TemplateFields = fields): () => string {
  return () => fillTemplate(template, values);
}

/** Matches what a template without an end throws: no field is looked for. */
function noEnd(): unknown {
  return expect.objectContaining({
    code: 'AGENT_SETTING_INVALID',
    message: expect.not.stringContaining('{{.Pod}}'),
  });
}

test.for([
  '{{.Nope}}',
  '{{Pid}}',
  '{{}}',
  '{{ }}',
  '{{.pid1}}',
  '{{.Pid1 | print}}',
  '{{.Pid.1}}',
  '{{.constructor}}',
  '{{"a"}}',
  '{{{{.Pid}}',
])('G3: template: %j is not known', (template) => {
  expect(filling(template)).toThrow(failure('AGENT_SETTING_INVALID', ...allFields));
});

test.for(['{{', '{{.Pid1', '{{.Pid1}', '{{.Pid1}}{{', 'a{{b'])(
  'G3: template: %j has no closing braces',
  (template) => {
    expect(filling(template)).toThrow(noEnd());
  },
);

test.for(['Pid', 'Pid1'] as const)('G3: template: a %s that nobody said has no value', (name) => {
  expect(filling(`{{.${name}}}`, { ContainerID: 'c1' })).toThrow(
    failure('AGENT_SETTING_INVALID', `{{.${name}}}`),
  );
});

test('G1: template: bytes that fields add to a setting are limited, and those without them are not', () => {
  const ContainerID = 'x'.repeat(1024);
  const four = '{{.ContainerID}}'.repeat(4);
  expect(fillTemplate(`${'y'.repeat(10_000)}${four}`, { ContainerID })).toHaveLength(14_096);
  expect(filling(`${four}{{.Pid}}`, { ContainerID, Pid: '1' })).toThrow(
    failure('AGENT_SETTING_INVALID', '4096'),
  );
});

test.for(['password=geheim{{', 'password={{geheim}}', 'password={{.geheim}}'])(
  'M5: template: what is wrong with %j is said without it',
  (template) => {
    expect(filling(template)).toThrow(
      expect.objectContaining({
        code: 'AGENT_SETTING_INVALID',
        message: expect.not.stringContaining('geheim'),
      }),
    );
  },
);

test('A7: template: no more than 64 fields are filled, however short they are', () => {
  const many = '{{.Container}}'.repeat(64);
  expect(fillTemplate(`${many}x`, { Container: '' })).toBe('x');
  expect(filling(`${many}{{.Container}}`, { Container: '' })).toThrow(
    failure('AGENT_SETTING_INVALID', /\b64\b/u),
  );
});

test('G8: template: a megabyte of braces is looked at once', () => {
  const began = processorMs();
  expect(filling('{'.repeat(1 << 20))).toThrow(noEnd());
  expect(filling(`${'{{'.repeat(1 << 19)}}}`)).toThrow(
    failure('AGENT_SETTING_INVALID', ...allFields),
  );
  // each brace beside each other would be minutes
  expect(processorMs() - began).toBeLessThan(5000);
});
