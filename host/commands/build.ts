// SPDX-License-Identifier: Apache-2.0
// `seccompagent build`: the components of a bundle, from their sources.
import { buildProject } from '../../guest-sdk/build/project.ts';
import type { BuiltComponent, BuiltProject } from '../../guest-sdk/build/project.ts';
import { parseWords, usage } from '../text/command-line.ts';
import { reportingBuildErrors } from './build-failure.ts';
import { showBuilding } from './build-progress.ts';
import { tellMessages } from './compiler-messages.ts';
import type { Tool } from './command.ts';
import { report } from './report.ts';

function describe({ component, language, bytes, digest }: BuiltComponent): string {
  return `${component}: ${language ?? 'came built'}, ${bytes} bytes, ${digest}`;
}

function show(built: BuiltProject): readonly string[] {
  return [`${built.name} is built`, ...built.components.map((each) => `  ${describe(each)}`)];
}

async function run(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, { json: { type: 'boolean' } });
  const [directory = '.', ...more] = rest;
  if (more.length > 0) usage('build takes one folder');
  return reportingBuildErrors(async () => {
    const built = await buildProject({ directory, onProgress: showBuilding });
    const warnings = built.components.flatMap((component) => component.warnings);
    tellMessages(warnings);
    report(values, built, () => show(built));
    return 0;
  });
}

export const build: Tool = {
  usage: `Usage: seccompagent build [options] [DIR]

Builds the bundle in DIR (default: here): each component that bundle.json names, from the source in
the folder of the component's name, or in DIR where there is only one. The components come to lie
beside bundle.json, which gets their digests. What does not load is not written. Nothing in DIR is run,
and of other files only those of the SDK and the compilers are read, whatever links there lead to.

Options:
  -json               what was built, for programs
  -help
`,
  run,
};
