// SPDX-License-Identifier: Apache-2.0
// Writes native/kernel/border.h, in which C++ has the tables of this folder: `npm run generate`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import * as calls from './calls.ts';
import { constant, enumeration, inOrder, struct } from './generate-declarations.ts';

/** By the file that has the tables. */
const parts: Readonly<Record<string, readonly string[]>> = {
  'calls.ts': [
    enumeration('EventKind', 'std::int32_t', calls.eventKind),
    enumeration('Arch', 'std::uint32_t', inOrder([...calls.arches, 'unknown'])),
    constant('kArches', 'std::size_t', calls.arches.length),
    constant('kNumbers', 'std::size_t', calls.numbersPerArch),
    constant('kArguments', 'std::size_t', calls.argumentCount),
    enumeration('ReadKind', 'std::uint8_t', calls.readKind),
    constant('kReadKinds', 'std::size_t', Object.keys(calls.readKind).length),
    enumeration('AnswerKind', 'std::uint32_t', calls.answerKind),
    struct('Inbox', calls.inboxFields),
    constant('kInboxData', 'std::size_t', calls.inboxData),
    constant('kNotRead', 'std::int32_t', calls.inbox.notRead),
    constant('kNull', 'std::int32_t', calls.inbox.null),
  ],
};

const head = `// SPDX-License-Identifier: Apache-2.0
// The tables that the addon and the host share; host/border/ says what they mean. Generated:
// \`npm run generate\`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

// clang-format off
namespace seccompagent {
`;

const tail = `
}  // namespace seccompagent
`;

/** The text of border.h. */
export function borderHeader(): string {
  const texts = Object.entries(parts).map(
    ([file, declarations]) => `\n// host/border/${file}\n${declarations.join('\n')}`,
  );
  return `${head}${texts.join('')}${tail}`;
}

/** Where it belongs. */
export const borderHeaderFile: string = join(import.meta.dirname, '../../native/kernel/border.h');

if (import.meta.main) writeFileSync(borderHeaderFile, borderHeader());
