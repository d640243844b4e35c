// SPDX-License-Identifier: Apache-2.0
// The imported functions of the interface `clock`, as the canonical ABI flattens them.

// @ts-ignore: decorator
@external("seccompagent:handler/clock@0.1.0", "monotonic")
export declare function monotonic(): u64;

// @ts-ignore: decorator
@external("seccompagent:handler/clock@0.1.0", "wall")
export declare function wall(): i64;
