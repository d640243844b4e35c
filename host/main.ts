// SPDX-License-Identifier: Apache-2.0
// The command `seccompagent`: command line, messages and exit codes.
import { tools } from './commands/tool.ts';
import type { Tool } from './commands/command.ts';
import { configuredOptions } from './commands/configured-options.ts';
import { AgentError, failureLine } from './errors.ts';
import { agentUsage, parseCommand, runUsage } from './commands/options.ts';
import type { Command } from './commands/options.ts';
import { packageVersion } from './package-root.ts';

/** `noReader`: as a shell has it for a command that SIGPIPE ends. */
const exitCode = { failure: 1, usage: 2, noReader: 141 } as const;

/** As where the output goes to `head`, which ends when it has enough. */
function endWithTheReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(exitCode.noReader);
  });
}

async function execute(command: Command): Promise<number> {
  switch (command.kind) {
    case 'help':
      process.stdout.write(command.of === 'run' ? runUsage : agentUsage);
      return 0;
    case 'version':
      process.stdout.write(`seccompagent ${packageVersion()}\n`);
      return 0;
    // what a command does not use is not loaded
    case 'agent': {
      const { runAgent } = await import('./commands/agent.ts');
      return runAgent(command);
    }
    case 'run': {
      const { runCommand } = await import('./commands/run.ts');
      return runCommand(command);
    }
  }
}

/** Whether help is asked for, before anything that belongs to another program. */
function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  const own = end < 0 ? words : words.slice(0, end);
  return own.some((word) => ['-h', '-help', '--help'].includes(word));
}

async function executeTool(tool: Tool, words: readonly string[]): Promise<number> {
  endWithTheReader();
  if (!asksForHelp(words)) return tool.run(words);
  process.stdout.write(tool.usage);
  return 0;
}

async function main(words: readonly string[]): Promise<number> {
  let helped = words[0] === 'run' ? 'seccompagent run' : 'seccompagent';
  try {
    const entry = tools.find(({ name }) => name === words[0]);
    if (entry === undefined) return await execute(parseCommand(words, configuredOptions));
    const tool = await entry.load();
    helped = `seccompagent ${entry.name}`;
    return await executeTool(tool, words.slice(1));
  } catch (thrown) {
    process.stderr.write(failureLine(thrown));
    const isUsage = thrown instanceof AgentError && thrown.code === 'AGENT_USAGE';
    if (isUsage) process.stderr.write(`see ${helped} -help\n`);
    return isUsage ? exitCode.usage : exitCode.failure;
  }
}

process.exitCode = await main(process.argv.slice(2));
