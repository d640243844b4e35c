// SPDX-License-Identifier: Apache-2.0
// Reads a seccomp profile: JSON of OCI runtimes and of docker, or YAML of the Security Profiles
// Operator. What is wrong with it is collected, so that one look finds all of it.
import { AgentError } from '../errors.ts';
import { jsonFaultAt, jsonPlaceAt } from '../text/json-fault.ts';
import { isOfKind, shownKey } from '../text/shown-key.ts';
import { parseYaml } from '../text/yaml-file.ts';
import type { YamlText } from '../text/yaml-file.ts';
import { guessAt, nearest } from '../text/did-you-mean.ts';
import { Findings } from './finding.ts';
import type { Finding, Keys } from './finding.ts';
import type { Condition, Profile, ProfileFormat, Rule } from './profile.ts';
import { actions, architectures, flags, operators } from './seccomp-words.ts';

type Json = Readonly<Record<string, unknown>>;

export interface ReadProfile {
  /** Undefined: the text has none. */
  readonly profile?: Profile;
  /** The parsed JSON; for changes that keep unknown members. */
  readonly json: Json;
  readonly findings: Findings;
}

const keysOfProfile: readonly string[] = [
  'defaultAction',
  'defaultErrnoRet',
  'architectures',
  'flags',
  'listenerPath',
  'listenerMetadata',
  'syscalls',
];
const keysOfDocker: readonly string[] = ['archMap', 'defaultErrno'];
const keysOfOperator: readonly string[] = ['baseProfileName', 'disabled'];
const keysOfAny: readonly string[] = [
  ...keysOfProfile,
  ...keysOfDocker,
  ...keysOfOperator,
  'apiVersion',
  'kind',
];
const keysOfRule: readonly string[] = ['names', 'action', 'errnoRet', 'args'];
/** Runtimes themselves pass over these. */
const hostConditions: readonly string[] = ['includes', 'excludes'];
const keysOfDockerRule: readonly string[] = ['name', 'comment', 'errno', ...hostConditions];
const keysOfCondition: readonly string[] = ['index', 'value', 'valueTwo', 'op'];

const operatorGroup = 'security-profiles-operator.x-k8s.io/';
/** Folder in which version v1 wants the socket. */
const operatorFolder = '/var/run/security-profiles-operator/';
/** Of a JSON path, where SeccompProfile has its profile. */
const spec = 'spec';

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// ---- the text ----

const byteOrderMark = '\uFEFF';

/** Likely cause of a syntax error at this place. */
function reasonAt(text: string, offset: number): string {
  const rest = text.slice(offset);
  if (/^(?:\/\/|\/\*|#)/u.test(rest)) return 'JSON has no comments';
  if (/^[}\]]/u.test(rest) && /,\s*$/u.test(text.slice(0, offset))) {
    return 'JSON allows no comma before a closing bracket';
  }
  if (offset === 0 && text.startsWith(byteOrderMark)) return 'JSON begins with no byte order mark';
  return offset === text.length ? 'not JSON: it ends too early' : 'not JSON from here on';
}

interface SyntaxFault {
  readonly line: number;
  readonly what: string;
}

function jsonFault(text: string): SyntaxFault | undefined {
  const offset = jsonFaultAt(text);
  if (offset === undefined) return undefined;
  const { line, column } = jsonPlaceAt(text, offset);
  return { line, what: `column ${column}: ${reasonAt(text, offset)}` };
}

class YamlFault extends Error {}

function yamlOf(text: string): YamlText | SyntaxFault {
  try {
    return parseYaml(text, '', (place, what) => {
      throw new YamlFault(`${place.slice(1)} ${what}`);
    });
  } catch (thrown) {
    if (!(thrown instanceof YamlFault)) throw thrown;
    const [line = '1', ...words] = thrown.message.split(' ');
    return { line: Number(line), what: words.join(' ') };
  }
}

const faultAdvice = 'runtimes refuse the whole file: correct this place';

function unreadable({ line, what }: SyntaxFault, advice = faultAdvice): ReadProfile {
  const findings = new Findings(() => line);
  findings.tell('not-json', 'error', [], { message: what, advice });
  return { json: {}, findings };
}

/** Lines are found for paths that are there; others have that of what is around them. */
function lineFinder(yaml: YamlText): (keys: Keys) => number {
  return (keys) => Number(yaml.place(keys).replace(/^.*:/u, ''));
}

/** @param text of a file: JSON where it begins with a brace, else YAML */
export function readProfile(text: string): ReadProfile {
  const fault = text.trimStart().startsWith('{') ? jsonFault(text) : undefined;
  if (fault !== undefined) return unreadable(fault);
  const yaml = yamlOf(text);
  if ('what' in yaml) return unreadable(yaml);
  const findings = new Findings(lineFinder(yaml));
  const { value } = yaml;
  if (!isJson(value)) return unreadable({ line: 1, what: 'a profile is an object' });
  // another file, which nobody is to read in what is said of it
  if (!isOfKind(Object.keys(value), keysOfAny)) {
    return unreadable({ line: 1, what: 'it has none of the keys of a profile' }, kindAdvice);
  }
  const excess = excessOf(isJson(value[spec]) ? value[spec] : value);
  if (excess !== undefined) return unreadable({ line: 1, what: excess }, 'split the profile');
  return new Reader(findings).top(value);
}

