// SPDX-License-Identifier: Apache-2.0
// Tests what is said of handlers that decide by the text of a path.
import { mkdirSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { comparedPlaces } from '../../guest-sdk/build/compared.ts';
import { buildProject } from '../../guest-sdk/build/project.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** What is to be found is at a line that ends with `here`. */
const sources = {
  'handler.ts': `export function chmod(path: Path, mode: u32): Action {
  if (path.startsWith(Path.fromString('/etc'))) return no(); // here
  if (path.equals(etc) || mode == 0) return no(); // here
  const text = path.toString();
  if (text == '/etc/passwd') return no(); // here
  let lower = text.toLowerCase();
  if (lower.includes('..')) return no(); // here
  if (path.toString().indexOf('/etc/') == 0) return no(); // here
  if ('/etc' == text) return no(); // here
  if (path == null || path.length == 0) return no();
  const found = filesystem.resolve(path);
  if (found.value.isBelow('/etc')) return no();
  // sound: only the log says it
  if (path.startsWith(etc)) log.info(path.toString());
  if (name.startsWith(prefix) || type.equals(proc)) return no();
  log.info(\`\${path.toString()} is mode \${mode}\`);
  return path.at(0) == 47 ? Action.perform() : Action.next();
}
export function rename(path: Path, newPath: Path, flags: u32): Action {
  return newPath.endsWith('/x') ? no() : Action.perform(); // here
}
`,
  'handler.mts': `export function chmod(path, mode) {
  const text = new TextDecoder().decode(path);
  if (text.startsWith('/etc')) return no(); // here
  if (/^.etc/.test(text)) return no(); // here
  if (Buffer.compare(path, etc) === 0) return no(); // here
  if (text !== '/etc') return perform(); // here
  if (path === null || path.length === 0) return no();
  return done(() => filesystem.mkdir(path, mode));
}
`,
  'handler.c': `sca_action sca_chmod(sca_path path, uint32_t mode, uint32_t flags) {
  if (sca_starts_with(path, sca_bytes_of(SCA_TEXT("/etc")))) return no(); // here
  sca_text text = sca_lossy_text(path);
  if (memcmp(text.bytes, "/etc", 4) == 0) return no(); // here
  if (path.length == 0 || path.bytes == NULL) return no();
  return sca_perform();
}
`,
  'handler.rs': `fn chmod(path: Path, mode: u32, flags: u32) -> Action {
    if path.starts_with(b"/etc") { return no(); } // here
    let text = lossy_text(path);
    if text == "/etc" { return no(); } // here
    if path.len() == 0 { return no(); }
    Action::Perform
}
`,
} as const;

test.for(Object.entries(sources))(
  'A16: compared: each decision by the text of a path in %s is found unless a comment says why',
  ([name, text]) => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.at(name), text);
    const marked = text
      .split('\n')
      .flatMap((line, index) => (line.endsWith('// here') ? [`shown/${name}:${index + 1}`] : []));
    const found = comparedPlaces({
      directory: folder.path,
      displayDirectory: 'shown',
      sourceFile: name,
    });
    expect(found).toEqual(marked);
  },
);

const handler = `import { Action, Errno, Path } from '@seccompagent/guest-sdk';
export function chmod(path: Path, mode: u32, flags: u32): Action {
  return path.startsWith(Path.fromString('/etc')) ? Action.fail(Errno.EROFS) : Action.perform();
}
`;

async function warningsWith(more: object): Promise<readonly string[]> {
  using folder = new TemporaryFolder();
  const handlers = [{ component: 'a.wasm', ...more }];
  mkdirSync(folder.at('a'));
  writeFileSync(folder.at('a/handler.ts'), handler);
  const manifest = { name: 'a', version: '0.1.0', description: 'text', handlers };
  writeFileSync(folder.at('bundle.json'), JSON.stringify(manifest));
  const { components } = await buildProject({ directory: folder.path });
  return components.flatMap(({ warnings }) => warnings);
}

test('A16: compared: a build names the place and the calls, unless they are called advice', async () => {
  expect(await warningsWith({})).toEqual([
    expect.stringMatching(/a\/handler\.ts:3: warning: .*\bchmod\b.*filesystem\.resolve/u),
  ]);
  expect(await warningsWith({ advisory: ['chmod'] })).toEqual([]);
});
