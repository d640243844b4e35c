// SPDX-License-Identifier: Apache-2.0
// `seccompagent inspect`: what a bundle or a component answers and wants.
import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';

import { parseWords, usage } from '../command-line.ts';
import { AgentError } from '../errors.ts';
import { capabilities, checkSize, loadComponent } from '../handler/direct.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { families, familyMembers } from '../notification/syscall-table.ts';
import { readBundle } from '../registry/bundle.ts';
import type { BundleHandler } from '../registry/bundle.ts';
import type { SettingSource } from '../registry/manifest-handler.ts';
import type { SettingDeclaration } from '../registry/setting.ts';
import type { WantedGrant } from '../registry/wanted-grants.ts';
import type { Tool } from './tool.ts';

interface ComponentFacts {
  readonly component: string;
  readonly digest: string;
  readonly bytes: number;
  /** Each family with its system calls; `any` alone stands for all. */
  readonly answers: Readonly<Record<string, readonly string[]>>;
  /** Capabilities that somebody has to grant, and those that every handler may use. */
  readonly wants: { readonly granted: readonly string[]; readonly free: readonly string[] };
}

function needsGrant(name: string): boolean {
  return capabilities.some((capability) => capability.name === name && capability.needsGrant);
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
  checkSize(statSync(file).size);
  return factsOf(file, loadComponent(readFileSync(file)));
}

interface HandlerFacts extends ComponentFacts {
  /** What it is asked about; absent: all that it answers. */
  readonly asked?: readonly string[];
  /** Fixed texts, and the bundle's settings by their keys. */
  readonly settings: Readonly<Record<string, string | { readonly from: string }>>;
  readonly deadlineMs: number;
}

interface BundleFacts {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly settings: readonly SettingDeclaration[];
  readonly grants: readonly WantedGrant[];
  readonly handlers: readonly HandlerFacts[];
}

function sourceFacts(source: SettingSource): string | { readonly from: string } {
  return source.kind === 'fixed' ? source.text : { from: source.declaration.key };
}

function factsOfHandler(handler: BundleHandler): HandlerFacts {
  const { file, component, syscalls, settings, deadlineMs } = handler;
  return {
    ...factsOf(file, component),
    ...(syscalls === undefined ? {} : { asked: syscalls }),
    settings: Object.fromEntries(settings.map(([key, source]) => [key, sourceFacts(source)])),
    deadlineMs,
  };
}

function factsOfBundle(folder: string): BundleFacts {
  const { name, version, description, settings, grants, handlers } = readBundle(folder);
  return {
    name,
    version,
    description,
    settings,
    grants,
    handlers: handlers.map(factsOfHandler),
  };
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : names.join(', ');
}

function answerLine([family, calls]: readonly [string, readonly string[]]): string {
  return calls.length <= 1 ? family : `${family} (${calls.join(', ')})`;
}

function componentLines(facts: ComponentFacts): readonly string[] {
  return [
    facts.component,
    `  answers   ${listed(Object.entries(facts.answers).map(answerLine))}`,
    `  wants     ${listed(facts.wants.granted)}`,
    `  uses      ${listed(facts.wants.free)}`,
    `  size      ${facts.bytes} bytes`,
    `  digest    ${facts.digest}`,
  ];
}

function handlerLines(facts: HandlerFacts): readonly string[] {
  const settings = Object.entries(facts.settings).map(([key, value]) =>
    typeof value === 'string' ? `${key}=${value}` : `${key}=(${value.from})`,
  );
  return [
    ...componentLines(facts),
    ...(facts.asked === undefined ? [] : [`  asked     ${listed(facts.asked)}`]),
    `  settings  ${listed(settings)}`,
    `  deadline  ${facts.deadlineMs} ms`,
  ];
}

function settingLine({
  key,
  type,
  default: fallback,
  isRequired,
  description,
}: SettingDeclaration): string {
  const value = isRequired ? 'required' : `default ${fallback ?? 'none'}`;
  return `  setting   ${key} (${type}, ${value}): ${description}`;
}

function grantLine({ capability, reason, limits }: WantedGrant): string {
  const listedLimits = Object.entries(limits).map(
    ([key, value]) => ` ${key} ${typeof value === 'number' ? value : value.join(', ')};`,
  );
  return `  grant     ${capability}:${listedLimits.join('')} ${reason}`;
}

function show(facts: BundleFacts | ComponentFacts): string {
  if (!('handlers' in facts)) return componentLines(facts).join('\n');
  const { name, version, description, settings, grants, handlers } = facts;
  return [
    `${name} ${version}: ${description}`,
    ...settings.map(settingLine),
    ...grants.map(grantLine),
    ...handlers.flatMap(handlerLines),
  ].join('\n');
}

function read(path: string): BundleFacts | ComponentFacts {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) throw new AgentError('AGENT_USAGE', `${path}: there is no such file`);
  return status.isDirectory() ? factsOfBundle(path) : factsOfFile(path);
}

async function run(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, { json: { type: 'boolean' } });
  const [path, ...more] = rest;
  if (path === undefined || more.length > 0) usage('inspect takes one bundle or component');
  const facts = read(path);
  const text = values.get('json') === true ? JSON.stringify(facts, undefined, 2) : show(facts);
  process.stdout.write(`${text}\n`);
  return Promise.resolve(0);
}

export const inspect: Tool = {
  usage: `Usage: seccompagent inspect [options] PATH

Shows what a bundle (the folder of its bundle.json) or a component (a .wasm file) answers, which
capabilities it wants to be granted, its settings, its size and its digest.

Options:
  -json               the same for programs
  -help
`,
  run,
};
