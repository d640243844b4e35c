// SPDX-License-Identifier: Apache-2.0
// `seccompagent doctor`: whether the agent can work here, and what to do where it cannot.
import { existsSync } from 'node:fs';

import { parseWords, textOf, usage } from '../text/command-line.ts';
import { defaultConfigFile } from '../config/config.ts';
import { configuredOptions } from './configured-options.ts';
import { defaultControlSocket } from '../control/control-socket.ts';
import { agentSocketCheck, askAgent, bundleCheck } from '../doctor/agent-parts.ts';
import { fail, ok } from '../doctor/check.ts';
import type { Check, Probe, Status } from '../doctor/check.ts';
import { kernelChecks } from '../doctor/kernel.ts';
import { thisMachine } from '../doctor/machine.ts';
import { runtimeChecks } from '../doctor/runtimes.ts';
import { capabilityUseCheck, surroundingChecks } from '../doctor/surroundings.ts';
import { AgentError, messageOf } from '../errors.ts';
import { loadNative } from '../native.ts';
import { configProblems } from './config.ts';
import type { Tool } from './command.ts';
import { report } from './report.ts';

const defaultSocketFile = '/run/seccomp-agent.socket';

const options = {
  socketfile: { type: 'string' },
  'control-socket': { type: 'string' },
  config: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Values = ReadonlyMap<string, unknown>;

function triedChecks(): readonly Check[] {
  try {
    const native = loadNative();
    const probe: Probe = (name) => native.probe(name);
    return [...capabilityUseCheck(thisMachine, probe), ...kernelChecks(probe)];
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return [fail('addon', messageOf(thrown), 'build it: node native/build.mjs')];
  }
}

function configCheck(values: Values): Check {
  const file = textOf(values, 'config') ?? defaultConfigFile;
  if (textOf(values, 'config') === undefined && !existsSync(file)) {
    return ok(
      'config',
      `${file} does not exist: bundles in /etc/seccompagent/bundles are granted nothing`,
    );
  }
  try {
    const problems = configProblems(file);
    if (problems.length === 0) return ok('config', `${file} is valid`);
    return fail('config', problems.join('; '), `seccompagent config check ${file}`);
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return fail('config', messageOf(thrown), 'correct the file: the agent does not start with it');
  }
}

/** As the command line says it, else as the configuration does. */
function pathOf(values: Values, name: 'socketfile' | 'control-socket'): string | undefined {
  try {
    const config = textOf(values, 'config');
    return textOf(values, name) ?? textOf(configuredOptions(config), name);
  } catch (thrown) {
    // another check says what is wrong with the configuration
    if (thrown instanceof AgentError) return undefined;
    throw thrown;
  }
}

/** A running agent says itself where it listens. */
async function agentChecks(values: Values): Promise<readonly Check[]> {
  const asked = await askAgent(pathOf(values, 'control-socket') ?? defaultControlSocket);
  const named = textOf(values, 'socketfile') ?? asked.agentSocket ?? pathOf(values, 'socketfile');
  return [await agentSocketCheck(named ?? defaultSocketFile), asked.check];
}

async function allChecks(values: Values): Promise<readonly Check[]> {
  return [
    ...surroundingChecks(thisMachine),
    ...triedChecks(),
    ...runtimeChecks(thisMachine),
    bundleCheck(),
    configCheck(values),
    ...(await agentChecks(values)),
  ];
}

const nameWidth = 18;

function show(checks: readonly Check[]): readonly string[] {
  return checks.map(({ name, status, message, advice }) => {
    const rest = advice === undefined ? '' : ` → ${advice}`;
    return `${status.padEnd(4)}  ${name.padEnd(nameWidth)}  ${message}${rest}`;
  });
}

function has(checks: readonly Check[], wanted: Status): boolean {
  return checks.some(({ status }) => status === wanted);
}

async function run(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, options);
  if (rest.length > 0) usage('doctor takes no arguments');
  const checks = await allChecks(values);
  report(values, checks, () => show(checks));
  return has(checks, 'fail') ? 1 : 0;
}

export const doctor: Tool = {
  usage: `Usage: seccompagent doctor [options]

Checks whether the agent can work on this machine: kernel features (each tried in a process of its
own), rights and limits, container runtimes, and the running agent. Changes nothing on the machine but
the agent's cache. Each line is ok, warn (a feature does not work) or fail (the agent does not work),
and says what to do. Run it with the rights and the surroundings of the agent. Exits with 1 if a check
fails.

Options:
  -socketfile PATH    the agent socket (default: that of the running agent, else of the
                      configuration, else ${defaultSocketFile})
  -control-socket PATH
                      the control socket of the agent (default ${defaultControlSocket})
  -config FILE        the configuration (default ${defaultConfigFile}, if it exists)
  -json               print JSON
  -help
`,
  run,
};
