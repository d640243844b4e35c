// SPDX-License-Identifier: Apache-2.0
// What deploy/docs/observing.md and its neighbours name is what there is, and nothing is left out.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { createLog } from '../../host/log.ts';
import { AuditLog } from '../../host/observation/audit-log.ts';
import { actNames, failureReasons } from '../../host/observation/decision-layout.ts';
import type { ShownDecision } from '../../host/observation/decision.ts';
import { falcoAlert } from '../../host/observation/falco/alert.ts';
import { agentUsage } from '../../host/commands/options.ts';
import { projectRoot } from '../support/command.ts';
import { decisionOf } from '../support/shown-decision.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** Without its blocks of code. */
function page(name: string): string {
  const text = readFileSync(join(projectRoot, 'deploy/docs', name), 'utf8');
  return text.replaceAll(/^```.*?^```$/gmsu, '');
}

const observing = page('observing.md');

/** What stands between backquotes. */
function wordsOf(text: string): readonly string[] {
  return [...text.matchAll(/`(?<word>[^`]+)`/gu)].map((match) => match.groups?.['word'] ?? '');
}

const container = { ...decisionOf().container, peerUid: 1000 };
/** With all that there can be. */
const full: Partial<ShownDecision> = {
  container,
  delayMs: 1,
  failure: 'trap',
  acts: ['operate'],
  arguments: [
    { name: 'a', value: { kind: 'unread' } },
    { name: 'b', value: { kind: 'fault', errno: 'EFAULT' } },
    { name: 'c', value: { kind: 'null' } },
    { name: 'd', value: { kind: 'secret', length: 31 } },
    { name: 'e', value: { kind: 'bytes', bytes: Uint8Array.of(0xff) } },
  ],
};

async function auditLines(...decisions: readonly ShownDecision[]): Promise<readonly object[]> {
  using folder = new TemporaryFolder();
  const path = folder.at('audit.jsonl');
  const log = createLog({ level: 'fatal', format: 'text', isColored: false });
  {
    await using audit = await AuditLog.open({ path, withArguments: true }, log);
    for (const decision of decisions) audit.take(decision);
    audit.lost(container, 1);
    audit.taken();
  }
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line): object => JSON.parse(line));
}

test('deploy/docs/observing.md: the keys of the audit log are those of its lines', async () => {
  const value = decisionOf({ answer: { kind: 'value', value: 0n } });
  const lines = await auditLines(decisionOf(full), value);
  const keys = new Set(lines.flatMap((line) => Object.keys(line)));
  const rows = observing.split('\n').filter((line) => line.startsWith('| `'));
  const listed = rows.flatMap((row) => wordsOf(row.split('|')[1] ?? ''));
  // two that are described beside another one, and one below
  const beside = ['value', 'errno', 'decisionsLost'];
  expect([...listed, ...beside].toSorted()).toEqual([...keys].toSorted());
  for (const word of beside) expect(wordsOf(observing)).toContain(word);
});

test('deploy/docs/observing.md: every form of an argument is shown', async () => {
  const [line = {}] = await auditLines(decisionOf(full));
  const shown = 'arguments' in line ? line.arguments : {};
  for (const value of Object.values(shown ?? {})) {
    const form = JSON.stringify(value).replace('"ff"', '"…"').replace('"EFAULT"', '"ERRNO"');
    expect(wordsOf(observing)).toContain(form);
  }
});

test('deploy/docs/observing.md: all reasons and acts are listed', () => {
  const words = wordsOf(observing);
  for (const reason of failureReasons.slice(1)) expect(words).toContain(reason);
  for (const act of actNames) expect(words).toContain(act);
});

test('deploy/docs/observing.md: the fields of alerts are those that there are', () => {
  const { output_fields: fields }: { readonly output_fields: object } = JSON.parse(
    falcoAlert(decisionOf(full), 'node'),
  );
  const named = wordsOf(observing).filter((word) =>
    /^(?:seccompagent|container|evt)\./u.test(word),
  );
  expect([...new Set(named)].toSorted()).toEqual(Object.keys(fields).toSorted());
});

test.for(['observing.md', 'metrics.md', 'kubernetes.md'])(
  'deploy/docs/%s: every option that it names is one of the agent',
  (name) => {
    const named = wordsOf(page(name)).flatMap(
      (word) => /(?<=^|seccompagent )-[a-z][a-z-]*/u.exec(word) ?? [],
    );
    expect(named.length).toBeGreaterThan(0);
    for (const option of named) expect(agentUsage).toContain(`  ${option} `);
  },
);
