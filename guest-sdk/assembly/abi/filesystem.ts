// SPDX-License-Identifier: Apache-2.0
// The imported functions of the interface `filesystem`, as the canonical ABI flattens them.

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "mkdir")
export declare function mkdir(path: usize, pathLength: i32, mode: u32, result: usize): void;
