// SPDX-License-Identifier: Apache-2.0
// The typed face of the AssemblyScript compiler, and the only importer of it.
//
// Its own declarations cannot be used beside Node's: they declare `console`, `require` and all of
// AssemblyScript's builtins for the whole program.

import { optionalPackage } from './optional-package.ts';

/** A stretch of source text. */
export interface Range {
  readonly start: number;
  readonly source: SourceName;
}

export interface SourceName {
  /** Relative to the compilation's folder; `~lib/…` for libraries. */
  readonly normalizedPath: string;
}

export interface Source extends SourceName {
  readonly statements: readonly SyntaxNode[];
}

export interface SyntaxNode {
  readonly range: Range;
}

export interface Identifier extends SyntaxNode {
  readonly text: string;
}

export interface Declaration extends SyntaxNode {
  readonly name: Identifier;
  is(flags: number): boolean;
}

/** `export default …` */
export interface ExportDefaultStatement extends SyntaxNode {
  readonly declaration: Declaration;
}

/** `export { … }`, `export * from …` */
export interface ExportStatement extends SyntaxNode {
  readonly members: readonly SyntaxNode[] | null;
}

export interface VariableStatement extends SyntaxNode {
  readonly declarations: readonly Declaration[];
}

export interface FunctionDeclaration extends Declaration {
  readonly typeParameters: readonly SyntaxNode[] | null;
  readonly signature: {
    readonly parameters: readonly {
      readonly type: SyntaxNode;
      readonly initializer: SyntaxNode | null;
    }[];
    readonly returnType: SyntaxNode;
  };
}

export interface NamedType extends SyntaxNode {
  readonly name: { readonly identifier: Identifier; readonly next: SyntaxNode | null };
  readonly hasTypeArguments: boolean;
  readonly isNullable: boolean;
}

export interface Diagnostic {
  readonly code: number;
  readonly category: number;
  readonly message: string;
  readonly range: Range | null;
}

export interface Program {
  readonly sources: readonly Source[];
}

/** The class of a kind of node, for `instanceof`. */
type NodeClass<Kind> = abstract new (...parameters: never) => Kind;

export interface Compiler {
  readonly CommonFlags: { readonly Export: number };
  readonly DeclarationStatement: NodeClass<Declaration>;
  readonly ExportDefaultStatement: NodeClass<ExportDefaultStatement>;
  readonly ExportStatement: NodeClass<ExportStatement>;
  readonly FunctionDeclaration: NodeClass<FunctionDeclaration>;
  readonly NamedTypeNode: NodeClass<NamedType>;
  readonly VariableStatement: NodeClass<VariableStatement>;
  newOptions(): object;
  newProgram(options: object): Program;
  parse(program: Program, text: string, path: string, isEntry: boolean): void;
  nextDiagnostic(program: Program): Diagnostic | null;
  isError(diagnostic: Diagnostic): boolean;
  diagnosticCategoryToString(category: number): string;
}

export interface CommandLine {
  main(
    parameters: readonly string[],
    environment: {
      readFile(file: string, baseDirectory: string): Promise<string | null>;
      writeFile(file: string, contents: Uint8Array | string): void;
      listFiles(): null;
      reportDiagnostic(diagnostic: Diagnostic): void;
    },
  ): Promise<{ readonly error: Error | null }>;
}

// Held as texts, so that the type checker does not follow them to the declarations.
const compilerModule: string = 'assemblyscript';
const commandLineModule: string = 'assemblyscript/asc';

export async function loadCompiler(): Promise<Compiler> {
  const compiler: Compiler = await optionalPackage(compilerModule);
  return compiler;
}

export async function loadCommandLine(): Promise<CommandLine> {
  const commandLine: CommandLine = await optionalPackage(commandLineModule);
  return commandLine;
}
