// SPDX-License-Identifier: Apache-2.0
// Tests the types of settings: which texts are values of each.
import { expect, test } from 'vitest';

import { settingFault, settingTypes } from '../../host/bundles/setting.ts';
import { naming } from '../support/failures.ts';

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
  ['list', [',', 'a,', ',a', 'a, ,b', ' '], []],
  ['paths', [`${'/a,'.repeat(256)}/a`], ['256']],
  ['paths', [',', '/a,', 'a', '/a,b', './a', '/a\0', ' '], []],
  ['duration', ['', '2', 's', '2 s', '1d', '2s ', '-1s', '-1h2m', `${'0'.repeat(128)}s`], []],
  ['bool', ['', 'True', 'yes', '1', 'true '], ['true', 'false']],
  ['template', ['{{.Nope}}', '{{}}', '{{Pid}}'], ['{{.Pod}}', '{{.Pid1}}']],
  ['template', ['{{.Pid', 'a{{'], []],
  ['errno', ['', 'EPERMM', 'eperm', '1', 'errno:EPERM'], []],
] as const)('G3: setting: a %s is none of %j', ([type, texts, named]) => {
  for (const text of texts) expect(settingFault(type, text)).toEqual(naming(...named));
});

test('M5: setting: errors leave the value out', () => {
  for (const type of settingTypes) {
    expect(settingFault(type, 'geheim,,{{geheim') ?? '').not.toContain('geheim');
  }
});
