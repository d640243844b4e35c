// SPDX-License-Identifier: Apache-2.0
// deploy/docs/reference/bundles.md: the built-in bundles, printed from their bundle.json.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { parseManifest } from '../../bundles/manifest.ts';
import type { Manifest } from '../../bundles/manifest.ts';
import type { ManifestHandler } from '../../bundles/manifest-handler.ts';
import { defaultActionText } from '../../registry/policy.ts';
import type { FailurePolicy } from '../../registry/policy.ts';
import { packageRoot } from '../../package-root.ts';
import { cell, table } from './markdown.ts';

const begin = `# Built-in bundles

For operators who choose handlers. The package has these handler bundles. A container selects bundles by name in its seccomp profile (\`BUNDLE=mkdir-suffix\` in \`listenerMetadata\`); \`-bundle\` selects them for all other containers. Built-in bundles get every capability that they request, without an entry in [config.yaml](config.md#configyaml). \`seccompagent inspect NAME\` shows a bundle in full. \`npm run generate\` prints this page from the \`bundle.json\` files; each name links to the README of the bundle.
`;

const settingsBegin = `
## Settings

Keys of \`listenerMetadata\`. [Metadata](config.md#metadata) has their types.
`;

const end = `
A handler without a setting of its own has fixed settings in \`bundle.json\`: copy a bundle, such as [errno](../../../handlers-wasm/errno/README.md), to choose others.
`;

function sources(): string {
  return join(packageRoot(), 'handlers-wasm');
}

function manifests(): readonly Manifest[] {
  return readdirSync(sources())
    .toSorted()
    .map((name) => join(sources(), name, 'bundle.json'))
    .filter((file) => existsSync(file))
    .map((file) => parseManifest(readFileSync(file, 'utf8'), file));
}

/** The families that the source of a component exports. */
function exportsOf(component: string): readonly string[] {
  const folder = join(sources(), component.replace(/\.wasm$/u, ''));
  const [source = ''] = readdirSync(folder).filter((name) => /^handler\.m?ts$/u.test(name));
  const text = readFileSync(join(folder, source), 'utf8');
  return [...text.matchAll(/^export function (\w+)/gmu)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'configure');
}

function answers({ component, syscalls }: ManifestHandler): readonly string[] {
  return syscalls ?? exportsOf(component);
}

function words(list: readonly string[]): string {
  return [...new Set(list)].map((word) => `\`${word}\``).join(', ');
}

function bundleRow({ name, description, handlers, grants }: Manifest): readonly string[] {
  return [
    `[\`${name}\`](../../../handlers-wasm/${name}/README.md)`,
    cell(description),
    words(handlers.flatMap(answers)),
    words(grants.map(({ capability }) => capability)),
  ];
}

function settingRows({ name, settings }: Manifest): readonly (readonly string[])[] {
  return settings.map((setting) => [
    `\`${setting.key}\``,
    `\`${name}\``,
    setting.type,
    setting.default === undefined || setting.default === '' ? '' : `\`${setting.default}\``,
    cell(setting.description),
  ]);
}

/** Policy of a bundle for calls that no handler answers, or that one failed at. */
function policies(all: readonly Manifest[]): string {
  const lines = all.flatMap(({ name, defaultAction, failure }) => [
    ...(defaultAction === undefined
      ? []
      : [`\`${name}\` has \`default: ${defaultActionText(defaultAction)}\`.`]),
    ...(failure === undefined
      ? []
      : [`\`${name}\` has \`failure: ${failurePolicyText(failure)}\`.`]),
  ]);
  const usual =
    'Calls that no handler answers continue in the kernel; calls at which a handler fails return EPERM.';
  return `\n${[usual, ...lines].join(' ')}\n`;
}

function failurePolicyText(failure: FailurePolicy): string {
  return failure.kind === 'errno' ? `errno:${failure.errno}` : failure.kind;
}

export function bundlesPage(): string {
  const all = manifests();
  return [
    begin,
    '\n',
    table([['bundle', 'purpose', 'answers', 'capabilities'], ...all.map(bundleRow)]),
    policies(all),
    settingsBegin,
    '\n',
    table([['key', 'bundle', 'type', 'default', 'meaning'], ...all.flatMap(settingRows)]),
    end,
  ].join('');
}