const kindAdvice = 'name the file of a seccomp profile, which has "defaultAction" and "syscalls"';

/** Docker's own has 30 rules with 450 names. */
const maxRules = 1024;
const maxNames = 4096;

function lengthOf(json: unknown): number {
  return Array.isArray(json) ? json.length : 0;
}

/** Rules are compared with one another, and each name with the conditions of its rule. */
function excessOf({ syscalls }: Json): string | undefined {
  const rules: readonly unknown[] = Array.isArray(syscalls) ? syscalls : [];
  if (rules.length > maxRules) return `it has ${rules.length} rules; the maximum is ${maxRules}`;
  const names = rules
    .filter(isJson)
    .reduce((sum, rule) => sum + lengthOf(rule['names']) * Math.max(1, lengthOf(rule['args'])), 0);
  if (names <= maxNames) return undefined;
  return `it has ${names} names, each counted for every condition of its rule; the maximum is ${maxNames}`;
}

/** @throws AgentError AGENT_PROFILE_INVALID: something is wrong that is no matter of taste */
export function readSoundProfile(text: string, file: string): Required<ReadProfile> {
  const { profile, json, findings } = readProfile(text);
  const wrong: Finding | undefined = findings.all.find(({ severity }) => severity === 'error');
  if (wrong === undefined && profile !== undefined) return { profile, json, findings };
  const what = wrong === undefined ? 'no profile' : `${wrong.path}: ${wrong.message}`;
  throw new AgentError('AGENT_PROFILE_INVALID', `${file}:${wrong?.line ?? 1}: ${what}`);
}

// ---- the values ----

