// SPDX-License-Identifier: Apache-2.0
// The names of the interfaces that handlers import and export.

const interfacePrefix = 'seccompagent:handler/';

const interfaceVersion = '@0.1.0';

/** `log` → `seccompagent:handler/log@0.1.0`. */
export function interfaceName(name: string): string {
  return `${interfacePrefix}${name}${interfaceVersion}`;
}

/** The other way; undefined for names that are not ours. */
export function capabilityOf(fullName: string): string | undefined {
  if (!fullName.startsWith(interfacePrefix) || !fullName.endsWith(interfaceVersion))
    return undefined;
  return fullName.slice(interfacePrefix.length, -interfaceVersion.length);
}
