// SPDX-License-Identifier: Apache-2.0
// Grants: which capabilities a handler has, and how far. A manifest asks for them, the operator's
// configuration allows them, and a handler has what is in both.
import { AgentError } from '../errors.ts';
import { capabilities as interfaces } from '../handler/direct.ts';
import { isErrnoName } from '../handler/errno.ts';
import type { ErrnoName } from '../handler/errno.ts';
import { canPerform } from '../notification/perform-plan.ts';
import { mostStateKeys } from '../notification/state-book.ts';

/** How far a capability goes. What is absent is not limited; each capability has some of these. */
export interface Limits {
  /** Functions of the interface, by their names in WIT. */
  readonly operations?: readonly string[];
  /** Folders of the container: all that is done is done in or below one of them. */
  readonly paths?: readonly string[];
  /** Types of new mounts. */
  readonly filesystems?: readonly string[];
  /** Device nodes: `c 1:3`. The agent makes none of block devices. */
  readonly nodes?: readonly string[];
  /** How many keys are remembered. */
  readonly keys?: number;
}

/** Plain data, so that any worker can be given it. */
export interface Grants {
  /** By the names of their interfaces. */
  readonly capabilities: Readonly<Record<string, Limits>>;
  /** The only errnos that a handler may fail a call with; absent: all. */
  readonly errnos?: readonly ErrnoName[];
  /** The only families that the host may be told to perform; absent: all that it can. */
  readonly perform?: readonly string[];
}

export interface AskedGrants extends Grants {
  /** Why, for each. */
  readonly reasons: Readonly<Record<string, string>>;
}

/** Tells of what is wrong with the value at the end of some keys, and throws. */
export type Complain = (keys: readonly (string | number)[], what: string) => never;

type LimitName = keyof Limits;

const mostPath = 4096;
const mostFolders = 32;
/** Of all folders, as a helper is told of them. */
const mostFolderBytes = 8192;

/** What each capability can be limited by. */
const limitable: Readonly<Record<string, readonly LimitName[]>> = {
  caller: [],
  container: ['operations'],
  descriptors: ['operations'],
  devices: ['nodes'],
  filesystem: ['operations', 'paths'],
  memory: ['operations'],
  mounts: ['filesystems', 'operations'],
  overlay: [],
  state: ['keys'],
};

/** The functions of an interface, by their names in WIT. What cannot fail is never refused. */
function functionsOf(capability: string): readonly string[] {
  return [...(interfaces.find(({ name }) => name === capability)?.functions.keys() ?? [])];
}

export const noGrants: Grants = { capabilities: {} };

/** The capabilities that somebody has to grant. */
export const grantable: readonly string[] = Object.keys(limitable);

// ---- reading ----

interface Reading {
  readonly complain: Complain;
  /** Each grant has a reason, as manifests have it. */
  readonly isAsked: boolean;
}

/**
 * What an operator allows. Unknown keys are errors.
 * @throws what `complain` throws
 */
export function parseAllowed(value: unknown, complain: Complain): Grants {
  const { reasons: _none, ...grants } = parse(value, { complain, isAsked: false });
  return grants;
}

/**
 * What a manifest asks for: the same, and with a reason each.
 * @throws what `complain` throws
 */
export function parseAsked(value: unknown, complain: Complain): AskedGrants {
  return parse(value, { complain, isAsked: true });
}

function parse(value: unknown, reading: Reading): AskedGrants {
  const { complain } = reading;
  const given = objectOf(value, [], complain);
  const capabilities: Record<string, Limits> = {};
  const reasons: Record<string, string> = {};
  const others: { errnos?: readonly ErrnoName[]; perform?: readonly string[] } = {};
  for (const [name, grant] of Object.entries(given)) {
    if (!isAnswerLimit(name) && !grantable.includes(name)) {
      const known = [...grantable, 'errnos', 'perform'].join(', ');
      complain([name], `nobody can grant "${name}"; there are ${known}`);
    }
    const limits = objectOf(grant, [name], complain);
    if (reading.isAsked) reasons[name] = parseReason(limits['reason'], [name, 'reason'], complain);
    const known = reading.isAsked ? ['reason'] : [];
    if (name === 'errnos') others.errnos = parseErrnos({ limits, known, complain });
    else if (name === 'perform') others.perform = parsePerform({ limits, known, complain });
    else capabilities[name] = parseLimits(name, { limits, known, complain });
  }
  return { capabilities, ...others, reasons };
}

