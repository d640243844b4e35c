// SPDX-License-Identifier: Apache-2.0
// Calls that the filter itself can leave to the kernel: those that every handler that is asked about
// them has declared to pass on. Nothing is derived otherwise: a wrong one would open a hole.
import { syscallTable } from '../syscalls/syscall-table.ts';
import type { Bundle, BundleHandler } from '../bundles/bundle.ts';
import type { ArgumentTest } from '../bundles/only-calls.ts';

/** On one argument of a call; it goes to the agent where one of the values is there. */
export interface PreFilter {
  readonly index: number;
  readonly mask: number;
  readonly values: readonly number[];
}

function isAskedAbout({ component, syscalls }: BundleHandler, family: string): boolean {
  if (syscalls !== undefined && !syscalls.includes(family)) return false;
  return component.answers.includes(family) || component.answers.includes('any');
}

/** Bits that all tests let through; undefined: they test different bits. */
function joined(tests: readonly ArgumentTest[]): ArgumentTest | undefined {
  const [first] = tests;
  if (first === undefined) return undefined;
  const isSame = tests.every(
    ({ argument, mask }) => argument === first.argument && mask === first.mask,
  );
  if (!isSame) return undefined;
  const values = new Set(tests.flatMap((test) => test.values));
  return { ...first, values: [...values].toSorted((a, b) => a - b) };
}

/** Of a family; undefined: some handler may answer any of its calls. */
function testOf(bundles: readonly Bundle[], family: string): ArgumentTest | undefined {
  const asked = bundles
    .flatMap(({ handlers }) => handlers)
    .filter((handler) => isAskedAbout(handler, family));
  const tests = asked.flatMap(({ only }) => only?.get(family) ?? []);
  return tests.length < asked.length ? undefined : joined(tests);
}

/** Undefined: the call has no such argument, or not at one place on all architectures. */
function placeOf(name: string, argument: string): number | undefined {
  const rows = syscallTable.filter((row) => row.name === name);
  const places = new Set(
    rows.map((row) => row.arguments.findIndex((own) => own.name === argument)),
  );
  const [place = -1] = places;
  return places.size === 1 && place >= 0 ? place : undefined;
}

/** By the names of the calls; those of the others all go to the agent. */
export function preFilters(
  bundles: readonly Bundle[],
  names: readonly string[],
): ReadonlyMap<string, PreFilter> {
  const filters = new Map<string, PreFilter>();
  for (const name of names) {
    const family = syscallTable.find((row) => row.name === name)?.family ?? name;
    const test = testOf(bundles, family);
    const index = test === undefined ? undefined : placeOf(name, test.argument);
    if (test === undefined || index === undefined) continue;
    filters.set(name, { index, mask: test.mask, values: test.values });
  }
  return filters;
}
