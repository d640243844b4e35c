// SPDX-License-Identifier: Apache-2.0
// `seccompagent inspect`: what a bundle or a component answers and wants.
import { statSync } from 'node:fs';
import { basename, dirname } from 'node:path';

import { parseWords, textOf, usage } from '../text/command-line.ts';
import { loadConfig } from '../config/config.ts';
import { AgentError } from '../errors.ts';
import { needsGrant } from '../call/host-functions.ts';
import { loadComponent } from '../handler/direct.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { readRegularFile } from '../files/regular-file.ts';
import { checkSize, defaultLimits } from '../handler/outline.ts';
import { families, familyMembers } from '../syscalls/syscall-table.ts';
import { answeredActions } from '../replay/answered-actions.ts';
import type { AnsweredActions } from '../replay/answered-actions.ts';
import { readBundle } from '../bundles/bundle.ts';
import { BundleStore as BundleFolders } from '../bundles/bundle-store.ts';
import type { BundleHandler } from '../bundles/bundle.ts';
import { folderName } from '../bundles/manifest.ts';
import { isReference } from '../bundles/oci/reference.ts';
import { signersAmong } from '../bundles/oci/signature.ts';
import { BundleStore, defaultStore } from '../bundles/oci/store.ts';
import type { SettingSource } from '../bundles/manifest-handler.ts';
import type { ArgumentTest } from '../bundles/only-calls.ts';
import type { SettingDeclaration } from '../bundles/setting.ts';
import type { WantedGrant } from '../bundles/wanted-grants.ts';
import { configuredRegistry, referenceOf, trustedSigners, trustUsage } from './registry-options.ts';
import type { Values } from './registry-options.ts';
import type { Tool } from './command.ts';
import { report } from './report.ts';

const options = {
  json: { type: 'boolean' },
  key: { type: 'string' },
  config: { type: 'string' },
  store: { type: 'string' },
  recording: { type: 'string' },
} as const;

interface ComponentFacts {
  readonly component: string;
  readonly digest: string;
  readonly bytes: number;
  /** Each family with its system calls; `any` alone stands for all. */
  readonly answers: Readonly<Record<string, readonly string[]>>;
  /** Capabilities that somebody has to grant, and those that every handler may use. */
  readonly wants: { readonly granted: readonly string[]; readonly free: readonly string[] };
  /** Actions that it has answered in a recording. */
  readonly answered?: AnsweredActions;
}

function factsOf(file: string, component: LoadedComponent): ComponentFacts {
  return {
    component: basename(file),
    digest: `sha256:${component.digest}`,
    bytes: statSync(file).size,
    answers: Object.fromEntries(
      component.answers.map((family) => [
        family,
        families().includes(family) ? familyMembers(family) : [],
      ]),
    ),
    wants: {
      granted: component.imports.filter(needsGrant),
      free: component.imports.filter((name) => !needsGrant(name)),
    },
  };
}

/** @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED */
function factsOfFile(file: string): ComponentFacts {
  if (basename(file) === 'bundle.json') {
    usage(`${file} is not a component: to inspect the bundle, name its folder ${dirname(file)}`);
  }
  try {
    checkSize(statSync(file).size);
    const bytes = readRegularFile(file, { maxBytes: defaultLimits.maximumBytes });
    return factsOf(file, loadComponent(bytes));
  } catch (thrown) {
    if (thrown instanceof AgentError) {
      throw new AgentError(thrown.code, `${file}: ${thrown.message}`, { cause: thrown.cause });
    }
    throw new AgentError('AGENT_COMPONENT_INVALID', `${file}: cannot be read`, { cause: thrown });
  }
}

type SettingFacts =
  | string
  | { readonly from: string }
  | { readonly text: string; readonly when: readonly string[] };

interface HandlerFacts extends ComponentFacts {
  /** Calls that it is asked about; absent: all that it answers. */
  readonly asked?: readonly string[];
  /** Fixed texts, and the bundle's settings by their keys. */
  readonly settings: Readonly<Record<string, SettingFacts>>;
  /** It is there where one of these settings is on; absent: always. */
  readonly when?: readonly string[];
  /** By family: it passes all other calls on; absent: it may answer any. Numbers are as in the manifest. */
  readonly only?: Readonly<Record<string, OnlyFacts>>;
  /** Calls that profiles for the bundle refuse; absent: none. */
  readonly refuse?: readonly string[];
  /** Answers that are advice; absent: none is said to be. */
  readonly advisory?: readonly string[];
  readonly deadlineMs: number;
}

