// SPDX-License-Identifier: Apache-2.0
// Tests answers to scrapers and probes over HTTP, and the cost of slow and many ones.
import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { text as textOf } from 'node:stream/consumers';

import { describe, expect, test } from 'vitest';

import { AgentError } from '../../host/errors.ts';
import { createLog } from '../../host/log/log.ts';
import { Metrics } from '../../host/metrics/metrics.ts';
import type { MetricsParts } from '../../host/metrics/metrics.ts';
import { MetricsServer } from '../../host/metrics/server.ts';
import type { MetricsServerParts } from '../../host/metrics/server.ts';
import { CounterSum } from '../../host/counting/counter-sum.ts';
import { figure } from '../../host/counting/counters.ts';
import { readExposition } from '../support/exposition.ts';
import { failure, naming } from '../support/failures.ts';
import { until } from '../support/polling.ts';
import { openFdCount } from '../support/process-resources.ts';

interface Given extends Partial<MetricsParts> {
  readonly host?: string;
  readonly port?: number;
  readonly downReason?: () => string | undefined;
  readonly readiness?: MetricsServerParts['readiness'];
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

const loopback = '127.0.0.1';
/** Far below the limit of a connection, far above what a noisy machine takes. */
const promptMs = 2000;
/** The limit of a connection is 5 s. */
const limitMs = 8000;
const manyConnections = 200;

async function startServer(given: Given = {}): Promise<MetricsServer> {
  const { host = loopback, port = 0, ...rest } = given;
  const { downReason = () => undefined, readiness = [], ...parts } = rest;
  return MetricsServer.start({
    address: { host, port },
    metrics: new Metrics({
      version: '1.2.3',
      figures: () => new BigUint64Array(figure.count),
      counters: new CounterSum(),
      quarantined: () => 0,
      ...parts,
    }),
    downReason,
    readiness,
    log: createLog({ level: 'fatal', format: 'text', isColored: false }),
  });
}

async function ask(
  server: MetricsServer,
  path: string,
  { method = 'GET', host = loopback }: { readonly method?: string; readonly host?: string } = {},
): Promise<Answer> {
  const asked = request({ host, port: server.port, path, method, agent: false });
  asked.end();
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    asked.once('error', reject);
    asked.once('response', resolve);
  });
  const { statusCode: status, headers } = response;
  return { status, headers, text: await textOf(response) };
}

/** A connection that ends without an error, however it is ended. */
async function connected(server: MetricsServer): Promise<Socket> {
  const socket = connect(server.port, loopback);
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.resume();
  return socket;
}

async function startFailure(given: Given): Promise<AgentError> {
  try {
    await using _server = await startServer(given);
  } catch (thrown) {
    if (thrown instanceof AgentError) return thrown;
    throw thrown;
  }
  throw new Error('it started');
}

describe('/metrics', () => {
  test('gives what Prometheus reads', async () => {
    const figures = new BigUint64Array(figure.count);
    figures[figure.received] = 5n;
    await using server = await startServer({ figures: () => figures });
    const { status, headers, text } = await ask(server, '/metrics');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(Number(headers['content-length'])).toBe(Buffer.byteLength(text));
    const received = readExposition(text).get('seccompagent_received_total');
    expect(received?.samples[0]?.value).toBe(5);
  });

  test('is read anew by each scrape', async () => {
    const figures = new BigUint64Array(figure.count);
    await using server = await startServer({ figures: () => figures });
    await ask(server, '/metrics');
    figures[figure.listeners] = 3n;
    const line = await until('a text that is made anew', async () =>
      /^seccompagent_listeners [^0]$/mu.exec((await ask(server, '/metrics')).text)?.at(0),
    );
    expect(line).toBe('seccompagent_listeners 3');
  });

  test('may be asked for with a query', async () => {
    await using server = await startServer();
    expect((await ask(server, '/metrics?name=x')).status).toBe(200);
  });

  test('a failure to read is the answer of one scrape', async () => {
    let isBroken = true;
    const figures = (): BigUint64Array => {
      if (isBroken) throw new Error('no receiver');
      return new BigUint64Array(figure.count);
    };
    await using server = await startServer({ figures });
    expect(await ask(server, '/metrics')).toMatchObject({
      status: 500,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      // that is for the log
      text: expect.not.stringContaining('no receiver'),
    });
    isBroken = false;
    expect((await ask(server, '/metrics')).status).toBe(200);
  });

  test('many scrapes at a time are each whole', async () => {
    await using server = await startServer();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(server, '/metrics')));
    for (const { text } of answers) expect(readExposition(text).size).toBeGreaterThan(10);
  });
});