/** These are no interfaces: they limit what handlers answer. */
function isAnswerLimit(name: string): boolean {
  return name === 'errnos' || name === 'perform';
}

function parseReason(value: unknown, place: readonly string[], complain: Complain): string {
  if (typeof value === 'string' && value.trim() !== '') return value;
  return complain(place, 'must be a text: why it is needed, for those who are to grant it');
}

function parseErrnos({ limits, known, complain }: GivenLimits): readonly ErrnoName[] {
  checkKeys(limits, { place: ['errnos'], known: [...known, 'names'], complain });
  const place = ['errnos', 'names'];
  return listOf(limits['names'], place, complain).map((name, index) =>
    isErrnoName(name) ? name : complain([...place, index], `Linux has no errno "${name}"`),
  );
}

function parsePerform({ limits, known, complain }: GivenLimits): readonly string[] {
  checkKeys(limits, { place: ['perform'], known: [...known, 'syscalls'], complain });
  const place = ['perform', 'syscalls'];
  return listOf(limits['syscalls'], place, complain).map((family, index) =>
    canPerform(family)
      ? family
      : complain([...place, index], `the host cannot perform "${family}"`),
  );
}

interface GivenLimits {
  readonly limits: Readonly<Record<string, unknown>>;
  /** Keys that are no limits. */
  readonly known: readonly string[];
  readonly complain: Complain;
}

function parseLimits(name: string, { limits, known, complain }: GivenLimits): Limits {
  checkKeys(limits, { place: [name], known: [...known, ...(limitable[name] ?? [])], complain });
  const texts = (limit: LimitName, check: Check): readonly string[] =>
    checkedTexts(limits[limit], { place: [name, limit], check, complain });
  const folders = (): readonly string[] => {
    const paths = texts('paths', folderError);
    const bytes = Buffer.byteLength(paths.join('/'));
    if (paths.length <= mostFolders && bytes < mostFolderBytes) return paths;
    return complain([name, 'paths'], `has more than ${mostFolders} folders, or very long ones`);
  };
  return {
    ...(limits['operations'] === undefined
      ? {}
      : { operations: texts('operations', oneOf(functionsOf(name))) }),
    ...(limits['paths'] === undefined ? {} : { paths: folders() }),
    ...(limits['filesystems'] === undefined
      ? {}
      : { filesystems: texts('filesystems', filesystemError) }),
    ...(limits['nodes'] === undefined ? {} : { nodes: texts('nodes', nodeError) }),
    ...(limits['keys'] === undefined
      ? {}
      : { keys: parseKeys(limits['keys'], [name, 'keys'], complain) }),
  };
}

/** What is wrong with a text; undefined: nothing. */
type Check = (text: string) => string | undefined;

function oneOf(names: readonly string[]): Check {
  return (text) =>
    names.includes(text) ? undefined : `there is no "${text}"; there are ${names.join(', ')}`;
}

function folderError(text: string): string | undefined {
  const parts = text.split('/').slice(1);
  const isPlain =
    text === '/' ||
    (text.startsWith('/') && parts.every((part) => part !== '' && part !== '.' && part !== '..'));
  if (isPlain && !text.includes('\0') && Buffer.byteLength(text) < mostPath) return undefined;
  return `"${text}" is no absolute path of a folder without "//", "." and "..", such as /work`;
}

function filesystemError(text: string): string | undefined {
  return /^[\w.-]+$/u.test(text) ? undefined : `"${text}" is no type of a file system`;
}