class Reader {
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  top(json: Json): ReadProfile {
    const { apiVersion, kind } = json;
    if (apiVersion === undefined && kind === undefined) {
      return { profile: this.#profile(json, 'oci'), json, findings: this.#findings };
    }
    if (typeof apiVersion !== 'string' || !apiVersion.startsWith(operatorGroup)) {
      this.#wrong(['apiVersion'], `${show(apiVersion)} is none of the operator's`, [
        `${operatorGroup}v1beta1`,
      ]);
    }
    if (kind !== 'SeccompProfile') this.#wrong(['kind'], show(kind), ['SeccompProfile']);
    const own = json[spec];
    if (!isJson(own)) {
      this.#wrong([spec], 'it is missing', ['the profile']);
      return { json: {}, findings: this.#findings };
    }
    const inner = new Reader(this.#findings.below(spec));
    const profile = inner.#profile(own, 'spo');
    if (apiVersion === `${operatorGroup}v1`) inner.#operatorPath(profile.listenerPath);
    return { profile, json: own, findings: this.#findings.below(spec) };
  }

  #operatorPath(path: string | undefined): void {
    if (path === undefined || path.startsWith(operatorFolder)) return;
    this.#findings.tell('listener-path', 'error', ['listenerPath'], {
      message: `version v1 of SeccompProfile takes only paths in ${operatorFolder}, and this is "${path}"`,
      advice: `use v1beta1, or let the agent listen in ${operatorFolder}`,
    });
  }

  #wrong(keys: Keys, what: string, choices: readonly string[]): void {
    const [word] = /SCMP_\w+|SECCOMP_\w+/u.exec(what) ?? [];
    const near = word === undefined ? undefined : nearest(word, choices);
    this.#findings.tell('wrong-value', 'error', keys, {
      message: near === undefined ? what : `${what}. Did you mean "${near}"?`,
      advice: `must be ${choices.length > 1 ? 'one of ' : ''}${choices.join(', ')}`,
    });
  }

  #profile(json: Json, format: ProfileFormat): Profile {
    this.#unknown([], json, [
      ...keysOfProfile,
      ...(format === 'spo' ? keysOfOperator : keysOfDocker),
    ]);
    const { defaultAction, listenerPath, listenerMetadata, baseProfileName } = json;
    const listed = this.#architectures(json);
    const path = this.#text(listenerPath, ['listenerPath']);
    const metadata = this.#text(listenerMetadata, ['listenerMetadata']);
    const baseName = this.#text(baseProfileName, ['baseProfileName']);
    return {
      format,
      defaultAction: this.#word(defaultAction, ['defaultAction'], actions),
      hasArchitectureMap: json['architectures'] === undefined && json['archMap'] !== undefined,
      flags: this.#words(json['flags'], ['flags'], flags),
      rules: this.#list(json['syscalls'], ['syscalls']).map((rule, index) =>
        this.#rule(rule, ['syscalls', index]),
      ),
      ...(listed === undefined ? {} : { architectures: listed }),
      ...(path === undefined || path === '' ? {} : { listenerPath: path }),
      ...(metadata === undefined ? {} : { listenerMetadata: metadata }),
      ...(baseName === undefined || baseName === '' ? {} : { baseName }),
    };
  }

  #architectures(json: Json): readonly string[] | undefined {
    if (json['architectures'] !== undefined) {
      return this.#words(json['architectures'], ['architectures'], architectures);
    }
    if (json['archMap'] === undefined) return undefined;
    return this.#list(json['archMap'], ['archMap']).flatMap((entry, index) => {
      if (!isJson(entry)) return [];
      const keys = ['archMap', index];
      const own = this.#word(entry['architecture'], [...keys, 'architecture'], architectures);
      const others = this.#words(
        entry['subArchitectures'],
        [...keys, 'subArchitectures'],
        architectures,
      );
      return [own, ...others];
    });
  }

  #rule(json: unknown, keys: Keys): Rule {
    if (!isJson(json)) {
      this.#wrong(keys, show(json), ['an object with names and action']);
      return { names: [], action: '', conditions: [], isOfSomeHosts: false };
    }
    this.#unknown(keys, json, [...keysOfRule, ...keysOfDockerRule]);
    // docker's form before version 1.13
    const names = json['names'] ?? (typeof json['name'] === 'string' ? [json['name']] : undefined);
    const listed = this.#list(names, [...keys, 'names']);
    if (listed.length === 0) this.#wrong([...keys, 'names'], 'it names no call', ['a list']);
    return {
      names: listed.flatMap((name, index) => this.#name(name, [...keys, 'names', index])),
      action: this.#word(json['action'], [...keys, 'action'], actions),
      conditions: this.#list(json['args'], [...keys, 'args']).flatMap((condition, index) =>
        this.#condition(condition, [...keys, 'args', index]),
      ),
      isOfSomeHosts: this.#hasHostCondition(json, keys),
    };
  }

  #hasHostCondition(json: Json, keys: Keys): boolean {
    const own = hostConditions.filter(
      (key) => isJson(json[key]) && Object.keys(json[key]).length > 0,
    );
    for (const key of own) {
      this.#findings.tell('host-condition', 'note', [...keys, key], {
        message: `docker, podman and CRI-O look at "${key}"; containerd, runc and crun use the rule in any case`,
        advice: 'for the others write a profile for each case',
      });
    }
    return own.length > 0;
  }

  #name(json: unknown, keys: Keys): readonly string[] {
    if (typeof json === 'string') return [json];
    this.#wrong(keys, show(json), ['a name']);
    return [];
  }

  #condition(json: unknown, keys: Keys): readonly Condition[] {
    if (!isJson(json)) {
      this.#wrong(keys, show(json), ['an object with index, value and op']);
      return [];
    }
    this.#unknown(keys, json, keysOfCondition);
    const { index, value = 0, valueTwo = 0 } = json;
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index > 5) {
      this.#wrong([...keys, 'index'], show(index), ['0', '1', '2', '3', '4', '5']);
      return [];
    }
    return [
      {
        index,
        value: this.#number(value, [...keys, 'value']),
        valueTwo: this.#number(valueTwo, [...keys, 'valueTwo']),
        op: this.#word(json['op'], [...keys, 'op'], operators),
      },
    ];
  }

  #number(json: unknown, keys: Keys): number {
    if (typeof json === 'number' && Number.isInteger(json) && json >= 0) return json;
    this.#wrong(keys, show(json), ['a whole number from 0']);
    return 0;
  }

  #unknown(keys: Keys, json: Json, known: readonly string[]): void {
    for (const key of Object.keys(json)) {
      if (known.includes(key)) continue;
      const shown = shownKey(key);
      this.#findings.tell('unknown-key', 'warning', [...keys, shown], {
        message: `unknown key "${shown}": runtimes ignore it`,
        advice: `correct or remove it${guessAt(key, known)}`,
      });
    }
  }

  #word(json: unknown, keys: Keys, choices: readonly string[]): string {
    if (typeof json === 'string' && choices.includes(json)) return json;
    this.#wrong(keys, json === undefined ? 'it is missing' : show(json), choices);
    return typeof json === 'string' ? json : '';
  }

  #words(json: unknown, keys: Keys, choices: readonly string[]): readonly string[] {
    return this.#list(json, keys).map((word, index) => this.#word(word, [...keys, index], choices));
  }

  #text(json: unknown, keys: Keys): string | undefined {
    if (json === undefined || json === null || typeof json === 'string') return json ?? undefined;
    this.#wrong(keys, show(json), ['a text']);
    return undefined;
  }

  /** Absent, or null, as Go writes it: empty. */
  #list(json: unknown, keys: Keys): readonly unknown[] {
    if (json === undefined || json === null) return [];
    if (Array.isArray(json)) return json;
    this.#wrong(keys, show(json), ['a list']);
    return [];
  }
}

const maxShown = 60;

function show(json: unknown): string {
  return (JSON.stringify(json) ?? 'nothing').slice(0, maxShown);
}
