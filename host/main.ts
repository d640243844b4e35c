// SPDX-License-Identifier: Apache-2.0
// The command `seccompagent`: command line, messages and exit codes.
import { runAgent } from './commands/agent.ts';
import { runCommand } from './commands/run.ts';
import { AgentError, messageOf } from './errors.ts';
import { agentUsage, parseCommand, runUsage } from './options.ts';
import type { Command } from './options.ts';
import { packageVersion } from './package-root.ts';

const exitCode = { failure: 1, usage: 2 } as const;

async function execute(command: Command): Promise<number> {
  switch (command.kind) {
    case 'help':
      process.stdout.write(command.of === 'run' ? runUsage : agentUsage);
      return 0;
    case 'version':
      process.stdout.write(`seccompagent ${packageVersion()}\n`);
      return 0;
    case 'agent':
      return runAgent(command);
    case 'run':
      return runCommand(command);
  }
}

async function main(words: readonly string[]): Promise<number> {
  try {
    return await execute(parseCommand(words));
  } catch (thrown) {
    process.stderr.write(`seccompagent: ${messageOf(thrown)}\n`);
    const isUsage = thrown instanceof AgentError && thrown.code === 'AGENT_USAGE';
    if (isUsage) process.stderr.write(`\n${words[0] === 'run' ? runUsage : agentUsage}`);
    return isUsage ? exitCode.usage : exitCode.failure;
  }
}

process.exitCode = await main(process.argv.slice(2));
