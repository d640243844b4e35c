// SPDX-License-Identifier: Apache-2.0
// Templates in settings: `-pid-{{.Pid1}}`, with the field names of Go's text/template.
import { AgentError } from '../errors.ts';

const known = ['Namespace', 'Pod', 'Container', 'ContainerID', 'Pid', 'Pid1', 'Init'] as const;

/**
 * `Pid` is the process that loaded the filter, `Pid1` the container's first process; `Init` says
 * whether it is one of those that its pod begins with.
 */
export type TemplateField = (typeof known)[number];

/** Fields of templates; absent where unknown for a container. */
export type TemplateFields = Readonly<Partial<Record<TemplateField, string>>>;

/** Maximal bytes that the fields of one setting add: a long id, named often, must not fill our memory. */
const maxFilled = 4096;
/** Of one template: all templates of a container are filled while others wait. */
export const maxFields = 64;

const field = /^\s*\.(?<name>\w+)\s*$/u;

function wrong(what: string): never {
  throw new AgentError('AGENT_SETTING_INVALID', what);
}

function fieldNamed(content: string): TemplateField {
  const word = field.exec(content)?.groups?.['name'];
  const name = known.find((candidate) => candidate === word);
  if (name !== undefined) return name;
  const list = known.map((candidate) => `{{.${candidate}}}`).join(', ');
  return wrong(`unknown field in braces. Fields: ${list}`);
}

function fill(template: string, valueOf: (name: TemplateField) => string): string {
  let filled = '';
  let at = 0;
  let added = 0;
  // whoever writes metadata may fill it with braces: each is looked at once
  for (let fields = 0; ; fields += 1) {
    const open = template.indexOf('{{', at);
    if (open < 0) return filled + template.slice(at);
    if (fields === maxFields) wrong(`a template has more than ${maxFields} fields`);
    const close = template.indexOf('}}', open + 2);
    if (close < 0) wrong('a template has no closing braces');
    const value = valueOf(fieldNamed(template.slice(open + 2, close)));
    added += value.length;
    if (added > maxFilled) {
      wrong(`the fields in braces expand to more than ${maxFilled} characters together: use fewer`);
    }
    filled += template.slice(at, open) + value;
    at = close + 2;
  }
}

const processField = /\{\{\s*\.Pid\s*\}\}/u;

/** Whether it may be filled differently for each listener of a container. */
export function namesProcess(text: string): boolean {
  return processField.test(text);
}

/**
 * Errors leave the text out: options of mounts hold passwords.
 * @throws AgentError AGENT_SETTING_INVALID for anything in braces that is not a known field
 */
export function checkTemplate(template: string): void {
  fill(template, () => '');
}

/** @throws AgentError AGENT_SETTING_INVALID as `checkTemplate`, and for a field without a value */
export function fillTemplate(template: string, fields: TemplateFields): string {
  return fill(
    template,
    (name) =>
      fields[name] ?? wrong(`template {{.${name}}} has no value: the runtime did not provide it`),
  );
}
