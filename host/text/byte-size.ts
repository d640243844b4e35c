// SPDX-License-Identifier: Apache-2.0
// Sizes as people write them: "16MiB".

const units: ReadonlyMap<string, number> = new Map([
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
]);

/** With the largest unit of which there is a whole number. */
export function byteSizeText(bytes: number): string {
  const [name = '', size = 1] = [...units].findLast(([, each]) => bytes % each === 0) ?? [];
  return name === '' ? `${bytes} bytes` : `${bytes / size}${name}`;
}

/** In bytes; undefined: the text is no size. */
export function parseByteSize(text: string): number | undefined {
  const parts = /^(?<amount>[1-9]\d{0,6})(?<unit>[KMG]iB)$/u.exec(text)?.groups;
  const unit = units.get(parts?.['unit'] ?? '');
  return unit === undefined ? undefined : Number(parts?.['amount']) * unit;
}
