// SPDX-License-Identifier: Apache-2.0
// The challenge of a registry for clients without a login: the header WWW-Authenticate.

export type Challenge =
  | { readonly kind: 'basic' }
  | {
      readonly kind: 'bearer';
      readonly realm: string;
      readonly service?: string;
      readonly scope?: string;
    };

const maxLength = 8192;
/** Sticky, so that whatever is wrong is looked at once and not again from each of its letters. */
const parameterPattern =
  /[\s,]*(?<key>[^\s,="]+)\s*=\s*(?:"(?<quoted>(?:[^"\\]|\\.)*)"|(?<plain>[^\s,"]+))/gsuy;

/** Undefined: a kind that we do not know, or too long. */
export function parseChallenge(header: string): Challenge | undefined {
  if (header.length > maxLength) return undefined;
  if (/^\s*basic\b/iu.test(header)) return { kind: 'basic' };
  const words = /^\s*bearer\s+(?<parameters>.*)$/isu.exec(header)?.groups?.['parameters'];
  if (words === undefined) return undefined;
  const parameters = new Map(
    [...words.matchAll(parameterPattern)].map(({ groups }) => [
      (groups?.['key'] ?? '').toLowerCase(),
      groups?.['plain'] ?? (groups?.['quoted'] ?? '').replaceAll(/\\(.)/gu, '$1'),
    ]),
  );
  const realm = parameters.get('realm');
  const service = parameters.get('service');
  const scope = parameters.get('scope');
  if (realm === undefined) return undefined;
  return {
    kind: 'bearer',
    realm,
    ...(service === undefined ? {} : { service }),
    ...(scope === undefined ? {} : { scope }),
  };
}
