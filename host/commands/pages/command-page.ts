// SPDX-License-Identifier: Apache-2.0
// deploy/docs/reference/cli.md: commands and options, printed from the help of the commands.
import type { CommandHelp } from './help.ts';
import { notes } from './help.ts';
import { cell, table } from './markdown.ts';
import type { UsageItem, UsagePart } from './usage-text.ts';

const begin = `# Commands and options

For operators and handler authors who look up a command or an option. \`npm run generate\` prints this page from the help of the commands: \`seccompagent -help\`, \`seccompagent COMMAND -help\`. The manual page seccompagent(1) says the same.

Options take one dash or two, and their value after \`=\` or a space. Options of the agent can also be keys of [config.yaml](config.md); the command line wins.
`;

function headingOf({ name }: CommandHelp): string {
  return name === '' ? 'seccompagent' : `seccompagent ${name}`;
}

function anchorOf(help: CommandHelp): string {
  return headingOf(help).replaceAll(' ', '-');
}

/** Words, and what stands behind two spaces. */
function tableRows(lines: readonly string[]): readonly string[] {
  const rows: string[] = [];
  for (const line of lines) {
    const [, word, text = ''] = /^ {2}(\S+) +(.*)$/u.exec(line) ?? [];
    if (word === undefined) rows.push(`${rows.pop() ?? ''} ${line.trim()}`);
    else rows.push(`\`${word}\`: ${text}`);
  }
  return rows;
}

function rowOf({ term, text, table: lines }: UsageItem): readonly string[] {
  return [`\`${cell(term)}\``, [cell(text), ...tableRows(lines).map(cell)].join('<br>')];
}

/** Options that follow each other are one table. */
function blocksOf(parts: readonly UsagePart[]): readonly string[] {
  const blocks: string[] = [];
  let items: UsageItem[] = [];
  const flush = (): void => {
    if (items.length > 0) blocks.push(table([['option', 'meaning'], ...items.map(rowOf)]));
    items = [];
  };
  for (const part of parts) {
    if (part.kind === 'item') items.push(part);
    else flush();
    if (part.kind === 'paragraph') blocks.push(`${part.text}\n`);
    if (part.kind === 'heading' && part.text === 'Both') blocks.push('Both:\n');
  }
  flush();
  return blocks;
}

function sectionOf(help: CommandHelp): string {
  const synopsis = help.parts
    .flatMap((part) => (part.kind === 'synopsis' ? [`${part.text}\n`] : []))
    .join('');
  // the commands are a table of their own
  const end = help.parts.findIndex(
    (part) => part.kind === 'heading' && part.text.startsWith('Commands'),
  );
  const parts = end < 0 ? help.parts : help.parts.slice(0, end);
  const fence = '```';
  return [
    `## ${headingOf(help)}\n`,
    `${fence}text\n${synopsis}${fence}\n`,
    ...blocksOf(parts),
  ].join('\n');
}

function linkedTable(helps: readonly CommandHelp[]): string {
  const rows = helps.map((help) => [
    `[\`${headingOf(help)}\`](#${anchorOf(help)})`,
    cell(help.summary),
  ]);
  return table([['command', 'purpose'], ...rows]);
}

function noteSections(): readonly string[] {
  return notes.map(({ title, rows }) => {
    const cells = rows.map(([term, text]) => [
      term
        .split(', ')
        .map((word) => `\`${word}\``)
        .join(', '),
      cell(text),
    ]);
    return `## ${title}\n\n${table([['', 'meaning'], ...cells])}`;
  });
}

export function commandPage(helps: readonly CommandHelp[]): string {
  return [begin, linkedTable(helps), ...helps.map(sectionOf), ...noteSections()].join('\n');
}