describe('/healthz', () => {
  test('is ok while the agent serves', async () => {
    await using server = await startServer();
    expect(await ask(server, '/healthz')).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      text: 'ok\n',
    });
  });

  test('is 503 with the reason while it does not', async () => {
    let reason: string | undefined = 'worn out';
    await using server = await startServer({ downReason: () => reason });
    expect(await ask(server, '/healthz')).toMatchObject({ status: 503, text: 'worn out\n' });
    reason = undefined;
    expect(await ask(server, '/healthz')).toMatchObject({ status: 200, text: 'ok\n' });
  });
});

describe('/readyz', () => {
  test('is ok while containers that come are served', async () => {
    await using server = await startServer({ readiness: [() => undefined, () => undefined] });
    expect(await ask(server, '/readyz')).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      text: 'ok\n',
    });
  });

  test('is 503 with all reasons while they are not, which is no matter of life', async () => {
    let listening: string | undefined = 'deaf';
    const readiness = [() => listening, () => undefined, () => 'lonely'];
    await using server = await startServer({ readiness });
    expect(await ask(server, '/readyz')).toMatchObject({
      status: 503,
      text: 'deaf\nlonely\n',
    });
    expect((await ask(server, '/healthz')).status).toBe(200);
    listening = undefined;
    expect((await ask(server, '/readyz')).text).toBe('lonely\n');
  });

  test('whoever does not serve is not ready', async () => {
    await using server = await startServer({ downReason: () => 'worn out' });
    expect(await ask(server, '/readyz')).toMatchObject({ status: 503, text: 'worn out\n' });
  });
});

test.for(['/metrics', '/healthz', '/readyz'])(
  'HEAD: %s has the headers and no body',
  async (path) => {
    await using server = await startServer();
    const { status, headers, text } = await ask(server, path, { method: 'HEAD' });
    expect({ status, text }).toEqual({ status: 200, text: '' });
    expect(Number(headers['content-length'])).toBeGreaterThan(0);
  },
);

test.for(['/', '/metrics/', '/Metrics', '//metrics', '/../metrics', '/debug/pprof', '*'])(
  'path: %s is not there',
  async (path) => {
    await using server = await startServer();
    expect(await ask(server, path)).toMatchObject({
      status: 404,
      text: naming('/metrics', '/healthz', '/readyz'),
    });
  },
);

test.for(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('method: %s is refused', async (method) => {
  await using server = await startServer();
  for (const path of ['/metrics', '/healthz', '/readyz']) {
    expect(await ask(server, path, { method })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
    });
  }
  expect((await ask(server, '/', { method })).status).toBe(404);
});

test('what is no HTTP is refused, and the next one is served', async () => {
  await using server = await startServer();
  const socket = await connected(server);
  const said = textOf(socket);
  socket.end('\u0016\u0003\u0001 hello\r\n\r\n');
  expect(await said).toMatch(/^HTTP\/1.1 400 /u);
  expect((await ask(server, '/metrics')).status).toBe(200);
});

