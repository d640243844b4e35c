// SPDX-License-Identifier: Apache-2.0
// Reads a bundle.json: which handlers are asked in which order, with which settings and grants.
import { invalid, listOf, matching, objectOf, proseOf, textOf } from './json-value.ts';
import { parseHandler } from './manifest-handler.ts';
import type { ManifestHandler, SettingSource } from './manifest-handler.ts';
import { parseDefaultAction, parseFailurePolicy } from '../registry/policy.ts';
import type { DefaultAction, FailurePolicy } from '../registry/policy.ts';
import { jsonFaultAt, jsonPlaceAt } from '../text/json-fault.ts';
import { isOfKind } from '../text/shown-key.ts';
import { parseSettingDeclarations } from './setting.ts';
import type { Declared, SettingDeclaration } from './setting.ts';
import { parseGrants } from './wanted-grants.ts';
import type { WantedGrant } from './wanted-grants.ts';

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** Settings that metadata may set. */
  readonly settings: readonly SettingDeclaration[];
  /** For all its handlers. */
  readonly grants: readonly WantedGrant[];
  /** In chain order. */
  readonly handlers: readonly ManifestHandler[];
  /** For calls that no handler has an opinion of; absent: as the operator wants it. */
  readonly defaultAction?: DefaultAction;
  /** For calls that the agent or a handler failed at; absent: as the operator wants it. */
  readonly failure?: FailurePolicy;
}

/** Of a bundle or a handler: words of lower-case letters and digits, joined by `-`. */
export const folderName: RegExp = /^(?=.{1,128}$)[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
export const bundleVersion: RegExp = /^(?=.{5,128}$)\d+\.\d+\.\d+(-[\w.-]+)?$/;

/** Each is compiled, and asked about the same call. */
export const maxHandlers = 32;

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // the error has a piece of the text
    const { line, column } = jsonPlaceAt(text, jsonFaultAt(text) ?? 0);
    return invalid(`${place}: not JSON from line ${line}, column ${column} on`);
  }
}

function parsePolicy<T>(json: unknown, place: string, parse: (text: string) => T): T | undefined {
  if (json === undefined) return undefined;
  const text = textOf(json, place);
  try {
    return parse(text);
  } catch (cause) {
    return invalid(`${place}: invalid value`, cause);
  }
}

/** A component is one file: the digest that one handler says of it counts for the others. */
function withDigests(
  handlers: readonly ManifestHandler[],
  place: string,
): readonly ManifestHandler[] {
  const said = new Map<string, string>();
  for (const { component, digest } of handlers) {
    if (digest === undefined) continue;
    const other = said.get(component) ?? digest;
    if (other !== digest) invalid(`${place}: ${component} has two digests: ${other} and ${digest}`);
    said.set(component, digest);
  }
  return handlers.map((handler) => {
    const digest = said.get(handler.component);
    return digest === undefined ? handler : { ...handler, digest };
  });
}

function parseHandlers(
  json: unknown,
  place: string,
  declared: Declared,
): readonly ManifestHandler[] {
  const list = listOf(json, place);
  if (list.length > maxHandlers) {
    invalid(
      `${place} has ${list.length} entries; the maximum is ${maxHandlers}: use several bundles`,
    );
  }
  const handlers = list.map((handler, index) =>
    parseHandler(handler, `${place}[${index}]`, declared),
  );
  if (handlers.length === 0) invalid(`${place} is empty`);
  return withDigests(handlers, place);
}

/** The settings that a value is made of, or depends on. */
function keysOf(source: SettingSource): readonly string[] {
  return source.kind === 'declared' ? [source.declaration.key] : (source.when ?? []);
}

/** Users who set an unused one would think that it has an effect. */
function checkUse(declared: Declared, handlers: readonly ManifestHandler[], place: string): void {
  const used = new Set(
    handlers.flatMap(({ settings, when = [] }) => [
      ...settings.flatMap(([, source]) => keysOf(source)),
      ...when,
    ]),
  );
  const unused = [...declared.keys()].find((key) => !used.has(key));
  if (unused !== undefined) invalid(`${place}.${unused} is passed to no handler`);
}

const keysOfManifest: readonly string[] = [
  '$schema',
  'name',
  'version',
  'description',
  'settings',
  'grants',
  'handlers',
  'default',
  'failure',
];

/**
 * Unknown keys are errors.
 * @param place begins the messages
 * @throws AgentError AGENT_BUNDLE_INVALID
 */
export function parseManifest(text: string, place: string): Manifest {
  const json = parseJson(text, place);
  if (!isOfKind(Object.keys(Object(json)), keysOfManifest)) {
    invalid(`${place} must have the keys name, version, description and handlers`);
  }
  const bundle = objectOf(json, place, keysOfManifest);
  if (bundle['$schema'] !== undefined) textOf(bundle['$schema'], `${place}: $schema`);
  const settings = parseSettingDeclarations(bundle['settings'], `${place}: settings`);
  const handlers = parseHandlers(bundle['handlers'], `${place}: handlers`, settings);
  checkUse(settings, handlers, `${place}: settings`);
  const defaultAction = parsePolicy(bundle['default'], `${place}: default`, parseDefaultAction);
  const failure = parsePolicy(bundle['failure'], `${place}: failure`, parseFailurePolicy);
  return {
    name: matching(bundle['name'], `${place}: name`, folderName),
    version: matching(bundle['version'], `${place}: version`, bundleVersion),
    description: proseOf(bundle['description'], `${place}: description`),
    settings: [...settings.values()],
    grants: parseGrants(bundle['grants'], `${place}: grants`),
    handlers,
    ...(defaultAction === undefined ? {} : { defaultAction }),
    ...(failure === undefined ? {} : { failure }),
  };
}
