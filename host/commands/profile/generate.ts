// SPDX-License-Identifier: Apache-2.0
// `seccompagent profile generate`: prints a seccomp profile for bundles.
import { closeSync, constants, existsSync, openSync, writeFileSync } from 'node:fs';
import { listOf, parseWords, textOf, textsOf, usage } from '../../text/command-line.ts';
import { loadConfig } from '../../config/config.ts';
import { AgentError } from '../../errors.ts';
import type { BaseProfile } from '../../profile/base-rules.ts';
import { alwaysBlocked, generateProfile, ociText } from '../../profile/generate.ts';
import type { Generated } from '../../profile/generate.ts';
import { containerBase } from '../../profile/container-base.ts';
import { guessAt } from '../../text/did-you-mean.ts';
import { callNames, isKnownCall } from '../../profile/families.ts';
import { objectName, operatorText } from '../../profile/operator-profile.ts';
import { memoryWriters, unwrittenNotes } from '../../profile/memory-writers.ts';
import type { MemoryWriter } from '../../profile/memory-writers.ts';
import { preFilters } from '../../profile/pre-filters.ts';
import { refusalsOf, refusedWords } from '../../profile/refusals.ts';
import type { Refusal } from '../../profile/refusals.ts';
import { readSoundProfile } from '../../profile/read-profile.ts';
import { registryOf } from '../../resolvers/bundle-registry.ts';
import type { Bundle } from '../../bundles/bundle.ts';
import { parseMetadata } from '../../resolvers/metadata.ts';
import { folderName } from '../../bundles/manifest.ts';
import { isReference } from '../../bundles/oci/reference.ts';
import { answeredSyscalls } from '../../registry/registry.ts';
import { escaped } from '../../terminal-text.ts';
import { makeAnswering } from '../agent.ts';
import {
  configOf,
  containerWith,
  leavesToKernel,
  runtimeOf,
  readText,
  defaultSocketFile,
} from './common.ts';
import type { Values } from './common.ts';

const options = {
  socketfile: { type: 'string' },
  metadata: { type: 'string', multiple: true },
  'wait-killable': { type: 'boolean' },
  runtime: { type: 'string' },
  base: { type: 'string' },
  allow: { type: 'string', multiple: true },
  format: { type: 'string' },
  name: { type: 'string' },
  o: { type: 'string' },
  config: { type: 'string' },
} as const;

interface Selected {
  readonly bundles: readonly Bundle[];
  /** As metadata names them. */
  readonly names: readonly string[];
}

async function selectedBundles(references: readonly string[], values: Values): Promise<Selected> {
  const { store } = await makeAnswering(
    { resolver: 'none', selection: references, ...configOf(values) },
    new AbortController().signal,
  );
  const bundles = references.map((reference) => store.referred(reference));
  const names = references.map((reference, index) =>
    isReference(reference) || folderName.test(reference) ? reference : (bundles[index]?.name ?? ''),
  );
  return { bundles, names };
}

interface AnsweredBy {
  readonly syscalls: readonly string[];
  readonly refused: readonly Refusal[];
  readonly isLeftToKernel: boolean;
  readonly writers: readonly MemoryWriter[];
}

/** @throws AgentError AGENT_SETTING_INVALID */
function answeredBy(
  { bundles }: Selected,
  settings: readonly string[],
  values: Values,
): AnsweredBy {
  const metadata = parseMetadata(settings.join('\n'));
  if (metadata.bundles !== undefined)
    usage('-metadata BUNDLE=… is not allowed: name the bundles as arguments');
  const selection = {
    bundles,
    settings: metadata.settings,
    defaultAction: metadata.defaultAction,
    policies: loadConfig(textOf(values, 'config')).policies,
  };
  const registry = registryOf(selection, containerWith(''));
  return {
    syscalls: answeredSyscalls(registry),
    refused: refusalsOf(refusedWords(bundles, registry)),
    isLeftToKernel: leavesToKernel(registry, settings.join('\n')),
    writers: memoryWriters(bundles, registry),
  };
}

function isWaitKillable(values: Values): boolean {
  const runtime = runtimeOf(values);
  const isWanted = values.get('wait-killable') === true;
  if (runtime === undefined) return isWanted;
  if (runtime === 'runc' && isWanted) {
    usage(
      '-wait-killable and -runtime runc exclude each other: runc before 1.5 refuses profiles with flags',
    );
  }
  return isWanted || runtime === 'crun';
}

/** Bases that are no files. */
const baseNames: readonly string[] = ['allow', 'container'];