describe('connections', () => {
  test('one that asks thousands of times at once has one text made, and one answer', async () => {
    let made = 0;
    const figures = (): BigUint64Array => {
      made += 1;
      return new BigUint64Array(figure.count);
    };
    await using server = await startServer({ figures });
    const socket = connect(server.port, loopback);
    socket.on('error', () => {});
    await once(socket, 'connect');
    let said = '';
    socket.on('data', (bytes) => {
      said += String(bytes);
    });
    socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(8000));
    await once(socket, 'close');
    expect(said.split('HTTP/1.1 200 OK').length - 1).toBe(1);
    expect(made).toBe(1);
  });

  test('scrapes at the same time share one text', async () => {
    let made = 0;
    const figures = (): BigUint64Array => {
      made += 1;
      return new BigUint64Array(figure.count);
    };
    await using server = await startServer({ figures });
    await Promise.all(Array.from({ length: 20 }, () => ask(server, '/metrics')));
    // fewer than were asked for, however slow the machine is
    expect(made).toBeLessThan(20);
  });

  test('one answer each, then they are closed', async () => {
    await using server = await startServer();
    const socket = await connected(server);
    const said = textOf(socket);
    const one = 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n';
    socket.write(one + one);
    const answers = (await said).split('HTTP/1.1 200 OK').length - 1;
    expect(answers).toBe(1);
  });

  test('many that say nothing keep nobody out', async () => {
    await using server = await startServer();
    const silent = await Promise.all(
      Array.from({ length: manyConnections }, () => connected(server)),
    );
    const start = performance.now();
    expect((await ask(server, '/metrics')).status).toBe(200);
    expect(performance.now() - start).toBeLessThan(promptMs);
    const left = await until('the oldest connections to be closed', () => {
      const open = silent.filter((socket) => !socket.closed);
      return open.length < 32 ? open.length : undefined;
    });
    expect(left).toBe(31);
    for (const socket of silent) socket.destroy();
  });

  test.for([
    ['is silent', [''], ''],
    ['sends half a request', ['GET /metrics HTTP/1.1\r\nhost: '], ''],
    ['sends a byte at a time', ['GET /metrics HTTP/1.1\r\nhost: '], 'x'],
    ['announces a body and keeps it', ['POST /metrics HTTP/1.1\r\ncontent-length: 9\r\n'], ''],
  ] as const)(
    'one that %s is closed in the end',
    { concurrent: true },
    async ([, [start], more]) => {
      await using server = await startServer();
      const socket = await connected(server);
      const startMs = performance.now();
      socket.write(start);
      const drip = setInterval(() => socket.write(more), 100);
      await once(socket, 'close');
      clearInterval(drip);
      const tookMs = performance.now() - startMs;
      expect(tookMs).toBeGreaterThan(promptMs);
      expect(tookMs).toBeLessThan(limitMs);
      expect((await ask(server, '/healthz')).status).toBe(200);
    },
  );

  test('one that does not read its answer is closed in the end', async () => {
    const counters = new CounterSum();
    const block = counters.take();
    for (let slot = 1; slot < 255; slot += 1) {
      const handler = `${'h'.repeat(2000)}${slot}`;
      const labels = { handler, bundle: '', status: '0' };
      block.name({ slot, token: 1, syscall: `syscall-${slot}`, ...labels });
    }
    await using server = await startServer({ counters });
    const before = openFdCount(process.pid);
    const socket = await connected(server);
    socket.pause();
    const openFds = before + 2;
    await until('its other end', () => openFdCount(process.pid) === openFds || undefined);
    socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n');
    const start = performance.now();
    const look = (): true | undefined => openFdCount(process.pid) === openFds - 1 || undefined;
    await until('the server to give up', look, limitMs);
    expect(performance.now() - start).toBeGreaterThan(promptMs);
    socket.destroy();
  });
});

describe('address', () => {
  test('a port in use is an error that says so', async () => {
    await using server = await startServer();
    expect(await startFailure({ port: server.port })).toEqual(
      failure('AGENT_METRICS', `127.0.0.1:${server.port}`),
    );
    expect((await ask(server, '/healthz')).status).toBe(200);
  });

  test('an address that is not ours is an error that says so', async () => {
    const thrown = await startFailure({ host: '192.0.2.1', port: 8080 });
    expect(thrown).toEqual(failure('AGENT_METRICS', '192.0.2.1:8080'));
    expect(thrown.cause).toMatchObject({ code: 'EADDRNOTAVAIL' });
  });

  test('without a host all addresses are served', async () => {
    await using server = await startServer({ host: '' });
    for (const host of [loopback, '::1']) {
      expect((await ask(server, '/healthz', { host })).status).toBe(200);
    }
  });

  test('a name is taken', async () => {
    await using server = await startServer({ host: 'localhost' });
    expect((await ask(server, '/healthz', { host: 'localhost' })).status).toBe(200);
  });
});

describe('end', () => {
  test('all connections end and the port is free', async () => {
    const server = await startServer();
    const { port } = server;
    const socket = await connected(server);
    const start = performance.now();
    await server[Symbol.asyncDispose]();
    if (!socket.closed) await once(socket, 'close');
    expect(performance.now() - start).toBeLessThan(promptMs);
    await using next = await startServer({ port });
    expect(next.port).toBe(port);
  });

  test('a second end does nothing', async () => {
    const server = await startServer();
    await server[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    expect(server.port).toBe(0);
  });
});

test('a thread that has failed is started again, on the same port', async () => {
  let contentType = 'not\na header';
  await using server = await MetricsServer.start({
    address: { host: loopback, port: 0 },
    metrics: {
      text: async () => 'up 1\n',
      get contentType() {
        return contentType;
      },
    },
    downReason: () => undefined,
    readiness: [],
    log: createLog({ level: 'fatal', format: 'text', isColored: false }),
  });
  const { port } = server;
  expect(await ask(server, '/metrics').catch(() => 'no answer')).toBe('no answer');
  contentType = 'text/plain';
  const answer = await until('the next answer', async () =>
    ask(server, '/metrics').catch(() => undefined),
  );
  expect(answer).toMatchObject({ status: 200, text: 'up 1\n' });
  expect(server.port).toBe(port);
});
