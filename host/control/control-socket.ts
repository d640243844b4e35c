// SPDX-License-Identifier: Apache-2.0
// The path of the control socket: it is there for root alone, and never before it is.
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';

import { AgentError, systemCodeOf } from '../errors.ts';

/** Address of a running agent. */
export interface ControlAddress {
  readonly path: string;
  /** Nobody has said where: an agent that cannot listen there does without. */
  readonly isDefault: boolean;
}

export const defaultControlSocket = '/run/seccompagent/control.sock';

const ownerOnly = 0o600;
const ownersFolder = 0o700;

/** Whether somebody answers there; a socket that is left of an agent that is gone does not. */
async function isServed(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function checkPlace(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new AgentError('AGENT_CONTROL', `${path} is not a socket`);
  if (await isServed(path)) {
    throw new AgentError('AGENT_CONTROL_IN_USE', `another agent listens on ${path}`);
  }
}

/** The file at a path: another agent may have put its own there. */
function inodeOf(path: string): bigint | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

/**
 * Made in a folder that nobody else may enter and moved from there: it never has the rights that it
 * was born with where others could connect, and takes the place of a stale one in one step.
 */
async function listenAside(server: Server, path: string): Promise<void> {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: ownersFolder });
  // join would leave the dot out, and the new folder would be beside this one
  const aside = mkdtempSync(`${folder}/.`);
  try {
    // names of sockets have 107 bytes at most
    const born = join(aside, 's');
    server.listen({ path: born });
    await once(server, 'listening');
    chmodSync(born, ownerOnly);
    renameSync(born, path);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/**
 * Lets the server listen there.
 * @returns removes the socket, if it is still this one
 * @throws AgentError AGENT_CONTROL_IN_USE, AGENT_CONTROL
 */
export async function listenAt(server: Server, path: string): Promise<Disposable> {
  await checkPlace(path);
  try {
    await listenAside(server, path);
  } catch (cause) {
    server.close();
    const why = systemCodeOf(cause) === 'EINVAL' ? ': is the path too long?' : '';
    throw new AgentError('AGENT_CONTROL', `cannot listen on ${path}${why}`, { cause });
  }
  const inode = inodeOf(path);
  return {
    [Symbol.dispose]: () => {
      if (inode !== undefined && inodeOf(path) === inode) rmSync(path, { force: true });
    },
  };
}
