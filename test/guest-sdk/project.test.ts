// SPDX-License-Identifier: Apache-2.0
// Tests how digests get into a bundle.json.
import { expect, test } from 'vitest';

import { withDigests } from '../../guest-sdk/build/project.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const built = [{ component: 'a.wasm', digest }];

test.for([
  [
    '{"handlers": [{"component": "a.wasm"}]}',
    `{"handlers": [{"component": "a.wasm", "digest": "${digest}"}]}`,
  ],
  [
    '{"handlers": [{"digest": "sha256:old", "component": "a.wasm"}]}',
    `{"handlers": [{"component": "a.wasm", "digest": "${digest}"}]}`,
  ],
  [
    '{\n  "handlers": [\n    {\n      "component" : "a.wasm",\n      "digest": "sha256:old",\n      "syscalls": ["mkdir"]\n    }\n  ]\n}\n',
    `{\n  "handlers": [\n    {\n      "component" : "a.wasm",\n      "digest": "${digest}",\n      "syscalls": ["mkdir"]\n    }\n  ]\n}\n`,
  ],
] as const)('digests: %j keeps its form', ([text, expected]) => {
  expect(withDigests(text, built)).toBe(expected);
  expect(withDigests(expected, built)).toBe(expected);
});

test('digests: a setting of that name stays what it is', () => {
  const settings = { digest: 'mine', component: 'a.wasm' };
  const manifest = { handlers: [{ component: 'a.wasm', settings }, { component: 'b.wasm' }] };
  const text = withDigests(JSON.stringify(manifest), [
    ...built,
    { component: 'b.wasm', digest: 'sha256:b' },
  ]);
  expect(JSON.parse(text)).toEqual({
    handlers: [
      { component: 'a.wasm', digest, settings },
      { component: 'b.wasm', digest: 'sha256:b' },
    ],
  });
});
