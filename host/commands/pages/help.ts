// SPDX-License-Identifier: Apache-2.0
// The help of all commands, and what holds for all of them beside it.
import { defaultConfigFile } from '../../config/config.ts';
import { defaultControlSocket } from '../../control/control-socket.ts';
import { agentUsage, defaultSocketFile, runUsage } from '../options.ts';
import { tools } from '../tool.ts';
import { usageParts } from './usage-text.ts';
import type { UsagePart } from './usage-text.ts';

export interface CommandHelp {
  /** Empty: the agent itself. */
  readonly name: string;
  readonly summary: string;
  readonly parts: readonly UsagePart[];
}

/** Of the agent, of `run`, and of each other command. */
export async function commandHelps(): Promise<readonly CommandHelp[]> {
  const others = tools.map(async ({ name, summary, load }) => {
    const { usage } = await load();
    return { name, summary, parts: usageParts(usage) };
  });
  const parts = usageParts(agentUsage);
  const run = parts.find((part) => part.kind === 'item' && part.term === 'run');
  return [
    { name: '', summary: 'the agent', parts },
    {
      name: 'run',
      summary: run?.kind === 'item' ? run.text : '',
      parts: usageParts(runUsage),
    },
    ...(await Promise.all(others)),
  ];
}

export interface Note {
  readonly title: string;
  /** Terms with their texts, in which backquotes stand around words to type. */
  readonly rows: readonly (readonly [term: string, text: string])[];
}

export const notes: readonly Note[] = [
  {
    title: 'Signals',
    rows: [
      [
        'SIGHUP',
        'The agent reloads its configuration and bundles and reopens its audit log and Falco file. The change applies to the next call of every container, including running ones; calls in progress finish under the old configuration. The loaded bundles answer until the new ones are pulled and compiled, for 10 seconds at most; a container whose bundles take longer gets them when they have come. A bundle that cannot be loaded keeps its loaded version, and the log and `seccompagent status` say why; a bundle that failed for lack of memory is tried again. What is no longer granted is withdrawn at once; a bundle that is no longer granted the capabilities that it requests is taken from all containers, and their calls fail. Options in the configuration file are read at start-up only.',
      ],
      [
        'SIGTERM, SIGINT',
        'The agent answers the calls in progress, sends late answers at once, and exits. Stopping the agent breaks its running containers: from then on the kernel fails their intercepted calls with ENOSYS, and restarting the agent does not repair them. The log names each of these containers and its calls; restart these containers. New containers cannot start until an agent is running.',
      ],
    ],
  },
  {
    title: 'Exit status',
    rows: [
      ['0', 'Success.'],
      [
        '1',
        'Failure; the message is on standard error and ends with a code, such as `[AGENT_BUNDLE_INVALID]`. Commands that look for faults or differences (`config check`, `doctor`, `profile lint`, `test`, `replay`, `list`) exit with 1 if they find any.',
      ],
      ['2', 'The command line is wrong.'],
      [
        'other',
        '`run` and `record -- COMMAND` exit with the exit code of the command, or with 128 and the number of the signal that ended it.',
      ],
    ],
  },
  {
    title: 'Files',
    rows: [
      [defaultConfigFile, 'The configuration.'],
      [
        '/etc/seccompagent/bundles, /usr/share/seccompagent/bundles',
        'Folders of handler bundles. `bundle-folders` in the configuration replaces them.',
      ],
      ['/var/lib/seccompagent/bundles', 'Pulled bundles.'],
      ['/var/cache/seccompagent', 'Link plans and compile results of components. May be deleted.'],
      [defaultSocketFile, 'The agent socket, `listenerPath` of seccomp profiles.'],
      [
        `${defaultSocketFile}.served-*`,
        'The containers that an agent serves. The next agent reads it and removes it.',
      ],
      [defaultControlSocket, 'The control socket, for root only.'],
    ],
  },
  {
    title: 'Environment',
    rows: [
      ['NODE_NAME', 'The name of the node, where `-node-name` is absent.'],
      ['KUBECONFIG', 'The kubeconfig, where `-kubeconfig` is absent.'],
      [
        'KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT',
        'The Kubernetes API, for an agent in a pod.',
      ],
      ['COSIGN_PASSWORD', 'The password of the private key, for `key generate` and `sign`.'],
      [
        'REGISTRY_AUTH_FILE, DOCKER_CONFIG, XDG_RUNTIME_DIR',
        'Where logins of OCI registries are looked for.',
      ],
      ['CACHE_DIRECTORY', 'A folder in place of `/var/cache/seccompagent`; systemd sets it.'],
    ],
  },
];
