// SPDX-License-Identifier: Apache-2.0
// Containers whose network is a cable to ours, and mounts of cifs in them.
import { compiled } from '../support/compile.ts';
import { Container } from '../support/container-runtime.ts';
import type { ContainerOptions } from '../support/container-runtime.ts';
import { runTrap } from '../support/trap-container.ts';
import { succeed } from './succeed.ts';

export interface Neighbour extends AsyncDisposable {
  readonly container: Container;
  /** Our address, as the container sees us. */
  readonly ours: string;
  readonly firstPid: number;
}

export interface CifsMount {
  readonly source: string;
  readonly data: string;
}

/** Starts one; `number`, from 1 to 254, must be no other's. */
export async function startNeighbour(
  number: number,
  options: ContainerOptions,
): Promise<Neighbour> {
  await using starting = new AsyncDisposableStack();
  const container = starting.use(await Container.run(options));
  const firstPid = await container.firstPid();
  const network = `10.77.${number}`;
  const cable = `cable${number}`;
  const inside = ['nsenter', '--net', `--target=${firstPid}`, 'ip'] as const;
  const theirs = ['peer', 'name', 'cable', 'netns', String(firstPid)] as const;
  // it goes with the container's end of it
  await succeed('ip', 'link', 'add', cable, 'type', 'veth', ...theirs);
  await succeed('ip', 'address', 'add', `${network}.1/24`, 'dev', cable);
  await succeed('ip', 'link', 'set', cable, 'up');
  await succeed(...inside, 'address', 'add', `${network}.2/24`, 'dev', 'cable');
  await succeed(...inside, 'link', 'set', 'cable', 'up');
  await succeed(...inside, 'link', 'set', 'lo', 'up');
  const kept = starting.move();
  return {
    container,
    ours: `${network}.1`,
    firstPid,
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}

function operationOf({ source, data }: CifsMount): string {
  return `mount:${source}:/mnt:cifs:0:${data}`;
}

/** `mount RESULT ERRNO` for each, made by the container's user; see trap.c, its `bin/trap`. */
export async function mountInside(
  { container }: Neighbour,
  mounts: readonly CifsMount[],
): Promise<readonly string[]> {
  const operations = mounts.map((mount) => `'${operationOf(mount)}'`);
  const { stdout } = await container.exec(`/bin/trap -- ${operations.join(' ')}`);
  return stdout.trimEnd().split('\n');
}

/** The same, made by root in the container's network, or in ours where there is none. */
export async function mountAsRoot(
  neighbour: Neighbour | undefined,
  mounts: readonly CifsMount[],
): Promise<readonly string[]> {
  const wrapper =
    neighbour === undefined ? [] : ['nsenter', '--net', `--target=${neighbour.firstPid}`];
  const { lines, errors } = await runTrap({
    wrapper,
    program: compiled('trap.static'),
    options: ['-r'],
    operations: ['mkdir:/mnt:755', ...mounts.map(operationOf)],
  });
  if (errors !== '') throw new Error(`cannot mount as root: ${errors}`);
  return lines.slice(1);
}
