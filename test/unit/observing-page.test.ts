// SPDX-License-Identifier: Apache-2.0
// Tests that deploy/docs/reference/observing.md and its neighbours name all fields, and only these.
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { createLog } from '../../host/log/log.ts';
import { AuditLog } from '../../host/observation/audit-log.ts';
import { actNames, failureReasons } from '../../host/observation/decision-layout.ts';
import type { ShownDecision } from '../../host/observation/decision.ts';
import { falcoAlert } from '../../host/observation/falco/alert.ts';
import { agentUsage } from '../../host/commands/options.ts';
import { Page } from '../support/pages.ts';
import { decisionOf } from '../support/shown-decision.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const observing = new Page('deploy/docs/reference/observing.md');

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

test('deploy/docs/reference/observing.md: the keys of the audit log are those of its lines', async () => {
  const value = decisionOf({ answer: { kind: 'value', value: 0n } });
  const lines = await auditLines(decisionOf(full), value);
  const keys = new Set(lines.flatMap((line) => Object.keys(line)));
  // two that are described beside another one, and one below
  const beside = ['value', 'errno', 'decisionsLost'];
  expect([...observing.listed, ...beside].toSorted()).toEqual([...keys].toSorted());
  for (const word of beside) expect(observing.words).toContain(word);
});

test('deploy/docs/reference/observing.md: every form of an argument is shown', async () => {
  const [line = {}] = await auditLines(decisionOf(full));
  const shown = 'arguments' in line ? line.arguments : {};
  for (const value of Object.values(shown ?? {})) {
    const form = JSON.stringify(value).replace('"ff"', '"…"').replace('"EFAULT"', '"ERRNO"');
    expect(observing.words).toContain(form);
  }
});

test('deploy/docs/reference/observing.md: all reasons and acts are listed', () => {
  const { words } = observing;
  for (const reason of failureReasons.slice(1)) expect(words).toContain(reason);
  for (const act of actNames) expect(words).toContain(act);
});

test('deploy/docs/reference/observing.md: the fields of alerts are those that there are', () => {
  const { output_fields: fields }: { readonly output_fields: object } = JSON.parse(
    falcoAlert(decisionOf(full), 'node'),
  );
  const named = observing.words.filter((word) => /^(?:seccompagent|container|evt)\./u.test(word));
  expect([...new Set(named)].toSorted()).toEqual(Object.keys(fields).toSorted());
});

test.for(['observing.md', 'metrics.md', 'kubernetes.md'])(
  'deploy/docs/reference/%s: every option that it names is one of the agent',
  (name) => {
    const named = new Page(`deploy/docs/reference/${name}`).words.flatMap(
      (word) => /(?<=^|seccompagent )-[a-z][a-z-]*/u.exec(word) ?? [],
    );
    expect(named.length).toBeGreaterThan(0);
    for (const option of named) expect(agentUsage).toContain(`  ${option} `);
  },
);
