// SPDX-License-Identifier: Apache-2.0
// The imported functions of the interface `caller`, as the canonical ABI flattens them.

// @ts-ignore: decorator
@external("seccompagent:handler/caller@0.1.0", "get-process")
export declare function getProcess(result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/caller@0.1.0", "get-credentials")
export declare function getCredentials(result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/caller@0.1.0", "comm")
export declare function comm(result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/caller@0.1.0", "has-capability")
export declare function hasCapability(capability: u32, where: i32, result: usize): void;
