// SPDX-License-Identifier: Apache-2.0
// Pods of the documentation: profile, manifest, and typed commands.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parse } from 'yaml';

import { projectRoot } from './command.ts';
import { blocksIn, Page } from './pages.ts';

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

/** The first code block of each language below a heading of a page. */
export function documentedPod(page: string, heading: string): DocumentedPod {
  const section = new Page(page).section(heading);
  return podOf({
    profile: blockOf(section, 'json'),
    manifest: blockOf(section, 'yaml'),
    session: blockOf(section, 'console'),
  });
}

/** One of deploy/examples, with a profile that is shipped for it. */
export function examplePod(name: string, profile: string = name): DocumentedPod {
  return podOf({
    profile: readProject(`deploy/profiles/kubernetes/${profile}.json`),
    manifest: readProject(`deploy/examples/${name}/pod.yaml`),
    session: blockOf(readProject(`deploy/examples/${name}/README.md`), 'console'),
  });
}

/** A profile that is installed on nodes, by its name in `localhostProfile`. */
export function installedProfile(localhostProfile: string): Readonly<Record<string, unknown>> {
  return JSON.parse(
    readProject(localhostProfile.replace(/^seccomp-agent/u, 'deploy/profiles/kubernetes')),
  );
}

function readProject(path: string): string {
  return readFileSync(join(projectRoot, path), 'utf8');
}

function blockOf(text: string, language: string): string {
  const [code] = blocksIn(text, language);
  if (code === undefined) throw new Error(`there is no ${language}: ${text}`);
  return code;
}

function podOf(texts: Readonly<Record<'profile' | 'manifest' | 'session', string>>): DocumentedPod {
  const manifest: PodManifest = parse(texts.manifest);
  const [container] = manifest.spec.containers;
  if (container === undefined) throw new Error(`the pod has no container: ${texts.manifest}`);
  return {
    profile: JSON.parse(texts.profile),
    name: manifest.metadata.name,
    container: {
      name: container.name,
      command: [...container.command, ...(container.args ?? [])],
    },
    session: sessionOf(texts.session),
  };
}

function sessionOf(shown: string): readonly TypedCommand[] {
  const [, ...commands] = `\n${shown}`.split(`\n${prompt}`);
  return commands.map((text) => {
    const [command = '', ...output] = text.trimEnd().split('\n');
    return { command, output: output.map((line) => `${line}\n`).join('') };
  });
}