interface OnlyFacts {
  readonly argument: string;
  readonly mask: string;
  readonly values: readonly string[];
}

interface BundleFacts {
  /** Of a bundle that was pulled. */
  readonly pulled?: { readonly digest: string; readonly signers: readonly string[] };
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly settings: readonly SettingDeclaration[];
  readonly grants: readonly WantedGrant[];
  readonly handlers: readonly HandlerFacts[];
}

function sourceFacts(source: SettingSource): SettingFacts {
  if (source.kind === 'declared') return { from: source.declaration.key };
  const { text, when } = source;
  return when === undefined ? text : { text, when };
}

function settingText(value: SettingFacts): string {
  if (typeof value === 'string') return value;
  return 'from' in value ? `(${value.from})` : `${value.text} (with ${value.when.join(' or ')})`;
}

/** Modes are octal everywhere. */
function onlyFacts({ argument, mask, values }: ArgumentTest): OnlyFacts {
  const shown = (bits: number): string =>
    argument === 'mode' ? `0o${bits.toString(8).padStart(6, '0')}` : `0x${bits.toString(16)}`;
  return { argument, mask: shown(mask), values: values.map(shown) };
}

function onlyText([family, { argument, mask, values }]: readonly [string, OnlyFacts]): string {
  return `${family} where ${argument} & ${mask} is ${values.join(' or ')}`;
}

function factsOfHandler(handler: BundleHandler): HandlerFacts {
  const { file, component, syscalls, settings, when, only, refuse, advisory, deadlineMs } = handler;
  return {
    ...factsOf(file, component),
    ...(syscalls === undefined ? {} : { asked: syscalls }),
    settings: Object.fromEntries(settings.map(([key, source]) => [key, sourceFacts(source)])),
    ...(when === undefined ? {} : { when }),
    ...(only === undefined
      ? {}
      : {
          only: Object.fromEntries([...only].map(([family, test]) => [family, onlyFacts(test)])),
        }),
    ...(refuse === undefined ? {} : { refuse }),
    ...(advisory === undefined ? {} : { advisory }),
    deadlineMs,
  };
}

/** @param text bundle.json, where it was read already */
function factsOfBundle(folder: string, text?: string): BundleFacts {
  const reading = text === undefined ? {} : { text };
  const { name, version, description, settings, grants, handlers } = readBundle(folder, reading);
  return {
    name,
    version,
    description,
    settings,
    grants,
    handlers: handlers.map(factsOfHandler),
  };
}

/** One that is in the store, and who has signed it of those who are trusted. */
function factsOfPulled(text: string, values: Values): BundleFacts {
  const reference = referenceOf(text);
  const { digest } = reference;
  if (digest === undefined)
    usage('inspect reads the store: the reference must have a digest (@sha256:…)');
  const store = new BundleStore(textOf(values, 'store') ?? defaultStore);
  const { folder, signatures, text: manifest } = store.read(digest);
  const known = trustedSigners(values, configuredRegistry(reference, values));
  const signers = signersAmong(known, { digest, signatures });
  const facts = factsOfBundle(folder, manifest);
  return { pulled: { digest, signers }, ...facts };
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : names.join(', ');
}

function answerLine([family, calls]: readonly [string, readonly string[]]): string {
  return calls.length <= 1 ? family : `${family} (${calls.join(', ')})`;
}

function answeredText(answered: AnsweredActions): string {
  return listed(
    Object.entries(answered).map(([syscall, counts]) => {
      const each = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
      return `${syscall} (${each.join(', ')})`;
    }),
  );
}

function componentLines(facts: ComponentFacts): readonly string[] {
  return [
    facts.component,
    `  answers   ${listed(Object.entries(facts.answers).map(answerLine))}`,
    `  wants     ${listed(facts.wants.granted)}`,
    `  uses      ${listed(facts.wants.free)}`,
    `  size      ${facts.bytes} bytes`,
    `  digest    ${facts.digest}`,
    ...(facts.answered === undefined ? [] : [`  answered  ${answeredText(facts.answered)}`]),
  ];
}

