// SPDX-License-Identifier: Apache-2.0
// What handler authors import: answers, arguments, settings and one name for each capability.

import * as filesystem from './filesystem';
import * as log from './log';
import * as mounts from './mounts';

export { Action } from './action';
export { Argument, ArgumentKind, callArguments } from './arguments';
export { Call } from './call';
export { Errno, errnoByName } from './errno';
export { Path } from './path';
export { Result } from './result';
export { requireSettings, setting, settingList, settingOr } from './settings';
export { filesystem, log, mounts };
