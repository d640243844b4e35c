// SPDX-License-Identifier: Apache-2.0
// Tests that the flags of open(2) have one numbering for handlers, whatever machine a call is made on.
import { existsSync, readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { ReceivedCall } from '../../host/call/received-call.ts';
import { arches } from '../../host/native.ts';
import { syscallNumbers } from '../../host/syscalls/syscall-numbers.ts';
import { otherOpenFlags } from '../../host/syscalls/open-flags.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import { fillCall } from '../support/handler-harness.ts';
import type { GivenArgument } from '../support/handler-harness.ts';

const armHeader = '/usr/lib/linux/uapi/arm64/asm/fcntl.h';
const x86Header = '/usr/include/asm-generic/fcntl.h';

function flagsOf(header: string): ReadonlyMap<string, bigint> {
  const defined = readFileSync(header, 'utf8').matchAll(/^#define\s+(_*O_\w+)\s+0(\d+)\s/gmu);
  return new Map([...defined].map(([, name = '', octal = '']) => [name, BigInt(`0o${octal}`)]));
}

test('K19: open flags: those of arm64 become those of x86, by the headers of the kernel', (context) => {
  context.skip(!existsSync(armHeader) || !existsSync(x86Header), 'needs linux-libc-dev');
  const ofX86 = flagsOf(x86Header);
  const ofArm = new Map([...ofX86, ...flagsOf(armHeader)]);
  expect(ofArm.get('O_DIRECTORY')).not.toBe(ofX86.get('O_DIRECTORY'));
  expect(ofX86.size).toBeGreaterThan(15);
  for (const [name, flag] of ofX86) {
    const own = ofArm.get(name) ?? 0n;
    expect([name, otherOpenFlags(own), otherOpenFlags(flag)]).toEqual([name, flag, own]);
  }
});

const syscalls = new Syscalls();

/** `flags` as handlers of any call get it. */
function decodedFlags(name: string, arch: number, given: readonly GivenArgument[]): unknown {
  const [, ...numbers] = syscallNumbers.find(([known]) => known === name) ?? [''];
  const syscall = syscalls.find(arch, numbers[arch] ?? -1);
  if (syscall === undefined) throw new Error(`no ${name}`);
  const call = new ReceivedCall();
  fillCall(call, name, given);
  return call.decode(syscall).find((argument) => argument.name === 'flags')?.value;
}

/** O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC. */
const flags = 0o2600000n;

test.for([...arches.entries()])('K19: open flags: decoded arguments on %s %s', ([arch, name]) => {
  const given = name === 'arm64' ? otherOpenFlags(flags) : flags;
  expect(given === flags).toBe(name !== 'arm64');
  const how = new Uint8Array(24);
  new DataView(how.buffer).setBigUint64(0, given, true);
  const value = { kind: 'integer', value: flags };
  expect(decodedFlags('openat', arch, [-100, '/a', given, 0])).toEqual(value);
  expect(decodedFlags('openat2', arch, [-100, '/a', how, 24])).toEqual(value);
});