function baseOf(values: Values): BaseProfile | undefined {
  const base = textOf(values, 'base') ?? 'allow';
  if (base === 'allow') return undefined;
  if (base === 'container') return containerBase();
  if (!existsSync(base)) {
    const guess = guessAt(base, baseNames);
    usage(`-base ${base}: no such file${guess}. Built-in bases: ${baseNames.join(', ')}`);
  }
  const { profile, json } = readSoundProfile(readText(base), base);
  if (profile.format === 'spo') usage(`-base ${base}: a base must be a profile for OCI runtimes`);
  checkNumbers(json, base);
  return { profile, json };
}

function allowedCalls(values: Values): readonly string[] {
  const names = textsOf(values, 'allow').flatMap((text) => listOf(text));
  for (const name of names) {
    if (isKnownCall(name)) continue;
    usage(`-allow: unknown system call "${name}"${guessAt(name, callNames())}`);
  }
  return names;
}

/** Numbers beyond 2⁵³ would be other ones in the result. */
function checkNumbers(json: unknown, file: string): void {
  if (typeof json === 'number' && !Number.isSafeInteger(json)) {
    throw new AgentError('AGENT_PROFILE_INVALID', `${file}: ${json} is not an integer up to 2^53`);
  }
  if (typeof json !== 'object' || json === null) return;
  for (const value of Object.values(json)) checkNumbers(value, file);
}

function textIn(format: string, generated: Generated, name: string): string {
  switch (format) {
    case 'oci':
      return ociText(generated);
    case 'spo':
      if (!objectName.test(name))
        usage(`-name: "${name}" is not a valid name of a Kubernetes object`);
      return operatorText(generated, name);
    default:
      return usage('-format must be oci or spo');
  }
}

/** A name in metadata is never a path: the agent looks for it in its folders. */
function folderNotes(references: readonly string[], { names }: Selected): readonly string[] {
  return references.flatMap((reference, index) => {
    const name = names[index] ?? '';
    if (name === reference) return [];
    return [`the metadata selects "${name}": install it in a bundle folder of the agent`];
  });
}

function uselessNotes(values: Values): readonly string[] {
  const useless = allowedCalls(values).filter((name) => !alwaysBlocked.includes(name));
  if (useless.length === 0 || baseOf(values) !== undefined) return [];
  return ['-allow has no effect without -base: all other calls are allowed anyway'];
}

/** Containers with such a profile would have an agent that is never asked. */
function nothingToTrap({ bundles, names }: Selected): never {
  const keys = new Set(
    bundles.flatMap(({ handlers }) => handlers).flatMap(({ when = [] }) => when),
  );
  const missing =
    keys.size === 0 ? '' : `: add -metadata KEY=VALUE with one of ${[...keys].join(', ')}`;
  return usage(`${names.join(',')} handles no call with these settings${missing}`);
}

export async function generate(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, options);
  const references = rest.flatMap((word) => listOf(word));
  if (references.length === 0) usage('profile generate needs one or more bundles');
  const selected = await selectedBundles(references, values);
  const settings = textsOf(values, 'metadata');
  const { syscalls, refused, isLeftToKernel, writers } = answeredBy(selected, settings, values);
  if (syscalls.length === 0) nothingToTrap(selected);
  const generated = generateProfile({
    syscalls,
    refused,
    ...(isLeftToKernel ? { preFilters: preFilters(selected.bundles, syscalls) } : {}),
    listenerPath: socketOf(values),
    listenerMetadata: [`BUNDLE=${selected.names.join(',')}`, ...settings].join('\n'),
    isWaitKillable: isWaitKillable(values),
    allowed: allowedCalls(values),
    base: baseOf(values),
  });
  const name = textOf(values, 'name') ?? selected.bundles.map((bundle) => bundle.name).join('-');
  write(textIn(textOf(values, 'format') ?? 'oci', generated, name), textOf(values, 'o'));
  const notes = [
    ...generated.notes,
    ...uselessNotes(values),
    ...(isWaitKillable(values) ? [] : unwrittenNotes(writers)),
    ...folderNotes(references, selected),
  ];
  for (const note of notes) {
    process.stderr.write(`seccompagent: note: ${escaped(note)}\n`);
  }
  return 0;
}

function socketOf(values: Values): string {
  const path = textOf(values, 'socketfile') ?? defaultSocketFile;
  if (!path.startsWith('/')) usage('-socketfile needs an absolute path');
  return path;
}

const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
/** A link may be somebody else's, and lead to what is ours. */
const notByLink = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW;

function write(text: string, file: string | undefined): void {
  if (file === undefined) {
    process.stdout.write(text);
    return;
  }
  try {
    const descriptor = openSync(file, notByLink, 0o666);
    writeFileSync(descriptor, text);
    closeSync(descriptor);
  } catch (cause) {
    throw new AgentError('AGENT_PROFILE_INVALID', `${file}: cannot be written`, { cause });
  }
}
