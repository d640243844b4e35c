// SPDX-License-Identifier: Apache-2.0
// Gets the programs that tests need, from the packages of the system.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface PackageNeed {
  /** A program that has to be in PATH; or any file or folder, by its whole path. */
  readonly command: string;
  /** The package of Debian that brings it. */
  readonly package: string;
}

/** Queries of `requirePackages` about the system; tests give their own. */
export interface PackageSystem {
  readonly uid: number;
  readonly hasCommand: (command: string) => boolean;
  /** Runs a program with its output shown; throws when it fails. */
  readonly run: (
    command: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) => void;
}

/**
 * Makes sure that every command of `needs` is in PATH. As root on Debian the missing packages are
 * installed; elsewhere the error says what to install. Call it before tests run side by side (in a
 * global setup): apt-get lets only one of itself work.
 */
export function requirePackages(
  needs: readonly PackageNeed[],
  system: PackageSystem = thisSystem(),
): void {
  const missing = missingOf(needs, system);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((need) => need.package))];
  if (system.uid !== 0 || !system.hasCommand('apt-get')) {
    throw new Error(
      `cannot run the tests without these programs: ${listOf(missing)}; ` +
        'on Debian or Ubuntu run as root: apt-get update && ' +
        `apt-get install -y --no-install-recommends ${packages.join(' ')}; ` +
        'on other systems install the packages that bring the programs, so that they are in PATH',
    );
  }
  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  system.run('apt-get', ['update'], environment);
  system.run('apt-get', ['install', '-y', '--no-install-recommends', ...packages], environment);
  const stillMissing = missingOf(needs, system);
  if (stillMissing.length > 0) {
    throw new Error(
      `the packages are installed, but these programs are not in PATH: ${listOf(stillMissing)}`,
    );
  }
}

function missingOf(needs: readonly PackageNeed[], system: PackageSystem): readonly PackageNeed[] {
  return needs.filter((need) => !system.hasCommand(need.command));
}

function listOf(needs: readonly PackageNeed[]): string {
  return needs.map((need) => `${need.command} (package ${need.package})`).join(', ');
}

function thisSystem(): PackageSystem {
  return {
    uid: process.geteuid?.() ?? -1,
    hasCommand: (command) => (command.startsWith('/') ? existsSync(command) : isInPath(command)),
    run: (command, args, environment) => {
      const { error, signal, status } = spawnSync(command, args, {
        env: { ...process.env, ...environment },
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      if (error !== undefined || status !== 0) {
        const end = signal === null ? `status ${status}` : `signal ${signal}`;
        throw new Error(`cannot run '${[command, ...args].join(' ')}': ${end}`, { cause: error });
      }
    },
  };
}

function isInPath(command: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.some((folder) => isProgram(join(folder, command)));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
