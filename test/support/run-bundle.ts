// SPDX-License-Identifier: Apache-2.0
// As `seccompagent run`, with the handlers of one bundle: `node run-bundle.ts FOLDER SYSCALLS
// COMMAND...`, where SYSCALLS are names with commas in between.
import { Agent } from '../../host/agent.ts';
import { trappedCalls } from '../../host/syscalls/trapped-calls.ts';
import { bundleResolver } from './bundle-resolver.ts';

const [folder = '', syscalls = '', ...command] = process.argv.slice(2);
const agent = await Agent.start({
  resolver: bundleResolver(folder),
  log: { level: 'warn', format: 'text', isColored: false },
});
const { native } = agent;
const launch = native.launch(command, [], command.slice(0, 1), trappedCalls(syscalls.split(',')));
const state = {
  fds: [],
  processPid: 0,
  metadata: '',
  containerId: 'command',
  containerPid: 0,
  status: 'running',
  ociBundle: '',
  annotations: new Map<string, string>(),
};
await agent.serve(launch, { state, firstPid: undefined });
await agent.stop();
