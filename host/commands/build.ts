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
  if (more.length > 0) usage('build needs at most one folder');
  return reportingBuildErrors('AGENT_BUILD', async () => {
    const built = await buildProject({ directory, onProgress: showBuilding });
    const warnings = built.components.flatMap((component) => component.warnings);
    tellMessages(warnings);
    report(values, built, () => show(built));
    return 0;
  });
}

export const build: Tool = {
  usage: `Usage: seccompagent build [options] [DIR]

Builds the bundle in DIR (default: the current folder): compiles each component that bundle.json
names from the source in the folder of that name, or from the source in DIR if the bundle has one
component. Writes the components beside bundle.json and their digests into it; a component that does not
load is not written. The types of TypeScript handlers are checked. Where a file for the editor's language
server names the folder .seccompagent beside a source, its links are made again. The build runs nothing
in DIR, and reads no files outside of it but those of the SDK and the compilers, wherever links in DIR
lead.

Options:
  -json               print JSON
  -help
`,
  run,
};
