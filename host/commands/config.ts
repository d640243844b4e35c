// SPDX-License-Identifier: Apache-2.0
// `seccompagent config check`: what the operator's configuration grants, and what is wrong with it.
import { createPublicKey, X509Certificate } from 'node:crypto';
import { statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { join } from 'node:path';

import { parseWords, usage } from '../text/command-line.ts';
import { defaultConfigFile, ownershipFault, readConfig } from '../config/config.ts';
import type { Config } from '../config/settings.ts';
import type { ConfigText } from '../config/config-text.ts';
import { optionsFault } from './configured-options.ts';
import { AgentError, messageOf, systemCodeOf } from '../errors.ts';
import { readRegularFile } from '../files/regular-file.ts';
import { maxCertificateBytes } from '../bundles/oci/open-bundle.ts';
import { maxKeyBytes } from '../bundles/oci/signing-key.ts';
import { allowedToBundles, allowedToSignedBundles } from '../bundles/granted-bundles.ts';
import { bundleNamesIn } from '../bundles/bundle-places.ts';
import { BundleStore } from '../bundles/bundle-store.ts';
import type { Bundle } from '../bundles/bundle.ts';
import { byteSizeText } from '../text/byte-size.ts';
import { durationText } from '../text/duration.ts';
import { grantLines } from '../registry/grants.ts';
import type { Keys } from '../bundles/grant-parser.ts';
import { defaultActionText } from '../registry/policy.ts';
import type { Tool } from './command.ts';
import { report } from './report.ts';

const pageBytes = 65_536;

interface FoundBundle {
  readonly name: string;
  readonly folder: string;
  /** The loaded configuration; absent: it cannot be loaded. */
  readonly granted?: Bundle['granted'];
}

interface Checked {
  readonly config: Config;
  readonly found: readonly FoundBundle[];
  readonly problems: readonly string[];
}

interface NamedFile {
  readonly maxBytes: number;
  readonly parse: (pem: string) => unknown;
}

/** Looks at all that a configuration names. */
class Check {
  readonly #text: ConfigText;
  readonly #problems: string[] = [];

  constructor(text: ConfigText) {
    this.#text = text;
  }

  run(): Checked {
    const { config } = this.#text;
    config.signers.forEach(({ keyFile }, index) => {
      this.#file(keyFile, ['signers', index, 'key'], {
        maxBytes: maxKeyBytes,
        parse: (pem) => createPublicKey(pem),
      });
    });
    config.registries.forEach(({ caFile }, index) => {
      if (caFile === undefined) return;
      this.#file(caFile, ['registries', index, 'ca'], {
        maxBytes: maxCertificateBytes,
        parse: (pem) => new X509Certificate(pem),
      });
    });
    const found = config.bundleFolders.flatMap((folder, index) => this.#folder(folder, index));
    this.#unused(found);
    this.#joined();
    const fault = optionsFault(this.#text);
    if (fault !== undefined) this.#problems.push(fault);
    return { config, found, problems: this.#problems };
  }

  #tell(keys: Keys, what: string): void {
    this.#problems.push(`${this.#text.place(keys)}: ${what}`);
  }

  #file(path: string, keys: Keys, { maxBytes, parse }: NamedFile): void {
    const check = (status: Stats): void => {
      const fault = ownershipFault(status);
      if (fault !== undefined) this.#tell(keys, `${path} ${fault}`);
    };
    try {
      parse(readRegularFile(path, { maxBytes, check }).toString());
    } catch (thrown) {
      this.#tell(keys, `cannot use ${path}: ${messageOf(thrown)}`);
    }
  }

  #folder(folder: string, index: number): readonly FoundBundle[] {
    const keys = ['bundle-folders', index];
    const status = statSync(folder, { throwIfNoEntry: false });
    if (status?.isDirectory() !== true) {
      // those that everybody has need not be there
      if (this.#text.isGiven(['bundle-folders'])) this.#tell(keys, `no such folder: ${folder}`);
      return [];
    }
    const fault = ownershipFault(status);
    if (fault !== undefined) this.#tell(keys, `${folder} ${fault}`);
    return bundleNamesIn(folder).map((name) => this.#bundle(name, folder));
  }

  #bundle(name: string, folder: string): FoundBundle {
    const { bundles, limits } = this.#text.config;
    const store = new BundleStore({
      folders: [folder],
      limits,
      allowedTo: allowedToBundles(bundles),
    });
    const place = join(folder, name);
    try {
      return { name, folder: place, granted: store.named(name).granted };
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      this.#tell(['bundles', name], messageOf(thrown));
      return { name, folder: place };
    }
  }

  /** A name with a typing mistake grants nothing to anybody. */
  #unused(found: readonly FoundBundle[]): void {
    const { bundles, bundleFolders, registries } = this.#text.config;
    for (const [name, { signers }] of bundles) {
      if (found.some((bundle) => bundle.name === name)) continue;
      // it may be pulled
      if (signers !== undefined && registries.length > 0) continue;
      const what = `no bundle "${name}" in ${bundleFolders.join(', ')}`;
      const pulled = '; an entry for a pulled bundle must list "signers"';
      this.#tell(['bundles', name], registries.length > 0 ? what + pulled : what);
    }
  }

  /** A bundle that has an entry and a signer has what both say, if that is one thing. */
  #joined(): void {
    const { bundles, signers } = this.#text.config;
    const allowed = allowedToSignedBundles(bundles, signers);
    for (const [name, entry] of bundles) {
      for (const signer of entry.signers ?? []) this.#join(name, signer, allowed);
    }
  }

  #join(name: string, signer: string, allowed: ReturnType<typeof allowedToSignedBundles>): void {
    try {
      allowed(name, [signer]);
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      this.#tell(['bundles', name], messageOf(thrown));
    }
  }
}

