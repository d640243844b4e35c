// SPDX-License-Identifier: Apache-2.0
// The capability `caller`: guest-sdk/wit/caller.wit.
import { credentialsLayout, processLayout, userNamespace } from '../../native.ts';
import { HostRequest } from '../../call/host.ts';
import { lazily } from '../capability.ts';
import type { Capability, CapabilityFunction } from '../capability.ts';
import type { Guest } from '../guest.ts';
import { intoResult } from './into-result.ts';
import { beginValue, errnoOf, putBoolResult, putBytesResult, putError } from './results.ts';

/** record credentials; the record ids is four numbers of 4 bytes, linux-capabilities five of 8. */
const record = {
  uid: 0,
  gid: 16,
  groups: 32,
  umask: 40,
  noNewPrivileges: 44,
  capabilities: 48,
  size: 88,
  alignment: 8,
} as const;

/** record process. */
const processRecord = { age: 0, isFirst: 8, size: 16, alignment: 8 } as const;

const maxComm = 16;
const namespaces: readonly number[] = [
  userNamespace.ofCaller,
  userNamespace.ofMounts,
  userNamespace.ofHost,
  userNamespace.ofContainer,
];

function view({ result, length }: HostRequest): DataView {
  return new DataView(result.buffer, result.byteOffset, length);
}

function putCredentials(guest: Guest, pointer: number, request: HostRequest): void {
  const numbers = view(request);
  const u32 = (offset: number): number => numbers.getUint32(offset, true);
  const maxCount = (request.length - credentialsLayout.groups) / 4;
  const count = Math.min(u32(credentialsLayout.groupCount), maxCount);
  // first: the guest's memory may move
  const groups = guest.allocateItems(count, 4, 4);
  const offset = beginValue(guest, pointer, record);
  for (let id = 0; id < 4; id += 1) {
    guest.setU32(offset + record.uid + id * 4, u32(credentialsLayout.uid + id * 4));
    guest.setU32(offset + record.gid + id * 4, u32(credentialsLayout.gid + id * 4));
  }
  guest.setU32(offset + record.groups, groups);
  guest.setU32(offset + record.groups + 4, count);
  for (let group = 0; group < count; group += 1) {
    guest.setU32(groups + group * 4, u32(credentialsLayout.groups + group * 4));
  }
  guest.setU32(offset + record.umask, u32(credentialsLayout.umask));
  guest.setU8(
    offset + record.noNewPrivileges,
    u32(credentialsLayout.noNewPrivileges) === 0 ? 0 : 1,
  );
  for (let set = 0; set < 5; set += 1) {
    const bits = numbers.getBigInt64(credentialsLayout.capabilities + set * 8, true);
    guest.setS64(offset + record.capabilities + set * 8, bits);
  }
}

const getCredentials = intoResult((memory, result, request, errno) => {
  if (errno === 0) putCredentials(memory, result, request);
  else putError(memory, result, errno, record);
});

const comm = intoResult((memory, result, request, errno) => {
  const numbers = errno === 0 ? view(request) : undefined;
  const length = numbers?.getUint32(credentialsLayout.commLength, true) ?? 0;
  const end = credentialsLayout.comm + Math.min(length, maxComm);
  putBytesResult(memory, result, errno, request.result.subarray(credentialsLayout.comm, end));
});

const getProcess = intoResult((memory, result, request, errno) => {
  if (errno !== 0) {
    putError(memory, result, errno, processRecord);
    return;
  }
  const numbers = view(request);
  const offset = beginValue(memory, result, processRecord);
  memory.setS64(offset + processRecord.age, numbers.getBigInt64(processLayout.age, true));
  memory.setU8(offset + processRecord.isFirst, numbers.getUint8(processLayout.isFirst));
});

export const caller: Capability = {
  name: 'caller',
  functions: new Map<string, CapabilityFunction>([
    ['get-process', getProcess],
    ['get-credentials', getCredentials],
    ['comm', comm],
    [
      'has-capability',
      {
        signature: 'iii:',
        link: (guest, host, of) => {
          const request = lazily(() => new HostRequest(of));
          return (capability: number, where: number, result: number): void => {
            const memory = guest();
            const asked = request();
            asked.where = namespaces[where] ?? memory.trap('unknown user namespace');
            asked.capability = capability >>> 0;
            const reply = host.call(asked);
            putBoolResult(memory, result, errnoOf(reply), reply === 1);
          };
        },
      },
    ],
  ]),
};
