// SPDX-License-Identifier: Apache-2.0
// A YAML text as the library reads it, or what is wrong with it in words that show nothing of the text:
// it may be another file than people think.
import { LineCounter, parseDocument } from 'yaml';
import type { Document, ErrorCode, YAMLError } from 'yaml';

import { tooDeepAt } from './yaml-nesting.ts';

export interface YamlFault {
  readonly offset: number;
  readonly what: string;
}

export interface ReadYaml {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly error?: YamlFault;
  readonly warning?: YamlFault;
}

/** In place of messages of the library that show what stands in the text. */
const ownWords: Partial<Record<ErrorCode, string>> = {
  BAD_COLLECTION_TYPE: 'A tag is for values of another kind',
  BAD_DIRECTIVE: 'Unknown directive',
  BAD_DQ_ESCAPE: 'Invalid escape sequence',
  TAG_RESOLVE_FAILED: 'Unresolved tag, or invalid value for a tag',
  UNEXPECTED_TOKEN: 'Unexpected token',
};

function faultOf({ code, message, pos }: YAMLError): YamlFault {
  return { offset: pos[0], what: `not YAML: ${ownWords[code] ?? message}` };
}

/** @param intAsBigInt whole numbers are bigints */
export function readYaml(text: string, intAsBigInt = false): ReadYaml {
  const lines = new LineCounter();
  const deep = tooDeepAt(text);
  const document = parseDocument(deep === undefined ? text : '', {
    lineCounter: lines,
    prettyErrors: false,
    intAsBigInt,
  });
  if (deep !== undefined) {
    const fault = { offset: deep, what: 'its values are nested too deeply' };
    return { document, lines: linesOf(text), error: fault };
  }
  const [[error], [warning]] = [document.errors, document.warnings];
  return {
    document,
    lines,
    ...(error === undefined ? {} : { error: faultOf(error) }),
    ...(warning === undefined ? {} : { warning: faultOf(warning) }),
  };
}

function linesOf(text: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (const { index } of text.matchAll(/\n/gu)) lines.addNewLine(index + 1);
  return lines;
}
