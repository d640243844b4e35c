// SPDX-License-Identifier: Apache-2.0
// The imported functions of the interface `log`, as the canonical ABI flattens them.

// @ts-ignore: decorator
@external("seccompagent:handler/log@0.1.0", "log")
export declare function log(level: i32, message: usize, messageLength: i32): void;
