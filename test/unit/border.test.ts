// SPDX-License-Identifier: Apache-2.0
// Tests the tables that the addon and the host share, and the header that C++ has them from.
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { constant, enumeration, struct } from '../../host/border/generate-declarations.ts';
import { borderHeader, borderHeaderFile } from '../../host/border/generate-border.ts';
import { offsetsOf, sizeOf, wordsOf } from '../../host/border/layout.ts';

test('border: border.h is what npm run generate writes', () => {
  expect(readFileSync(borderHeaderFile, 'utf8')).toBe(borderHeader());
});

const fields = {
  small: 'u32',
  sign: { enumName: 'Sign' },
  pairs: [{ structName: 'Pair', fields: { one: 'u8', two: 'u8' } }, 4],
  inner: { structName: 'Inner', fields: { errno: 'i64', isLast: 'u32', unused: 'u32' } },
} as const;

test('layout: offsets, words and sizes are those of C++', () => {
  expect(offsetsOf(fields)).toEqual({
    small: 0,
    sign: 4,
    pairs: 8,
    innerErrno: 16,
    innerIsLast: 24,
    innerUnused: 28,
  });
  expect(wordsOf({ one: 'u64', two: ['u64', 3], three: 'u64' }, 8)).toEqual({
    one: 0,
    two: 1,
    three: 4,
  });
  expect(sizeOf(fields)).toBe(32);
});

test.for([
  { small: 'u32', wide: 'u64' },
  { small: 'u8', words: ['i32', 2] },
  { small: 'u32', inner: { structName: 'Inner', fields: { wide: 'i64' } } },
] as const)('layout: a field that C++ would pad is refused', (padded) => {
  expect(() => offsetsOf(padded)).toThrow(RangeError);
});

test('declarations: a struct has its fields, nested ones first', () => {
  expect(struct('Outer', fields)).toBe(`struct Outer {
  struct Pair {
    std::uint8_t one;
    std::uint8_t two;
  };
  struct Inner {
    std::int64_t error;
    std::uint32_t is_last;
    std::uint32_t unused;
  };
  std::uint32_t small;
  Sign sign;
  std::array<Pair, 4> pairs;
  Inner inner;
};
static_assert(std::is_standard_layout_v<Outer>);
static_assert(offsetof(Outer, inner) == 16);
`);
});

test('declarations: names are those of C++, without its own words', () => {
  expect(enumeration('Kind', 'int', { continue: 3, openHow: 8 })).toBe(
    'enum class Kind : int {\n  carry_on = 3,\n  open_how = 8,\n};\n',
  );
  expect(constant('kOne', 'int', 1)).toBe('inline constexpr int kOne = 1;\n');
});
