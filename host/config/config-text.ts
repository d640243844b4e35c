// SPDX-License-Identifier: Apache-2.0
// The text of a configuration, read key by key; unknown keys and wrong values are errors with their line.
import { AgentError, messageOf } from '../errors.ts';
import { bundleFolders } from '../bundles/bundle-places.ts';
import type { BundleEntry } from '../bundles/granted-bundles.ts';
import { complaint, namedKeys, parseAllowed } from '../bundles/grant-parser.ts';
import type { Complain, Keys } from '../bundles/grant-parser.ts';
import { longestDeadlineMs } from '../bundles/manifest-handler.ts';
import { folderName } from '../bundles/manifest.ts';
import type { Grants } from '../registry/grants.ts';
import { defaultPolicies, parseDefaultAction, parseFailurePolicy } from '../registry/policy.ts';
import { byteSizeText, parseByteSize } from '../text/byte-size.ts';
import { parseDuration } from '../text/duration.ts';
import { isOfKind, shownKey } from '../text/shown-key.ts';
import { parseYaml } from '../text/yaml-file.ts';
import { agentOptionTable } from './agent-option-table.ts';
import { emptyConfig, signerName } from './settings.ts';
import type { AllowedRegistry, Config, Signer } from './settings.ts';

const pageBytes = 65_536;

interface Sizes {
  readonly min: number;
  readonly max: number;
}

const componentSizes: Sizes = { min: pageBytes, max: 2 ** 30 };
const storeSizes: Sizes = { min: 2 ** 20, max: 2 ** 40 };

/** A configuration that was read, and where each of its values stands. */
export interface ConfigText {
  readonly config: Config;
  readonly place: (keys: Keys) => string;
  /** Whether there is a value at the end of these keys. */
  readonly isGiven: (keys: Keys) => boolean;
}

function invalid(what: string): never {
  throw new AgentError('AGENT_CONFIG_INVALID', what);
}

/**
 * Unknown keys are errors.
 * @param file begins the messages, with the line
 * @throws AgentError AGENT_CONFIG_INVALID
 */
export function parseConfig(text: string, file: string): ConfigText {
  const { value, place, isGiven } = parseYaml(text, file, (where, what) =>
    invalid(`${where}: ${what}`),
  );
  const reader = new Reader((keys, what) =>
    invalid(`${place(keys)}: ${complaint(namedKeys(keys) || 'the configuration', what)}`),
  );
  return { config: reader.config(value), place, isGiven };
}

/** One step of a path of keys. */
type Value = { readonly json: unknown; readonly keys: Keys };

class Reader {
  readonly #complain: Complain;

  constructor(complain: Complain) {
    this.#complain = complain;
  }

