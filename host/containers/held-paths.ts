// SPDX-License-Identifier: Apache-2.0
// Paths of settings that are held as what they are before a container's own program runs.
import type { AgentErrorCode } from '../errors.ts';
import { errnoNameOf } from '../syscalls/errno.ts';
import type { Attached } from './attached.ts';
import type { UserLines } from '../log/user-lines.ts';
import { shownContainer } from '../registry/shown-container.ts';

/** One that is not, and why. */
export interface UnheldPath {
  readonly path: string;
  readonly errno: number;
}

interface HoldingContainers {
  get(token: number): Pick<Attached, 'identity' | 'registry'> | undefined;
  unheldPaths(token: number): readonly UnheldPath[];
}

const code: AgentErrorCode = 'AGENT_SETTING_INVALID';
const reasons: Readonly<Record<string, string>> = {
  E2BIG: 'too much is mounted at and below it',
  EALREADY: 'its own program ran by then: the profile has to trap execve and execveat',
  EINVAL: 'nothing is mounted at or below it: name the mount point',
  ELOOP: 'it leads through a link on a volume, which others may exchange: name what it leads to',
  ESTALE: 'the setting has changed since the container came',
};

/** Of one container's paths, in the log. */
const maxListed = 10;
const maxLetters = 256;

/** Says, in one line, which paths of a container's settings protect nothing by themselves. */
export function tellUnheld(lines: UserLines, containers: HoldingContainers, token: number): void {
  const attached = containers.get(token);
  if (attached === undefined) return;
  const unheld = containers.unheldPaths(token);
  if (unheld.length === 0) return;
  const shown = shownContainer(attached.registry, attached.identity);
  const paths = unheld.slice(0, maxListed).map(({ path, errno }) => {
    const name = errnoNameOf(errno) ?? `errno ${errno}`;
    return { path: path.slice(0, maxLetters), errno: name, reason: reasons[name] };
  });
  lines.tell(attached.identity, 'paths-not-held', { ...shown, code, paths, count: unheld.length });
}
