// SPDX-License-Identifier: Apache-2.0
// Host of a handler whose grants have limits. Default deny: a function that the grants do not allow
// fails with EPERM. Handlers without limits call the host itself, so that limits cost them nothing.
import { AgentError } from '../errors.ts';
import type { Host, HostRequest } from '../call/host.ts';
import { hostFunctions } from '../call/host-functions.ts';
import type { HostFunction, LimitName } from '../call/host-functions.ts';
import { errnoNumber } from '../syscalls/errno.ts';
import { mountRange, operationNumber } from '../native.ts';
import type { Grants, Limits } from '../registry/grants.ts';

const eperm = errnoNumber('EPERM');
const sIfmt = 0o170000;
const sIfchr = 0o020000;

/** The limit that refuses a function; `grant`: the capability is not granted at all. */
export type RefusingLimit = LimitName | 'grant';

/** Notified of a refusal: `filesystem.unlink`, `paths`. */
export type OnRefused = (what: string, limit: RefusingLimit) => void;

/** Limits of a function that is allowed. */
interface Rule {
  readonly within: Uint8Array | undefined;
  readonly filesystems: readonly string[] | undefined;
  readonly nodes: readonly string[] | undefined;
  readonly keys: number | undefined;
}

/** Folders as `operate` of native.ts takes them; undefined: everywhere. */
function confinementOf(paths: readonly string[] | undefined): Uint8Array | undefined {
  if (paths === undefined || paths.includes('/')) return undefined;
  return new TextEncoder().encode(paths.map((path) => `${path}\0`).join(''));
}

function isAllowed({ limits, name }: HostFunction, { operations }: Limits): boolean {
  return operations === undefined || !limits.includes('operations') || operations.includes(name);
}

function ruleOf({ limits: own }: HostFunction, limits: Limits): Rule {
  return {
    within: own.includes('paths') ? confinementOf(limits.paths) : undefined,
    filesystems: own.includes('filesystems') ? limits.filesystems : undefined,
    nodes: own.includes('nodes') ? limits.nodes : undefined,
    keys: own.includes('keys') ? limits.keys : undefined,
  };
}

/** @returns undefined for a capability that is not granted */
function limitsOf(
  { capability, needsGrant }: HostFunction,
  { capabilities }: Grants,
): Limits | undefined {
  if (!needsGrant) return {};
  return Object.hasOwn(capabilities, capability) ? capabilities[capability] : undefined;
}

/** The allowed functions; all others are denied. */
function allowedBy(grants: Grants): ReadonlyMap<HostFunction, Rule> {
  const allowed = new Map<HostFunction, Rule>();
  for (const of of hostFunctions) {
    const limits = limitsOf(of, grants);
    if (limits !== undefined && isAllowed(of, limits)) allowed.set(of, ruleOf(of, limits));
  }
  return allowed;
}

/** @returns the limit that refuses this request of an allowed function */
function limitOf({ filesystems, nodes }: Rule, request: HostRequest): LimitName | undefined {
  if (filesystems?.includes(typeOf(request)) === false) return 'filesystems';
  return nodes?.includes(nodeOf(request)) === false ? 'nodes' : undefined;
}

/** @throws AgentError AGENT_HANDLER_FAILED for a function that has no errors to reply */
function refuse({ capability, name, reply }: HostFunction): number {
  switch (reply) {
    case 'errno':
      return eperm;
    case 'value':
      return -eperm;
    case 'found':
    case 'certain':
      throw new AgentError('AGENT_HANDLER_FAILED', `${capability}.${name} is not granted`);
  }
}

export function limited(next: Host, grants: Grants, onRefused: OnRefused): Host {
  const allowed = allowedBy(grants);
  const deny = (of: HostFunction, limit: RefusingLimit): number => {
    onRefused(`${of.capability}.${of.name}`, limit);
    return refuse(of);
  };
  return {
    call(request) {
      const { of } = request;
      const rule = allowed.get(of);
      if (rule === undefined) {
        const isGranted = hostFunctions.includes(of) && limitsOf(of, grants) !== undefined;
        return deny(of, isGranted ? 'operations' : 'grant');
      }
      const limit = limitOf(rule, request);
      if (limit !== undefined) return deny(of, limit);
      request.within = rule.within;
      request.maxKeys = rule.keys;
      const reply = next.call(request);
      // the kernel may have refused it as well
      if (reply === eperm && rule.within !== undefined) {
        onRefused(`${of.capability}.${of.name}`, 'paths');
      }
      return reply;
    },
  };
}

/** The type of a new mount; empty where nothing new is mounted. */
function typeOf({ memory, numbers }: HostRequest): string {
  const offset = (numbers[mountRange.type] ?? 0) >>> 0;
  const length = numbers[mountRange.type + 1] ?? -1;
  return length < 0 ? '' : Buffer.from(memory.subarray(offset, offset + length)).toString('latin1');
}

/** As grants name it. */
function nodeOf({ numbers }: HostRequest): string {
  const mode = numbers[operationNumber.mode] ?? 0;
  const major = (numbers[operationNumber.first] ?? 0) >>> 0;
  const minor = (numbers[operationNumber.second] ?? 0) >>> 0;
  return `${(mode & sIfmt) === sIfchr ? 'c' : 'b'} ${major}:${minor}`;
}
