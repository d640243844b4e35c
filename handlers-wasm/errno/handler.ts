// SPDX-License-Identifier: Apache-2.0
// Answers every call that it is asked about with one errno.

import { Action, Call, errnoByName, requireSettings, setting } from '@seccompagent/guest-sdk';

let answer: Action = Action.next();

export function configure(): string | null {
  const missing = requireSettings(['errno']);
  if (missing !== null) return missing;
  const name = setting('errno');
  const errno = errnoByName(name);
  if (errno < 0) return 'the setting "errno" is "' + name + '", which is no errno of Linux';
  answer = Action.fail(errno);
  return null;
}

export function any(_call: Call): Action {
  return answer;
}
