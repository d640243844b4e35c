// SPDX-License-Identifier: Apache-2.0
// References of bundles in OCI registries: `oci://host[:port]/repository[:tag][@sha256:…]`.
import { AgentError } from '../../errors.ts';
import { isDigest } from './digest.ts';
import type { Digest } from './digest.ts';
import { printable } from './json.ts';

export interface Reference {
  /** With the port, if there is one. */
  readonly host: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

export interface DigestReference extends Reference {
  readonly digest: Digest;
}

const scheme = 'oci://';
const hostPattern = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?$/iu;
const repositoryPattern =
  /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/u;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/u;
/** Limits of the distribution specification. */
const longestName = 255;

export function isReference(text: string): boolean {
  return text.startsWith(scheme);
}

/**
 * The scheme may be left out. There is no default host: what is not named is not contacted.
 * @throws AgentError AGENT_REFERENCE
 */
export function parseReference(text: string): Reference {
  const refuse = (what: string): never => {
    throw new AgentError(
      'AGENT_REFERENCE',
      `"${printable(text)}" ${what}; a reference is oci://host[:port]/repository[:tag][@sha256:…]`,
    );
  };
  const bare = isReference(text) ? text.slice(scheme.length) : text;
  const [name = '', digest, ...more] = bare.split('@');
  if (more.length > 0) refuse('has more than one "@"');
  if (digest !== undefined && !isDigest(digest)) refuse('has a digest other than sha256');
  const slash = name.indexOf('/');
  if (slash < 0) refuse('has no repository');
  const host = name.slice(0, slash);
  const [repository = '', tag, ...rest] = name.slice(slash + 1).split(':');
  if (!hostPattern.test(host)) refuse('has no valid host');
  if (!repositoryPattern.test(repository)) refuse('has no valid repository');
  if (name.length > longestName) refuse('is too long');
  if (rest.length > 0 || (tag !== undefined && !tagPattern.test(tag))) refuse('has no valid tag');
  return {
    host,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(isDigest(digest) ? { digest } : {}),
  };
}

/**
 * A reference that means the same bytes for ever.
 * @throws AgentError AGENT_REFERENCE
 */
export function parseDigestReference(text: string): DigestReference {
  const reference = parseReference(text);
  const { digest } = reference;
  if (digest !== undefined) return { ...reference, digest };
  throw new AgentError(
    'AGENT_REFERENCE',
    `"${printable(text)}" has no digest: a tag may move; add @sha256:…`,
  );
}

export function formatReference({ host, repository, tag, digest }: Reference): string {
  const tagPart = tag === undefined ? '' : `:${tag}`;
  return `${host}/${repository}${tagPart}${digest === undefined ? '' : `@${digest}`}`;
}
