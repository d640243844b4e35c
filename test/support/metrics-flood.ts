// SPDX-License-Identifier: Apache-2.0
// A process that keeps connections to a port of the machine, and makes another one for each that ends.
// Usage: metrics-flood.ts PORT PATH; without a path they say nothing.
import { connect } from 'node:net';

const [port, path = ''] = process.argv.slice(2);
const connections = 200;

function connectAgain(): void {
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => {});
  socket.on('connect', () => {
    if (path !== '') socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
  });
  socket.on('close', () => setImmediate(connectAgain));
  socket.resume();
}

for (let index = 0; index < connections; index += 1) connectAgain();
process.send?.('begun');