  config(json: unknown): Config {
    // a file without any key, or with nothing but comments
    const top = this.#object({ json: json ?? {}, keys: [] }, [
      'bundles',
      'signers',
      'registries',
      'bundle-folders',
      'default',
      'failure',
      'limits',
      ...Object.keys(agentOptionTable),
    ]);
    const signers = this.#list(top('signers'), (value) => this.#signer(value));
    this.#checkTwice(signers, 'signers');
    const registries = this.#list(top('registries'), (value) => this.#registry(value, signers));
    this.#checkTwice(
      registries.map(({ host }) => ({ name: host })),
      'registries',
    );
    return {
      bundles: this.#bundles(top('bundles'), signers),
      signers,
      registries,
      bundleFolders: this.#folders(top('bundle-folders')),
      policies: {
        defaultAction: this.#policy(
          top('default'),
          parseDefaultAction,
          defaultPolicies.defaultAction,
        ),
        failure: this.#policy(top('failure'), parseFailurePolicy, defaultPolicies.failure),
        ...(isThere(top('failure')) ? { isFailureSet: true } : {}),
      },
      ...this.#limits(top('limits')),
      options: this.#options(top),
    };
  }

  #options(top: (key: string) => Value): ReadonlyMap<string, string | true> {
    const options = new Map<string, string | true>();
    for (const [key, { type, isList, isNumber = isList }] of Object.entries(agentOptionTable)) {
      const value = top(key);
      if (!isThere(value)) continue;
      if (type === 'string') options.set(key, this.#option(value, isNumber === true));
      else if (this.#flag(value)) options.set(key, true);
    }
    return options;
  }

  #option({ json, keys }: Value, isWords: boolean): string {
    const [key] = keys;
    if (key === 'bundle' && isRecord(json)) {
      this.#complain(keys, 'must be a string or a list. Did you mean "bundles"?');
    }
    if (key === 'metrics-bind-address' && typeof json === 'number') {
      this.#complain(keys, `must be a string, such as ":${json}"`);
    }
    return isWords ? this.#words({ json, keys }) : this.#text({ json, keys });
  }

  #flag({ json, keys }: Value): boolean {
    return typeof json === 'boolean' ? json : this.#complain(keys, 'must be true or false');
  }

  /** As an option has them, with commas between them, or a list; user ids are numbers. */
  #words(value: Value): string {
    if (Number.isSafeInteger(value.json)) return String(value.json);
    if (!Array.isArray(value.json)) return this.#text(value);
    return this.#list(value, (word) =>
      Number.isSafeInteger(word.json) ? String(word.json) : this.#text(word),
    ).join(',');
  }

  #bundles(value: Value, signers: readonly Signer[]): ReadonlyMap<string, BundleEntry> {
    const entries = Object.entries(this.#record(value));
    return new Map(
      entries.map(([name, json]) => {
        const keys = [...value.keys, name];
        if (!folderName.test(name)) this.#complain(keys, `"${name}" is not a valid bundle name`);
        return [name, this.#entry({ json, keys }, signers)];
      }),
    );
  }

  #entry(value: Value, signers: readonly Signer[]): BundleEntry {
    const of = this.#object(value, ['grants', 'signers']);
    const grants = this.#grants(of('grants'));
    const named = of('signers');
    if (!isThere(named)) return grants;
    return { ...grants, signers: this.#signersOf(named, signers).map(({ name }) => name) };
  }

  /** Without signers, a bundle could be anybody's. */
  #signersOf(value: Value, signers: readonly Signer[]): readonly Signer[] {
    const own = this.#list(value, (each) => this.#knownSigner(each, signers));
    if (own.length === 0) this.#complain(value.keys, 'must list one or more signers');
    return own;
  }

  #signer(value: Value): Signer {
    const of = this.#object(value, ['name', 'key', 'grants']);
    return {
      name: this.#matching(of('name'), signerName, 'name of a signer'),
      keyFile: this.#path(of('key')),
      grants: this.#grants(of('grants')),
    };
  }

  #registry(value: Value, signers: readonly Signer[]): AllowedRegistry {
    const of = this.#object(value, ['host', 'plain-http', 'ca', 'signers']);
    const plain = of('plain-http');
    const ca = of('ca');
    return {
      host: this.#matching(of('host'), hostForm, 'HOST or HOST:PORT'),
      isPlainHttp: isThere(plain) && this.#flag(plain),
      ...(isThere(ca) ? { caFile: this.#path(ca) } : {}),
      signers: this.#signersOf(of('signers'), signers),
    };
  }

  #knownSigner(value: Value, signers: readonly Signer[]): Signer {
    const name = this.#text(value);
    const signer = signers.find((each) => each.name === name);
    if (signer !== undefined) return signer;
    const known = signers.map((each) => each.name).join(', ');
    return this.#complain(value.keys, `unknown signer "${name}". Signers: ${known || 'none'}`);
  }

  #folders(value: Value): readonly string[] {
    if (!isThere(value)) return bundleFolders;
    return this.#list(value, (each) => this.#path(each));
  }

  #policy<T>(value: Value, parse: (text: string) => T, absent: T): T {
    if (!isThere(value)) return absent;
    const text = this.#text(value);
    try {
      return parse(text);
    } catch (thrown) {
      return this.#complain(value.keys, messageOf(thrown));
    }
  }

  #limits(value: Value): Pick<Config, 'limits' | 'storeBytes'> {
    const of = this.#object({ ...value, json: value.json ?? {} }, [
      'component-bytes',
      'memory',
      'deadline',
      'store',
    ]);
    const { limits, storeBytes } = emptyConfig;
    const bytes = this.#size(of('component-bytes'));
    const memory = this.#size(of('memory'));
    return {
      limits: {
        maximumBytes: bytes ?? limits.maximumBytes,
        maximumPages: memory === undefined ? limits.maximumPages : Math.floor(memory / pageBytes),
        deadlineMs: this.#deadline(of('deadline')) ?? limits.deadlineMs,
      },
      storeBytes: this.#size(of('store'), storeSizes) ?? storeBytes,
    };
  }

  #size(value: Value, { min, max }: Sizes = componentSizes): number | undefined {
    if (!isThere(value)) return undefined;
    const text = this.#text(value);
    const size = parseByteSize(text);
    if (size !== undefined && size >= min && size <= max) return size;
    const range = `from ${byteSizeText(min)} to ${byteSizeText(max)}`;
    return this.#complain(value.keys, `"${text}" is not a size ${range}, such as 16MiB`);
  }

  #deadline(value: Value): number | undefined {
    if (!isThere(value)) return undefined;
    const text = this.#text(value);
    const deadlineMs = parseDuration(text);
    if (deadlineMs !== undefined && deadlineMs >= 1 && deadlineMs <= longestDeadlineMs) {
      return Math.ceil(deadlineMs);
    }
    return this.#complain(
      value.keys,
      `"${text}" is not a duration from 1ms to 1m, such as 250ms or 1.5s`,
    );
  }

  #grants({ json, keys }: Value): Grants {
    return parseAllowed(json ?? {}, (inner, what) => this.#complain([...keys, ...inner], what));
  }

  #path(value: Value): string {
    const text = this.#text(value);
    if (text.startsWith('/') && !text.includes('\0')) return text;
    return this.#complain(value.keys, `"${text}" is not an absolute path`);
  }

  #matching(value: Value, pattern: RegExp, what: string): string {
    const text = this.#text(value);
    return pattern.test(text)
      ? text
      : this.#complain(value.keys, `"${text}" is not a valid ${what}`);
  }

  #text({ json, keys }: Value): string {
    return typeof json === 'string' ? json : this.#complain(keys, 'must be a string');
  }

  /** Absent: empty. */
  #list<T>({ json, keys }: Value, parse: (value: Value) => T): readonly T[] {
    if (json === undefined || json === null) return [];
    if (!Array.isArray(json)) this.#complain(keys, 'must be a list');
    const items: readonly unknown[] = json;
    return items.map((item, index) => parse({ json: item, keys: [...keys, index] }));
  }

  #checkTwice(named: readonly { readonly name: string }[], key: string): void {
    named.forEach(({ name }, index) => {
      if (named.findIndex((other) => other.name === name) === index) return;
      this.#complain([key, index], `"${name}" is duplicated`);
    });
  }

  /** Absent: empty. */
  #record({ json, keys }: Value): Readonly<Record<string, unknown>> {
    if (isRecord(json ?? {})) return isRecord(json) ? json : {};
    return this.#complain(keys, 'must be an object');
  }

  /** Gives the values of known keys, and has no others. */
  #object(value: Value, known: readonly string[]): (key: string) => Value {
    const { json, keys } = value;
    if (!isRecord(json)) this.#complain(keys, 'must be an object');
    const list = known.join(', ');
    if (keys.length === 0 && !isOfKind(Object.keys(json), known)) {
      this.#complain(keys, `must have one of the keys ${list}`);
    }
    const unknownKey = Object.keys(json).find((key) => !known.includes(key));
    if (unknownKey !== undefined) {
      const shown = shownKey(unknownKey);
      this.#complain([...keys, shown], `unknown key "${shown}". Keys: ${list}`);
    }
    return (key) => ({ json: json[key], keys: [...keys, key] });
  }
}

/** As names of hosts are written, IPv4 addresses, and IPv6 addresses in brackets. */
export const hostForm: RegExp =
  /^(?:[A-Za-z\d](?:[A-Za-z\d.-]*[A-Za-z\d])?|\[[\dA-Fa-f:.]+\])(?::[1-9]\d{0,4})?$/u;

function isThere({ json }: Value): boolean {
  return json !== undefined && json !== null;
}

function isRecord(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
