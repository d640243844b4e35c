// SPDX-License-Identifier: Apache-2.0
// Tests the types of settings: which texts are values of each.
import { expect, test } from 'vitest';

import { settingFault, settingTypes } from '../../host/bundles/setting.ts';

test.for([
  ['string', ['', 'text', '{{.Nope}}', 'a,,b', 'ä\0']],
  ['list', ['', 'a', 'a,b', ' a , b ']],
  ['paths', ['', '/', '/a', '/a,/b', ' /a , /b/../c ']],
  ['duration', ['0', '2s', '1.5h', '1m30s', '.5s', '1h2m3.5s', '300ms', '100us', '100µs']],
  ['bool', ['true', 'false']],
  ['template', ['', 'plain', '-{{.Namespace}}-{{.Pod}}-{{.Container}}', '{{ .Pid1 }}']],
  ['errno', ['EPERM', 'ENOSYS', 'EAGAIN']],
] as const)('setting: a %s may be any of %j', ([type, texts]) => {
  for (const text of texts) expect(settingFault(type, text)).toBeUndefined();
});

test.for([
  ['list', [',', 'a,', ',a', 'a, ,b', ' '], 'has an empty item'],
  ['paths', [`${'/a,'.repeat(256)}/a`], 'has more than 256 paths'],
  ['duration', [`${'0'.repeat(128)}s`], 'is not a duration'],
  [
    'paths',
    [',', '/a,', 'a', '/a,b', './a', '/a\0', ' '],
    'has an item that is not an absolute path',
  ],
  [
    'duration',
    ['', '2', 's', '2 s', '1d', '2s ', '-1s', '-1h2m'],
    'is not a duration, such as 1.5s or 2m',
  ],
  ['bool', ['', 'True', 'yes', '1', 'true '], 'must be true or false'],
  ['template', ['{{.Nope}}', '{{}}', '{{Pid}}'], 'braces'],
  ['template', ['{{.Pid', 'a{{'], 'a template has no closing braces'],
  ['errno', ['', 'EPERMM', 'eperm', '1', 'errno:EPERM'], 'is not an errno, such as EPERM'],
] as const)('G3: setting: a %s is none of %j', ([type, texts, fault]) => {
  for (const text of texts) expect(settingFault(type, text)).toContain(fault);
});

test('M5: setting: errors leave the value out', () => {
  for (const type of settingTypes) {
    expect(settingFault(type, 'geheim,,{{geheim') ?? '').not.toContain('geheim');
  }
});
