// SPDX-License-Identifier: Apache-2.0
// What pages of documentation show of a pod: its profile, its manifest, and what is typed in it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parse } from 'yaml';

import { projectRoot } from './command.ts';

export interface TypedCommand {
  readonly command: string;
  readonly output: string;
}

export interface DocumentedPod {
  /** The seccomp profile. */
  readonly profile: Readonly<Record<string, unknown>>;
  readonly name: string;
  readonly container: { readonly name: string; readonly command: readonly string[] };
  /** In their order. */
  readonly session: readonly TypedCommand[];
}

interface PodManifest {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly containers: readonly ContainerManifest[] };
}

interface ContainerManifest {
  readonly name: string;
  readonly command: readonly string[];
  readonly args?: readonly string[];
}

const prompt = '/ # ';

/** The first code block of each language below a heading. */
export function documentedPod(page: string, heading: string): DocumentedPod {
  const text = readFileSync(join(projectRoot, page), 'utf8');
  const [, section = ''] = text.split(`\n## ${heading}\n`);
  const block = (language: string): string => {
    const found = new RegExp(`\`\`\`${language}\n(?<code>.*?)\`\`\``, 'su').exec(section);
    if (found?.groups?.['code'] === undefined) throw new Error(`${page} has no ${language}`);
    return found.groups['code'];
  };
  const manifest: PodManifest = parse(block('yaml'));
  const [container] = manifest.spec.containers;
  if (container === undefined) throw new Error(`${page}: the pod has no container`);
  return {
    profile: JSON.parse(block('json')),
    name: manifest.metadata.name,
    container: {
      name: container.name,
      command: [...container.command, ...(container.args ?? [])],
    },
    session: sessionOf(block('console')),
  };
}

function sessionOf(shown: string): readonly TypedCommand[] {
  const [, ...commands] = `\n${shown}`.split(`\n${prompt}`);
  return commands.map((text) => {
    const [command = '', ...output] = text.trimEnd().split('\n');
    return { command, output: output.map((line) => `${line}\n`).join('') };
  });
}
