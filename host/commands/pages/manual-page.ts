// SPDX-License-Identifier: Apache-2.0
// deploy/man/seccompagent.1: the manual page, printed from the help of the commands.
import { notes } from './help.ts';
import type { CommandHelp } from './help.ts';
import type { UsagePart } from './usage-text.ts';

/** Characters that roff would take for commands, or that a terminal may not have. */
function escapedText(text: string): string {
  return text
    .replaceAll('\\', String.raw`\e`)
    .replaceAll('-', String.raw`\-`)
    .replaceAll('…', '...')
    .replaceAll('’', "'")
    .replaceAll(/^(?=[.'])/gmu, String.raw`\&`);
}

/** Words between backquotes are bold. */
function prose(text: string): string {
  return escapedText(text).replaceAll(/`([^`]*)`/gu, String.raw`\fB$1\fR`);
}

function section(title: string): string {
  return `.SH ${title.toUpperCase()}\n`;
}

function item(term: string, text: string): string {
  return `.TP\n.B ${escapedText(term)}\n${text === '' ? String.raw`\&` : prose(text)}\n`;
}

function lines(texts: readonly string[]): string {
  return `.nf\n${texts.map((text) => `${escapedText(text)}\n`).join('')}.fi\n`;
}

function synopses(parts: readonly UsagePart[]): readonly string[] {
  return parts.flatMap((part) => (part.kind === 'synopsis' ? [part.text] : []));
}

function partText(part: UsagePart): string {
  switch (part.kind) {
    case 'paragraph':
      return `.PP\n${prose(part.text)}\n`;
    case 'heading':
      return `.PP\n${prose(part.text)}:\n`;
    case 'item':
      return item(part.term, part.text) + (part.table.length === 0 ? '' : lines(part.table));
    case 'synopsis':
      return '';
  }
}

function commandText({ name, parts }: CommandHelp): string {
  return `.SS ${name}\n${lines(synopses(parts))}${parts.map(partText).join('')}`;
}

function ownOptions(parts: readonly UsagePart[]): string {
  const end = parts.findIndex(
    (part) => part.kind === 'heading' && part.text.startsWith('Commands'),
  );
  return parts
    .slice(0, end)
    .filter(({ kind }) => kind === 'item')
    .map(partText)
    .join('');
}

const description = `Seccomp Agent intercepts selected system calls of containers and lets WebAssembly handlers decide what happens: return a value, fail, let the kernel continue, or do the work on the container's behalf. A container runtime sends it the calls of containers whose seccomp profile has SCMP_ACT_NOTIFY rules and its agent socket as listenerPath.`;

/** @param version of the package */
export function manualPage(helps: readonly CommandHelp[], version: string): string {
  const [agent, ...commands] = helps;
  const parts = agent?.parts ?? [];
  return [
    String.raw`.\" Printed by npm run generate from the help of the commands.`,
    `\n.TH SECCOMPAGENT 1 "" "seccompagent ${version}"\n`,
    section('Name'),
    `seccompagent ${String.raw`\-`} intercept system calls of containers and answer them with WebAssembly handlers\n`,
    section('Synopsis'),
    lines(synopses(parts)),
    section('Description'),
    `${prose(description)}\n`,
    '.PP\nOptions take one dash or two, and their value after = or a space.\n',
    section('Options'),
    ownOptions(parts),
    section('Commands'),
    ...commands.map(commandText),
    ...notes.map(
      ({ title, rows }) => section(title) + rows.map(([term, text]) => item(term, text)).join(''),
    ),
    section('See also'),
    `${String.raw`\fBseccomp_unotify\fR(2), \fBrunc\fR(8), \fBcrun\fR(1)`}\n`,
  ].join('');
}