/** Errors in a configuration that can be read. @throws AgentError AGENT_CONFIG_INVALID */
export function configProblems(file: string): readonly string[] {
  return new Check(readConfig(file)).run().problems;
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? ['  nothing'] : lines.map((line) => `  ${line}`);
}

function policyText({ policies }: Config): readonly string[] {
  const { defaultAction, failure } = policies;
  return [
    `default  ${defaultActionText(defaultAction)}`,
    `failure  ${failure.kind === 'errno' ? `errno:${failure.errno}` : failure.kind}`,
  ];
}

function foundLines({ name, folder, granted }: FoundBundle): readonly string[] {
  if (granted === undefined) return [`found ${name} in ${folder}: cannot be loaded`];
  return [`found ${name} in ${folder}, granted`, ...indented(grantLines(granted))];
}

function limitsText({ limits, storeBytes }: Config): string {
  const { maximumBytes, maximumPages, deadlineMs } = limits;
  const memory = byteSizeText(maximumPages * pageBytes);
  const deadline = durationText(deadlineMs);
  const component = byteSizeText(maximumBytes);
  const store = byteSizeText(storeBytes);
  return `component ${component}, memory ${memory}, deadline ${deadline}, store ${store}`;
}

function show({ config, found }: Checked): readonly string[] {
  const { bundles, signers, registries, bundleFolders, options } = config;
  return [
    ...[...bundles].flatMap(([name, { signers: own, ...grants }]) => [
      own === undefined
        ? `bundle ${name} is allowed`
        : `bundle ${name} (in a folder, or pulled and signed by ${own.join(' or ')}) is allowed`,
      ...indented(grantLines(grants)),
    ]),
    ...signers.flatMap(({ name, keyFile, grants }) => [
      `bundles signed by ${name} (${keyFile}) are allowed`,
      ...indented(grantLines(grants)),
    ]),
    ...registries.map(
      ({ host, isPlainHttp, signers: own }) =>
        `registry ${host}${isPlainHttp ? ', without TLS' : ''}, signed by ${own
          .map(({ name }) => name)
          .join(' or ')}`,
    ),
    ...found.flatMap(foundLines),
    `folders  ${bundleFolders.length === 0 ? 'none' : bundleFolders.join(', ')}`,
    ...policyText(config),
    `limits   ${limitsText(config)}`,
    ...[...options].map(([name, value]) => `option   -${name}${value === true ? '' : ` ${value}`}`),
  ];
}

/** For programs: the same as `show` has. */
function facts({ config, found, problems }: Checked): object {
  const bundles = Object.fromEntries(config.bundles);
  const options = Object.fromEntries(config.options);
  return { ...config, bundles, options, found, problems };
}

/** @throws AgentError AGENT_CONFIG_INVALID */
function configIn(file: string): ConfigText {
  try {
    return readConfig(file);
  } catch (thrown) {
    if (!(thrown instanceof AgentError) || systemCodeOf(thrown.cause) !== 'ENOENT') throw thrown;
    const advice =
      file === defaultConfigFile
        ? 'without it the defaults apply; to check another file, name it'
        : 'check the path';
    throw new AgentError(thrown.code, `no such file: ${file}; ${advice}`);
  }
}

async function run(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, { json: { type: 'boolean' } });
  const [what, file = defaultConfigFile, ...more] = rest;
  if (what !== 'check') usage('unknown or missing subcommand of config. Subcommands: check');
  if (more.length > 0) usage('config check takes at most one file');
  const checked = new Check(configIn(file)).run();
  report(values, facts(checked), () => show(checked));
  for (const problem of checked.problems) process.stderr.write(`seccompagent: ${problem}\n`);
  return Promise.resolve(checked.problems.length === 0 ? 0 : 1);
}

export const config: Tool = {
  usage: `Usage: seccompagent config check [options] [FILE]

Prints the grants of a configuration (${defaultConfigFile}) and their effect on the bundles
in its folders. Checks that all keys and folders in it exist, that only root can write to them, and
that the bundles load. Exits with 1 if it finds a problem.

Options:
  -json               print JSON
  -help
`,
  run,
};
