// SPDX-License-Identifier: Apache-2.0
// Templates in settings: `-pid-{{.Pid1}}`, with the field names of Go's text/template.
import { AgentError } from '../errors.ts';

/** What templates may name; absent when it is not known for a container. */
export interface TemplateFields {
  readonly ContainerID: string;
  /** The process that loaded the filter. */
  readonly Pid?: string;
  /** The container's first process. */
  readonly Pid1?: string;
}

const expression = /\{\{(?<content>.*?)\}\}/gsu;
const field = /^\s*\.(?<name>\w+)\s*$/u;
const known: readonly (keyof TemplateFields)[] = ['ContainerID', 'Pid', 'Pid1'];

/**
 * What is wrong is said without the text: options of mounts hold passwords.
 * @throws AgentError AGENT_SETTING_INVALID for anything in braces that is not a known field
 */
export function fillTemplate(template: string, fields: TemplateFields): string {
  const filled = template.replaceAll(expression, (_whole, content: string) => {
    const name = known.find((candidate) => candidate === field.exec(content)?.groups?.['name']);
    if (name === undefined) {
      const list = known.map((candidate) => `{{.${candidate}}}`).join(', ');
      throw new AgentError(
        'AGENT_SETTING_INVALID',
        `what stands in braces is not known; there are ${list}`,
      );
    }
    const value = fields[name];
    if (value === undefined) {
      throw new AgentError(
        'AGENT_SETTING_INVALID',
        `template {{.${name}}} has no value: the runtime did not say it`,
      );
    }
    return value;
  });
  if (template.replaceAll(expression, '').includes('{{')) {
    throw new AgentError('AGENT_SETTING_INVALID', 'a template has no closing braces');
  }
  return filled;
}