function nodeError(text: string): string | undefined {
  return /^[bc] (?:0|[1-9]\d{0,3}):(?:0|[1-9]\d{0,6})$/u.test(text)
    ? undefined
    : `"${text}" is no device, such as "c 1:3"`;
}

function parseKeys(value: unknown, place: readonly string[], complain: Complain): number {
  const isCount = typeof value === 'number' && Number.isInteger(value);
  if (isCount && value >= 1 && value <= mostStateKeys) return value;
  return complain(place, `must be a number from 1 to ${mostStateKeys}`);
}

interface Checking {
  readonly place: readonly string[];
  readonly check: Check;
  readonly complain: Complain;
}

function checkedTexts(value: unknown, { place, check, complain }: Checking): readonly string[] {
  const texts = listOf(value, place, complain);
  texts.forEach((text, index) => {
    const error = check(text);
    if (error !== undefined) complain([...place, index], error);
  });
  return texts;
}

/** Of texts, each once. None at all would be no grant. */
function listOf(value: unknown, place: readonly string[], complain: Complain): readonly string[] {
  if (!Array.isArray(value)) complain(place, 'must be a list of texts');
  const items: readonly unknown[] = value;
  if (items.length === 0) complain(place, 'is empty: leave it out where nothing is limited');
  return items.map((item, index) => {
    if (typeof item !== 'string') complain([...place, index], 'must be a text');
    if (items.indexOf(item) !== index) complain([...place, index], `"${item}" is there twice`);
    return item;
  });
}

interface Keys {
  readonly place: readonly string[];
  readonly known: readonly string[];
  readonly complain: Complain;
}

function checkKeys(value: object, { place, known, complain }: Keys): void {
  const unknownKey = Object.keys(value).find((key) => !known.includes(key));
  if (unknownKey === undefined) return;
  const list = known.length === 0 ? 'there is nothing to say' : `known are ${known.join(', ')}`;
  complain([...place, unknownKey], `unknown key "${unknownKey}"; ${list}`);
}

