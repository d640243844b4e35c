// SPDX-License-Identifier: Apache-2.0
// `npm run soak:attacks`: what the tests do some thousand times, as often as races need to show: a
// million tries to have something made outside of a caller's root.
import { parseArgs } from 'node:util';

import { flipLinks } from '../support/link-flipper.ts';
import { buildTestBundles, testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const usage = `usage: attacks.ts [options]
  --tries N    at least so many (1000000)
  --help`;

/** So many for each container: it, and its agent, live for two minutes at most. */
const triesOfRound = 100_000;
const deadlineMs = 110_000;

function wantedTries(): number | undefined {
  const { values } = parseArgs({
    options: {
      tries: { type: 'string', default: '1000000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const tries = Number(values.tries);
  if (Number.isSafeInteger(tries) && tries > 0) return tries;
  throw new Error(`--tries wants a positive whole number, not ${values.tries}`);
}

/** @returns whether all stayed inside */
async function attack(wanted: number): Promise<boolean> {
  await buildTestBundles();
  console.log('tries, answers, inside');
  // most of the time links, sometimes moves
  for (let made = 0, round = 0; made < wanted; made += triesOfRound, round += 1) {
    await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
    const { answers, inside, outside } = await flipLinks({
      socket: agent.socket,
      tries: triesOfRound,
      isMoved: round % 3 === 2,
      deadlineMs,
    });
    const shown = [...answers].map(([answer, count]) => `${answer} ${count}`).join(' ');
    console.log(`${made + triesOfRound}, ${shown}, ${inside}`);
    for (const where of outside) console.log(`made outside: ${where}`);
    for (const line of agent.log()) console.log(line);
    if (outside.length > 0 || inside !== answers.get('OK')) return false;
  }
  return true;
}

const tries = wantedTries();
if (tries === undefined) console.log(usage);
else process.exitCode = (await attack(tries)) ? 0 : 1;
