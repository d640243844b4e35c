// SPDX-License-Identifier: Apache-2.0
// Where a TypeScript module exports a name.

import { optionalModule } from './optional-package.ts';

interface Exported {
  readonly start: number;
  /** null: all that another module exports. */
  readonly name: string | null;
}

async function exportsOf(text: string): Promise<readonly Exported[]> {
  const { parseAst } = await optionalModule(async () => import('rolldown/parseAst'));
  const named: Exported[] = [];
  const take = (node: object | null | undefined): void => {
    if (!node || !('name' in node) || !('start' in node)) return;
    named.push({ start: Number(node.start), name: String(node.name) });
  };
  for (const statement of parseAst(text, { lang: 'ts' }).body) {
    if (statement.type === 'ExportAllDeclaration') {
      if (statement.exported === null) named.push({ start: statement.start, name: null });
      take(statement.exported);
    }
    if (statement.type !== 'ExportNamedDeclaration') continue;
    const { declaration, specifiers } = statement;
    if (declaration?.type === 'FunctionDeclaration') take(declaration.id);
    if (declaration?.type === 'VariableDeclaration') {
      for (const { id } of declaration.declarations) take(id);
    }
    for (const { exported } of specifiers) take(exported);
  }
  return named;
}

/** `3:17`: line and column, from 1; `1:1` where nothing there has the name. */
export async function exportPlace(text: string, wanted: string): Promise<string> {
  const exported = await exportsOf(text);
  const found =
    exported.find(({ name }) => name === wanted) ?? exported.find(({ name }) => name === null);
  const lines = text.slice(0, found?.start ?? 0).split('\n');
  return `${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`;
}
