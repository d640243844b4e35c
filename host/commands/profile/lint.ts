// SPDX-License-Identifier: Apache-2.0
// `seccompagent profile lint`: reports mistakes in seccomp profiles.
import { parseWords, textOf, usage } from '../../text/command-line.ts';
import type { Finding, Severity } from '../../profile/finding.ts';
import { advisersOf } from '../../profile/advisers.ts';
import { lint } from '../../profile/lint.ts';
import type { Resolve } from '../../profile/lint/metadata.ts';
import { memoryWriters } from '../../profile/memory-writers.ts';
import { preFilters } from '../../profile/pre-filters.ts';
import { refusalsOf, refusedWords } from '../../profile/refusals.ts';
import { readProfile } from '../../profile/read-profile.ts';
import { answeredSyscalls } from '../../registry/registry.ts';
import { makeAnswering } from '../agent.ts';
import { report } from '../report.ts';
import { configOf, containerWith, leavesToKernel, runtimeOf, readText } from './common.ts';
import type { Values } from './common.ts';

const lintOptions = {
  runtime: { type: 'string' },
  resolver: { type: 'string' },
  config: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** Effect of metadata on the agent; undefined where nothing says which bundles answer. */
async function resolveFor(metadata: string, values: Values): Promise<Resolve | undefined> {
  const named = textOf(values, 'resolver');
  if (named === undefined && !/^BUNDLE=/mu.test(metadata)) return undefined;
  const { resolver } = await makeAnswering(
    { resolver: named ?? 'none', selection: [], ...configOf(values) },
    new AbortController().signal,
  );
  const identity = containerWith(metadata);
  await resolver.prepare?.(identity);
  return () => {
    const { bundles, registry, sources } = resolver.resolve(identity);
    const syscalls = answeredSyscalls(registry);
    return {
      bundles: bundles.map(({ name }) => name),
      syscalls,
      refused: refusalsOf(refusedWords(sources, registry)),
      writers: memoryWriters(sources, registry),
      advisers: advisersOf(sources, registry),
      ...(leavesToKernel(registry, metadata) ? { preFilters: preFilters(sources, syscalls) } : {}),
    };
  };
}

async function findingsIn(file: string, values: Values): Promise<readonly Finding[]> {
  const { profile, findings } = readProfile(readText(file));
  if (profile === undefined) return findings.all;
  const resolve = await resolveFor(profile.listenerMetadata ?? '', values);
  lint(profile, findings, { resolve, runtime: runtimeOf(values) });
  return findings.all;
}

interface FileFindings {
  readonly file: string;
  readonly findings: readonly Finding[];
}

function findingLines(file: string, finding: Finding): readonly string[] {
  const { severity, code, path, line, message, advice } = finding;
  return [`${file}:${line}: ${severity}: ${message} [${code}]`, `  at ${path}: ${advice}`];
}

function show(files: readonly FileFindings[]): readonly string[] {
  return files.flatMap(({ file, findings }) =>
    findings.length === 0
      ? [`${file}: no findings`]
      : findings.flatMap((finding) => findingLines(file, finding)),
  );
}

function has(files: readonly FileFindings[], severity: Severity): boolean {
  return files.some(({ findings }) => findings.some((each) => each.severity === severity));
}

export async function runLint(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, lintOptions);
  if (rest.length === 0) usage('profile lint needs one or more files');
  const files: FileFindings[] = [];
  for (const file of rest) files.push({ file, findings: await findingsIn(file, values) });
  report(values, files, () => show(files));
  return has(files, 'error') ? 1 : 0;
}
