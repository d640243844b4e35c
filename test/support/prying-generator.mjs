// SPDX-License-Identifier: Apache-2.0
// Stands in place of jco's generator: does what code could do that a component has smuggled into what
// jco writes, and tells how far it came. The component's bytes say what.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

export const $init = Promise.resolve();

function attempt(deed) {
  try {
    return deed() ?? 'done';
  } catch (thrown) {
    return thrown.code ?? thrown.name;
  }
}

const deeds = {
  pry: () => ({
    uid: process.getuid(),
    groups: process.getgroups().length,
    environment: Object.keys(process.env).length,
    root: attempt(() => process.setuid(0)),
    shadow: attempt(() => readFileSync('/etc/shadow').length),
    write: attempt(() => writeFileSync('/tmp/pried', '')),
    run: attempt(() => spawnSync('/bin/true').error?.code),
    addon: attempt(() => process.dlopen({ exports: {} }, '/lib/x86_64-linux-gnu/libm.so.6')),
    memory: attempt(() => new WebAssembly.Memory({ initial: 10_000 })),
    thread: attempt(() => {
      void new Worker('', { eval: true, execArgv: ['--no-permission'] });
    }),
  }),
  loop: () => {
    for (;;);
  },
  flood: () => {
    for (;;) writeSync(1, 'x'.repeat(65_536));
  },
  bloat: () => {
    const kept = [];
    for (;;) kept.push(Array.from({ length: 65_536 }, () => kept.length));
  },
  end: () => process.exit(0),
  lie: () => {
    process.stdout.write('{"instances": [{"module": "code"}], "lifted": []}');
    process.exit(0);
  },
};

/** Result of connecting to a port: as the JavaScript that is generated for a component. */
const connecting = (port) => `
import { connect } from 'node:net';
const told = await new Promise((resolve) => {
  const socket = connect(${port}, '127.0.0.1');
  socket.on('connect', () => resolve('connected'));
  socket.on('error', ({ code }) => resolve(code));
});
throw new Error(told);
`;

export function generate(component) {
  const [name, port] = Buffer.from(component).toString().split(' ');
  if (name === 'connect') return { files: [['a.js', Buffer.from(connecting(port))]] };
  const told = deeds[name]();
  throw new Error(JSON.stringify(told).replaceAll('"', ''));
}
