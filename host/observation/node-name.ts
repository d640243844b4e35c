// SPDX-License-Identifier: Apache-2.0
// The name of this node.
import { hostname } from 'node:os';

/** As Kubernetes calls it, where a manifest says so; else the machine's own name. */
export function nodeName(): string {
  const given = process.env['NODE_NAME'];
  return given === undefined || given === '' ? hostname() : given;
}
