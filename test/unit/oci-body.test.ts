// SPDX-License-Identifier: Apache-2.0
// Tests what is read of a server's answer: all of it, up to a limit, in whichever chunks it comes.
import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, test } from 'vitest';

import { readBody } from '../../host/bundles/oci/body.ts';
import { failure } from '../support/failures.ts';

const what = 'blob';

function chunked(text: string, size: number): Readable {
  const all = Buffer.from(text);
  const count = Math.ceil(all.length / size);
  return Readable.from(
    Array.from({ length: count }, (_, index) => all.subarray(index * size, (index + 1) * size)),
  );
}

test.for([1, 2, 7, 1000])('body: in chunks of %i bytes it is what was sent', async (size) => {
  const text = Array.from({ length: 200 }, (_, index) => `${index},`).join('');
  for (const limit of [text.length, 10 * text.length]) {
    expect((await readBody(chunked(text, size), { limit, what })).toString()).toBe(text);
  }
  expect(await readBody(chunked('', size), { limit: 0, what })).toHaveLength(0);
});

test('G3: body: one that is larger is not read', async () => {
  await expect(readBody(chunked('four', 1), { limit: 3, what })).rejects.toThrow(
    failure('AGENT_OCI', what, /\b3\b/u),
  );
});

test('G3: body: no chunk is kept, however small they are', async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  let kept = 0;
  const chunks: WeakRef<Buffer>[] = [];
  async function* bytes(): AsyncGenerator<Buffer> {
    for (let index = 0; index < 20_000; index += 1) {
      const chunk = Buffer.alloc(1);
      chunks.push(new WeakRef(chunk));
      yield chunk;
      // weak references hold until a task has ended
      if (index % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    collect();
    kept = chunks.filter((chunk) => chunk.deref() !== undefined).length;
  }
  const body = Readable.from(bytes(), { highWaterMark: 1 });
  expect(await readBody(body, { limit: 20_000, what })).toHaveLength(20_000);
  expect(kept).toBeLessThan(5000);
});
