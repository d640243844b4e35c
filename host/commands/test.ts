// SPDX-License-Identifier: Apache-2.0
// `seccompagent test`: a handler on the cases of handler.test.yaml or handler.cases.ts, without root
// or kernel.
import { existsSync, watch } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';

import { BuildError } from '../../guest-sdk/build/build-error.ts';
import { readOwnFile } from '../../guest-sdk/build/own-files.ts';
import { buildProject } from '../../guest-sdk/build/project.ts';
import { parseWords, usage } from '../text/command-line.ts';
import { AgentError, failureLine, systemCodeOf } from '../errors.ts';
import { OpenFolder } from '../files/open-folder.ts';
import { readBundle } from '../bundles/bundle.ts';
import { parseCases } from '../trial/case-file.ts';
import type { CaseFile } from '../trial/case-file.ts';
import { casesOfModule } from '../trial/case-module.ts';
import { trialTask } from '../trial/trial-task.ts';
import { tryCases } from '../trial/trial-thread.ts';
import type { TrialResult } from '../trial/trial.ts';
import { reportingBuildErrors } from './build-failure.ts';
import { showBuilding } from './build-progress.ts';
import { tellMessages } from './compiler-messages.ts';
import type { Tool } from './command.ts';
import { report } from './report.ts';

const caseFile = 'handler.test.yaml';
/** The same, made by a program. */
const caseModules = ['handler.cases.ts', 'handler.cases.mts', 'handler.cases.mjs'];
/** Editors write a file in several steps. */
const settleMs = 100;

/** Path for messages: from here, where that is shorter. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}

/** A program can make more of them. */
const maxBytes = 256 * 1024;

/** The folder may be a stranger's, whose links do not lead out of it. */
function textOf(file: string): string {
  try {
    using folder = new OpenFolder(dirname(file));
    const { place } = folder;
    return readOwnFile(join(place, basename(file)), [place], maxBytes).toString();
  } catch (cause) {
    if (cause instanceof BuildError) throw new AgentError('AGENT_CASES_INVALID', cause.message);
    if (systemCodeOf(cause) !== 'ENOENT') {
      throw new AgentError('AGENT_CASES_INVALID', `${shown(file)}: cannot be read`, { cause });
    }
    // whoever is in another folder has no bundle there either
    const reason = existsSync(join(dirname(file), 'bundle.json'))
      ? `does not exist: write the test cases there or in ${caseModules[0]}`
      : 'does not exist, nor does bundle.json: name the folder of the bundle, or create one with "seccompagent new"';
    throw new AgentError('AGENT_CASES_INVALID', `${shown(file)} ${reason}`);
  }
}

/** File of the cases. */
function casesFile(directory: string): string {
  const module = caseModules.map((name) => join(directory, name)).find(existsSync);
  const file = join(directory, caseFile);
  if (module === undefined) return file;
  if (!existsSync(file)) return module;
  throw new AgentError(
    'AGENT_CASES_INVALID',
    `${shown(file)} and ${shown(module)} both exist: remove one`,
  );
}

async function casesOf(file: string): Promise<CaseFile> {
  const name = shown(file);
  const text = textOf(file);
  return file.endsWith('.yaml')
    ? parseCases(text, name)
    : parseCases(await casesOfModule(file, `${name} as YAML`), `${name} as YAML`);
}

async function tryFolder(directory: string): Promise<readonly TrialResult[]> {
  const cases = await casesOf(casesFile(directory));
  const out = await mkdtemp(join(tmpdir(), 'seccompagent-test-'));
  try {
    const built = await buildProject({ directory, out, onProgress: showBuilding });
    const warnings = built.components.flatMap((component) => component.warnings);
    tellMessages(warnings);
    return await tryCases(trialTask(readBundle(out), cases));
  } finally {
    await rm(out, { recursive: true });
  }
}

function show(results: readonly TrialResult[], file: string): readonly string[] {
  const lines = results.flatMap(({ name, hasPassed, differences }) => [
    `  ${hasPassed ? 'passed' : 'FAILED'}  ${name}`,
    ...differences.flatMap(({ line, what, expected, found }) => [
      `          ${file.endsWith('.yaml') ? `${file}:${line}` : file}: ${what}`,
      `            expected  ${expected}`,
      `            found     ${found}`,
    ]),
  ]);
  const failed = results.filter(({ hasPassed }) => !hasPassed).length;
  return [...lines, `${results.length - failed} passed, ${failed} failed`];
}

async function testOnce(directory: string, values: ReadonlyMap<string, unknown>): Promise<number> {
  return reportingBuildErrors('AGENT_BUILD', async () => {
    const results = await tryFolder(directory);
    report(values, { cases: results }, () => show(results, shown(casesFile(directory))));
    return results.every(({ hasPassed }) => hasPassed) ? 0 : 1;
  });
}

/** An error is printed, and the next change starts the test again. */
async function testPatiently(
  directory: string,
  values: ReadonlyMap<string, unknown>,
): Promise<void> {
  try {
    await testOnce(directory, values);
  } catch (thrown) {
    process.stderr.write(failureLine(thrown));
  }
}

/** Until a signal ends the process. */
async function testOnChanges(
  directory: string,
  values: ReadonlyMap<string, unknown>,
): Promise<never> {
  for (;;) {
    const changed = nextChange(directory);
    await testPatiently(directory, values);
    await changed;
  }
}

/** Resolves when a source has changed since the call, and nobody writes any more. */
async function nextChange(directory: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const watcher = watch(directory, { recursive: true }, (_, file) => {
      // built by somebody
      if (file !== null && /\.(?:wasm|new)$/u.test(file)) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        watcher.close();
        resolve();
      }, settleMs);
    });
    watcher.once('error', reject);
  });
}

async function run(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, {
    json: { type: 'boolean' },
    watch: { type: 'boolean' },
  });
  const [directory = '.', ...more] = rest;
  if (more.length > 0) usage('test needs at most one folder');
  return values.get('watch') === true
    ? testOnChanges(directory, values)
    : testOnce(directory, values);
}

export const test: Tool = {
  usage: `Usage: seccompagent test [options] [DIR]

Builds the bundle in DIR (default: the current folder) in a temporary folder and runs its handler on the
cases in DIR/handler.test.yaml or DIR/handler.cases.ts, a module whose default export has the same
structure and which runs with your rights. Links that lead out of DIR are not followed. A case has a
call, settings and replies of capabilities, and the expected action and capability calls. Needs neither
root nor kernel. Exits with 1 if a case fails or the bundle does not build.

Options:
  -watch              run again whenever a file in DIR changes
  -json               print JSON
  -help
`,
  run,
};
