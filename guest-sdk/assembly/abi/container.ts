// SPDX-License-Identifier: Apache-2.0
// The imported functions of the interface `container`, as the canonical ABI flattens them.

// @ts-ignore: decorator
@external("seccompagent:handler/container@0.1.0", "id")
export declare function id(result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/container@0.1.0", "annotations")
export declare function annotations(result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/container@0.1.0", "get-resources")
export declare function getResources(result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/container@0.1.0", "kill")
export declare function kill(result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/container@0.1.0", "freeze")
export declare function freeze(result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/container@0.1.0", "thaw")
export declare function thaw(result: usize): void;