function objectOf(
  value: unknown,
  place: readonly string[],
  complain: Complain,
): Readonly<Record<string, unknown>> {
  if (!isObject(value)) complain(place, 'must be an object');
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// ---- what is in both ----

/**
 * What a bundle has of what it asks for.
 * @throws AgentError AGENT_COMPONENT_REFUSED, with both lists, where that is nothing at all
 */
export function grantedOf(asked: Grants, allowed: Grants): Grants {
  const capabilities: Record<string, Limits> = {};
  for (const [name, limits] of Object.entries(asked.capabilities)) {
    const allowedLimits = allowed.capabilities[name];
    if (allowedLimits === undefined) continue;
    capabilities[name] = limitsInBoth(name, limits, allowedLimits);
  }
  const missing = Object.keys(asked.capabilities).filter((name) => !(name in capabilities));
  if (missing.length > 0) {
    refuse(
      `asks for ${listed(Object.keys(asked.capabilities))}; ` +
        `the operator allows ${listed(Object.keys(allowed.capabilities))}`,
    );
  }
  const errnos = namesInBoth('errnos', asked.errnos, allowed.errnos);
  const perform = namesInBoth('perform.syscalls', asked.perform, allowed.perform);
  return {
    capabilities,
    ...(errnos === undefined ? {} : { errnos }),
    ...(perform === undefined ? {} : { perform }),
  };
}

/** What two signers, or a signer and an entry of the bundle itself, allow together. */
export function eitherOf(one: Grants, other: Grants): Grants {
  const capabilities: Record<string, Limits> = { ...one.capabilities };
  for (const [name, limits] of Object.entries(other.capabilities)) {
    const known = capabilities[name];
    capabilities[name] = known === undefined ? limits : limitsInEither(known, limits);
  }
  const errnos = either(one.errnos, other.errnos);
  const perform = either(one.perform, other.perform);
  return {
    capabilities,
    ...(errnos === undefined ? {} : { errnos }),
    ...(perform === undefined ? {} : { perform }),
  };
}

function limitsInBoth(name: string, asked: Limits, allowed: Limits): Limits {
  const names = (limit: 'operations' | 'filesystems' | 'nodes'): Limits => {
    const both = namesInBoth(`${name}.${limit}`, asked[limit], allowed[limit]);
    return both === undefined ? {} : { [limit]: both };
  };
  const paths = inBoth(`${name}.paths`, asked.paths, allowed.paths, foldersInBoth);
  const keys = Math.min(asked.keys ?? Infinity, allowed.keys ?? Infinity);
  return {
    ...names('operations'),
    ...names('filesystems'),
    ...names('nodes'),
    ...(paths === undefined ? {} : { paths }),
    ...(keys === Infinity ? {} : { keys }),
  };
}

function limitsInEither(one: Limits, other: Limits): Limits {
  const names = (limit: 'operations' | 'paths' | 'filesystems' | 'nodes'): Limits => {
    const all = either(one[limit], other[limit]);
    return all === undefined ? {} : { [limit]: all };
  };
  const isCounted = one.keys !== undefined && other.keys !== undefined;
  return {
    ...names('operations'),
    ...names('paths'),
    ...names('filesystems'),
    ...names('nodes'),
    ...(isCounted ? { keys: Math.max(one.keys, other.keys) } : {}),
  };
}

function either<T>(
  one: readonly T[] | undefined,
  other: readonly T[] | undefined,
): readonly T[] | undefined {
  if (one === undefined || other === undefined) return undefined;
  return [...new Set([...one, ...other])];
}

function namesInBoth<T extends string>(
  what: string,
  asked: readonly T[] | undefined,
  allowed: readonly T[] | undefined,
): readonly T[] | undefined {
  return inBoth(what, asked, allowed, (one, other) => one.filter((name) => other.includes(name)));
}

/** Absent is no limit, but none that both have is nothing. */
function inBoth<T extends string>(
  what: string,
  asked: readonly T[] | undefined,
  allowed: readonly T[] | undefined,
  both: (one: readonly T[], other: readonly T[]) => readonly T[],
): readonly T[] | undefined {
  if (asked === undefined || allowed === undefined) return asked ?? allowed;
  const granted = both(asked, allowed);
  if (granted.length > 0) return granted;
  return refuse(`${what}: asks for ${listed(asked)}; the operator allows ${listed(allowed)}`);
}

/** Of two folders of which one is in the other, the inner one. */
function foldersInBoth(one: readonly string[], other: readonly string[]): readonly string[] {
  const inner = [
    ...one.filter((folder) => other.some((outer) => isWithin(folder, outer))),
    ...other.filter((folder) => one.some((outer) => isWithin(folder, outer))),
  ];
  return [...new Set(inner)];
}

function isWithin(folder: string, outer: string): boolean {
  return outer === '/' || folder === outer || folder.startsWith(`${outer}/`);
}

function refuse(message: string): never {
  throw new AgentError('AGENT_COMPONENT_REFUSED', message);
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : names.join(', ');
}

// ---- what workers need of it ----

/** Whether a handler that has these is stopped at anything; if not, nothing has to be asked. */
export function isLimited({ capabilities, errnos, perform }: Grants): boolean {
  return (
    errnos !== undefined ||
    perform !== undefined ||
    Object.values(capabilities).some((limits) => Object.keys(limits).length > 0)
  );
}

/** For people: a line for each grant. */
export function grantLines({ capabilities, errnos, perform }: Grants): readonly string[] {
  return [
    ...Object.entries(capabilities).map(([name, limits]) => {
      const parts = Object.entries(limits).map(
        ([limit, value]) => `${limit} ${Array.isArray(value) ? value.join(', ') : String(value)}`,
      );
      return parts.length === 0 ? `${name}, without limits` : `${name}: ${parts.join('; ')}`;
    }),
    ...(errnos === undefined ? [] : [`errnos: ${errnos.join(', ')}`]),
    ...(perform === undefined ? [] : [`perform: ${perform.join(', ')}`]),
  ];
}
