// SPDX-License-Identifier: Apache-2.0
// Writes native/kernel/border.h, in which C++ has the tables of this folder: `npm run generate`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import * as caller from './caller.ts';
import * as calls from './calls.ts';
import * as counters from './counters.ts';
import {
  constant,
  constantArray,
  enumeration,
  inOrder,
  struct,
  structOfNumbers,
} from './generate-declarations.ts';
import * as operations from './operations.ts';
import * as quarantine from './quarantine.ts';
import * as receiver from './receiver.ts';

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
    enumeration('HelperFailure', 'std::uint32_t', calls.helperFailure),
    struct('Inbox', calls.inboxFields),
    struct('XattrHeader', calls.xattrHeaderFields),
    enumeration('TimeChange', 'std::uint32_t', calls.timeChange),
    struct('NewTime', calls.newTimeFields),
    constant('kInboxData', 'std::size_t', calls.inboxData),
    constant('kNotRead', 'std::int32_t', calls.inbox.notRead),
    constant('kNull', 'std::int32_t', calls.inbox.null),
  ],
  'operations.ts': [
    enumeration('FileOperation', 'std::uint32_t', {
      ...operations.fileOperation,
      ...operations.helperOperation,
    }),
    constant('kAskedOperations', 'std::uint32_t', Object.keys(operations.fileOperation).length),
    constant('kFileOperations', 'std::uint32_t', operations.helperOperation.undoMknod),
    enumeration('MountOperation', 'std::uint32_t', operations.mountOperation),
    constant('kOfDescriptor', 'std::uint32_t', operations.ofDescriptor),
    struct('OperationNumbers', operations.operationFields),
    struct('MountNumbers', operations.mountFields),
    structOfNumbers('FileStatus', operations.statNumbers),
    structOfNumbers('FileLocation', operations.locationNumbers),
    enumeration('LookedUp', 'std::uint32_t', operations.lookedUp),
    enumeration('LocatedAs', 'std::uint32_t', operations.locatedAs),
  ],
  'caller.ts': [
    struct('CallerCredentials', caller.credentialsFields),
    struct('CallerProcess', caller.processFields),
    constant('kCallerProcessSize', 'std::size_t', caller.processLayout.size),
    enumeration('CapabilityIn', 'std::uint32_t', caller.userNamespace),
    structOfNumbers('Resources', caller.resourceNumbers),
  ],
  'receiver.ts': [
    enumeration('ReceiverEventKind', 'std::uint32_t', receiver.receiverEventKind),
    constant('kActingLink', 'std::uint32_t', receiver.actingLink),
    enumeration('RegistryPart', 'std::uint32_t', receiver.registryPart),
    constant('kComponentDigest', 'std::size_t', receiver.componentDigestBytes),
  ],
  'counters.ts': [
    constantArray('kBucketMicroseconds', 'std::int64_t', counters.bucketBoundsMicroseconds),
    enumeration('Counted', 'std::size_t', inOrder(counters.callEnds)),
    struct('CounterSlot', counters.slotFields),
    constant('kCounterSlots', 'std::size_t', counters.slotCount),
    struct('ReceiverFigures', counters.figureFields),
  ],
  'quarantine.ts': [
    struct('QuarantineState', quarantine.quarantineFields),
    constant('kFailureWeight', 'std::int32_t', quarantine.failureWeight),
    constant('kQuarantineLevel', 'std::int32_t', quarantine.quarantineLevel),
    constant('kFirstBackOffMs', 'std::int32_t', quarantine.firstBackOffMs),
    constant('kMaxBackOffMs', 'std::int32_t', quarantine.maxBackOffMs),
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

/** Path of the header. */
export const borderHeaderFile: string = join(import.meta.dirname, '../../native/kernel/border.h');

if (import.meta.main) writeFileSync(borderHeaderFile, borderHeader());
