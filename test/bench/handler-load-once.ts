// SPDX-License-Identifier: Apache-2.0
// Loads one handler in a fresh process, where V8 has nothing of it cached, and then makes a second
// instance: `node handler-load-once.js COMPONENT [KEY=VALUE…]`. It prints both times as JSON.
import { readFileSync } from 'node:fs';

import { loadComponent } from '../../host/handler/direct.ts';
import { HandlerInstance } from '../../host/handler/instance.ts';
import { RecordingHost } from '../support/handler-harness.ts';

const [file = '', ...texts] = process.argv.slice(2);
const settings = texts.map((text): readonly [string, string] => {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
});
const hosts = [new RecordingHost(), new RecordingHost()] as const;

const startMs = performance.now();
const component = loadComponent(readFileSync(file));
const first = new HandlerInstance(component, settings, hosts[0]);
const loadedMs = performance.now();
const second = new HandlerInstance(component, settings, hosts[1]);
const endMs = performance.now();

if (first.isBroken || second.isBroken) throw new Error('an instance broke');
console.log(JSON.stringify({ coldMs: loadedMs - startMs, instanceMs: endMs - loadedMs }));
