// SPDX-License-Identifier: Apache-2.0
// Imports of handler authors: answers, arguments, settings and one name for each capability.

import * as caller from './caller';
import * as clock from './clock';
import * as container from './container';
import * as descriptors from './descriptors';
import * as devices from './devices';
import * as filesystem from './filesystem';
import * as log from './log';
import * as memory from './memory';
import * as mountFlag from './mount-flag';
import * as mounts from './mounts';
import * as overlay from './overlay';
import * as state from './state';

export { Action } from './action';
export { Argument, ArgumentKind, callArguments } from './arguments';
export { Call } from './call';
export { UserNamespace } from './caller';
export * from './constants';
export { CallingProcess } from './calling-process';
export { Credentials, Ids, LinuxCapabilities } from './credentials';
export { Device } from './device';
export { Errno, errnoByName } from './errno';
export { FileStatus } from './file-status';
export { Located } from './located';
export * from './parameters';
export { Path } from './path';
export { Resources } from './resources';
export { Result, ResultOf } from './result';
export {
  hasSetting,
  isSet,
  refuseDurations,
  refuseFlags,
  requireSettings,
  setting,
  settingList,
  settingMilliseconds,
  settingOr,
} from './settings';
export { StringList } from './string-list';
export {
  caller,
  clock,
  container,
  descriptors,
  devices,
  filesystem,
  log,
  memory,
  mountFlag,
  mounts,
  overlay,
  state,
};