function handlerLines(facts: HandlerFacts): readonly string[] {
  const settings = Object.entries(facts.settings).map(
    ([key, value]) => `${key}=${settingText(value)}`,
  );
  return [
    ...componentLines(facts),
    ...(facts.asked === undefined ? [] : [`  asked     ${listed(facts.asked)}`]),
    `  settings  ${listed(settings)}`,
    ...(facts.when === undefined ? [] : [`  with      ${facts.when.join(' or ')}`]),
    ...(facts.only === undefined
      ? []
      : [`  only      ${listed(Object.entries(facts.only).map(onlyText))}`]),
    ...(facts.refuse === undefined ? [] : [`  refuse    ${listed(facts.refuse)}`]),
    ...(facts.advisory === undefined ? [] : [`  advisory  ${listed(facts.advisory)}`]),
    `  deadline  ${facts.deadlineMs} ms`,
  ];
}

function settingLine({
  key,
  type,
  default: fallback,
  isRequired,
  needs,
  description,
}: SettingDeclaration): string {
  const beside = needs === undefined ? '' : `, needs ${needs.join(' or ')}`;
  const value = (isRequired ? 'required' : `default ${fallback ?? 'none'}`) + beside;
  return `  setting   ${key} (${type}, ${value}): ${description}`;
}

function grantLine({ capability, reason, limits }: WantedGrant): string {
  const listedLimits = Object.entries(limits).map(
    ([key, value]) => ` ${key} ${typeof value === 'number' ? value : value.join(', ')};`,
  );
  return `  grant     ${capability}:${listedLimits.join('')} ${reason}`;
}

function show(facts: BundleFacts | ComponentFacts): readonly string[] {
  if (!('handlers' in facts)) return componentLines(facts);
  const { pulled, name, version, description, settings, grants, handlers } = facts;
  return [
    `${name} ${version}: ${description}`,
    ...(pulled === undefined ? [] : [`  digest    ${pulled.digest}`]),
    ...(pulled === undefined ? [] : [`  signed by ${listed(pulled.signers)}`]),
    ...settings.map(settingLine),
    ...grants.map(grantLine),
    ...handlers.flatMap(handlerLines),
  ];
}

function read(path: string, values: Values): BundleFacts | ComponentFacts {
  if (isReference(path)) return factsOfPulled(path, values);
  const status = statSync(path, { throwIfNoEntry: false });
  if (status?.isDirectory() === true) return factsOfBundle(path);
  if (status !== undefined) return factsOfFile(path);
  if (!folderName.test(path)) {
    throw new AgentError('AGENT_USAGE', `${path}: no such file`);
  }
  const { bundleFolders } = loadConfig(textOf(values, 'config'));
  return factsOfBundle(new BundleFolders({ folders: bundleFolders }).folderOf(path));
}

type Answered = ReadonlyMap<string, AnsweredActions>;

function withAnswered<T extends ComponentFacts>(facts: T, answered: Answered): T {
  return { ...facts, answered: answered.get(facts.digest.replace('sha256:', '')) ?? {} };
}

/** With what a recording says of the very same components. */
function recordedFacts(
  facts: BundleFacts | ComponentFacts,
  answered: Answered,
): BundleFacts | ComponentFacts {
  if (!('handlers' in facts)) return withAnswered(facts, answered);
  return { ...facts, handlers: facts.handlers.map((handler) => withAnswered(handler, answered)) };
}

async function run(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, options);
  const [path, ...more] = rest;
  if (path === undefined || more.length > 0) usage('inspect needs one bundle or component');
  const recording = textOf(values, 'recording');
  const own = read(path, values);
  const facts =
    recording === undefined ? own : recordedFacts(own, await answeredActions(recording));
  report(values, facts, () => show(facts));
  return 0;
}

export const inspect: Tool = {
  usage: `Usage: seccompagent inspect [options] PATH_OR_REFERENCE

Prints the system calls that a bundle (the folder of its bundle.json, or its name) or a component (a
.wasm file) handles, the capabilities that it requests, its settings, its size and its digest. A pulled
bundle is named by its reference, oci://host/repository@sha256:…, and shown with its signers.

Options:
  -recording FILE     also count the actions it returned in a recording, by system call
${trustUsage}  -json               print JSON
  -help
`,
  run,
};
