// SPDX-License-Identifier: Apache-2.0
// Reads from a handler.ts which functions it exports, and checks them against the syscall table.

import { BuildError } from './build-error.ts';
import {
  type Compiler,
  type Diagnostic,
  type FunctionDeclaration,
  type Program,
  type Source,
  type SyntaxNode,
  loadCompiler,
} from './compiler.ts';
import { type Sources, describeDiagnostic, describePlace } from './diagnostic.ts';
import { type Signature, describeSignature, signatures } from './signature.ts';

const HANDLER_FILE = 'handler.ts';

export interface HandlerSource {
  /** The text of handler.ts. */
  readonly text: string;
  /** The folder it is in, as messages shall name it. */
  readonly directory: string;
}

/** The exported functions, in the order of the syscall table. Throws BuildError. */
export async function handlerExports(handler: HandlerSource): Promise<readonly Signature[]> {
  const compiler = await loadCompiler();
  const sources = { directory: handler.directory, texts: new Map([[HANDLER_FILE, handler.text]]) };
  const source = parseSource(compiler, handler, sources);
  const known = signatures();
  const found = new Set<string>();
  for (const { name, statement } of exportedNames(compiler, source, sources)) {
    const place = describePlace(statement.range, sources);
    const signature = known.get(name);
    if (signature === undefined) {
      throw new BuildError(
        `${place}: a handler cannot export "${name}"; it can export ${listOf([...known.keys()])}`,
      );
    }
    const isFunction = statement instanceof compiler.FunctionDeclaration;
    if (!isFunction || !matches(compiler, statement, signature)) {
      throw new BuildError(
        `${place}: "${name}" must be: export function ${describeSignature(signature)}`,
      );
    }
    found.add(name);
  }
  const exports = [...known.values()].filter((signature) => found.has(signature.name));
  if (exports.every((signature) => signature.name === 'configure')) {
    const answers = [...known.keys()].filter((name) => name !== 'configure');
    throw new BuildError(
      `${handler.directory}/handler.ts answers no call: export one or more of ${listOf(answers)}`,
    );
  }
  return exports;
}

function parseSource(compiler: Compiler, handler: HandlerSource, sources: Sources): Source {
  const program = compiler.newProgram(compiler.newOptions());
  compiler.parse(program, handler.text, HANDLER_FILE, true);
  const errors = diagnostics(compiler, program).filter((found) => compiler.isError(found));
  if (errors.length > 0) {
    const lines = errors.map((error) => describeDiagnostic(compiler, error, sources));
    throw new BuildError(lines.join('\n'));
  }
  const source = program.sources.find((candidate) => candidate.normalizedPath === HANDLER_FILE);
  if (source === undefined) throw new BuildError(`${handler.directory}/handler.ts was not parsed`);
  return source;
}

function diagnostics(compiler: Compiler, program: Program): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  let next = compiler.nextDiagnostic(program);
  while (next !== null) {
    found.push(next);
    next = compiler.nextDiagnostic(program);
  }
  return found;
}

interface ExportedName {
  readonly name: string;
  readonly statement: SyntaxNode;
}

function exportedNames(
  compiler: Compiler,
  source: Source,
  sources: Sources,
): readonly ExportedName[] {
  return source.statements.flatMap((statement) => {
    if (
      statement instanceof compiler.ExportStatement ||
      statement instanceof compiler.ExportDefaultStatement
    ) {
      const place = describePlace(statement.range, sources);
      throw new BuildError(
        `${place}: a handler exports by "export function name(…)" in handler.ts only`,
      );
    }
    const isVariable = statement instanceof compiler.VariableStatement;
    return (isVariable ? statement.declarations : [statement]).flatMap((declaration) =>
      declaration instanceof compiler.DeclarationStatement &&
      declaration.is(compiler.CommonFlags.Export)
        ? [{ name: declaration.name.text, statement: declaration }]
        : [],
    );
  });
}

function matches(
  compiler: Compiler,
  declaration: FunctionDeclaration,
  signature: Signature,
): boolean {
  const { parameters, returnType } = declaration.signature;
  return (
    declaration.typeParameters === null &&
    parameters.length === signature.parameters.length &&
    parameters.every(
      (parameter, index) =>
        parameter.initializer === null &&
        describeType(compiler, parameter.type) === signature.parameters[index]?.form.author,
    ) &&
    describeType(compiler, returnType) === signature.returns
  );
}

function describeType(compiler: Compiler, type: SyntaxNode): string | null {
  const isNamed = type instanceof compiler.NamedTypeNode;
  if (!isNamed || type.name.next !== null || type.hasTypeArguments) return null;
  const name = type.name.identifier.text;
  return type.isNullable ? `${name} | null` : name;
}

function listOf(names: readonly string[]): string {
  return names.join(', ');
}
