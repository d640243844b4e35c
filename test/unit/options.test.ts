// SPDX-License-Identifier: Apache-2.0
// Tests the command line.
import { isatty } from 'node:tty';

import { expect, test } from 'vitest';

import { parseCommand } from '../../host/commands/options.ts';
import { defaultFalcoSocket } from '../../host/commands/watch-options.ts';
import { failureOf } from '../support/agent-failure.ts';
import { naming } from '../support/failures.ts';

const stderrFd = 2;

function usageFault(nouns: readonly string[]): object {
  return { code: 'AGENT_USAGE', message: naming(...nouns) };
}

test('options: without words the agent runs without handlers', () => {
  expect(parseCommand([])).toMatchObject({
    kind: 'agent',
    resolver: 'none',
    selection: [],
    socketFile: '/run/seccomp-agent.socket',
    takesOver: false,
    allowedUids: [],
    kubernetes: {},
    log: { level: 'info', format: 'text' },
  });
});

test.for([
  [['-resolver=demo-basic']],
  [['--resolver=demo-basic']],
  [['-resolver', 'demo-basic']],
  [['--resolver', 'demo-basic']],
  [['-resolver=none', '-resolver=demo-basic']],
] as const)('options: %j chooses demo-basic', ([words]) => {
  expect(parseCommand(words)).toMatchObject({ kind: 'agent', resolver: 'demo-basic' });
});

test.for([
  [['-bundle=errno']],
  [['-bundle', 'errno', '-resolver=none']],
  [['run', '-bundle=errno', '--', 'true']],
] as const)('options: %j selects a bundle', ([words]) => {
  expect(parseCommand(words)).toMatchObject({ resolver: 'none', selection: ['errno'] });
});

test.for([
  ['-bundle=', ['-bundle']],
  ['-bundle=a,b,a', ['-bundle', '"a"']],
] as const)('options: %s is refused', ([word, nouns]) => {
  expect(failureOf(() => parseCommand([word]))).toMatchObject(usageFault(nouns));
});

test('options: a resolver with a bundle of its own and -bundle are refused together', () => {
  expect(failureOf(() => parseCommand(['-resolver=demo-basic', '-bundle=errno']))).toMatchObject(
    usageFault(['-bundle', '-resolver=demo-basic']),
  );
});

test('options: an empty resolver is none, as the Go agent had it', () => {
  expect(parseCommand(['-resolver='])).toMatchObject({ resolver: 'none' });
});

test('options: every option of the agent is taken', () => {
  const own = ['-socketfile', '/tmp/a.socket', '-allow-uids= 0, 1000,', '-log', 'debug,json'];
  const words = [...own, '-take-over', '-metrics-bind-address', ':8080', '-bundle=errno, ./mine,'];
  expect(parseCommand(words)).toEqual({
    kind: 'agent',
    resolver: 'none',
    selection: ['errno', './mine'],
    socketFile: '/tmp/a.socket',
    takesOver: true,
    allowedUids: [0, 1000],
    watch: { falco: { socket: defaultFalcoSocket } },
    metricsAddress: { host: '', port: 8080 },
    control: { path: '/run/seccompagent/control.sock', isDefault: true },
    kubernetes: {},
    log: { level: 'debug', format: 'json', isColored: isatty(stderrFd) },
  });
});

test('options: where pods are asked for is told to the resolver kubernetes, and to no other', () => {
  const words = ['-kubeconfig=/etc/kube', '-node-name=node-1'];
  expect(parseCommand(['-resolver=kubernetes', ...words])).toMatchObject({
    resolver: 'kubernetes',
    kubernetes: { kubeconfig: '/etc/kube', nodeName: 'node-1' },
  });
  for (const [word, option] of [
    [words[0], '-kubeconfig'],
    [words[1], '-node-name'],
  ]) {
    expect(failureOf(() => parseCommand([word ?? '']))).toMatchObject(
      usageFault([option ?? '', '-resolver=kubernetes']),
    );
  }
});

test('options: the configuration applies where the command line says nothing', () => {
  const files: (string | undefined)[] = [];
  const configured = (file: string | undefined): ReadonlyMap<string, string | true> => {
    files.push(file);
    return new Map<string, string | true>([
      ['resolver', 'kubernetes'],
      ['node-name', 'node-1'],
      ['audit-log', '/a'],
      ['audit-arguments', true],
    ]);
  };
  const words = ['-config=/c', '-audit-log=/b'];
  expect(parseCommand(words, configured)).toMatchObject({
    configFile: '/c',
    resolver: 'kubernetes',
    kubernetes: { nodeName: 'node-1' },
    watch: { audit: { path: '/b', withArguments: true } },
  });
  // the node is that of a resolver that is not wanted
  expect(parseCommand(['-resolver=none'], configured)).toMatchObject({
    resolver: 'none',
    kubernetes: {},
  });
  expect(files).toEqual(['/c', undefined]);
  parseCommand(['run', '--', 'true'], configured);
  parseCommand(['-help'], configured);
  expect(files).toHaveLength(2);
});

test('options: bundles of the configuration give way to a resolver that has its own', () => {
  for (const [word, selection] of [
    ['-resolver=demo-basic', []],
    ['-resolver=falco', ['errno']],
    ['-bundle=a', ['a']],
  ] as const) {
    const command = parseCommand([word], () => new Map([['bundle', 'errno']]));
    expect(command).toMatchObject({ selection });
  }
});

test.for([
  [':8080', { host: '', port: 8080 }],
  [':0', { host: '', port: 0 }],
  [':65535', { host: '', port: 65_535 }],
  ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
  ['0.0.0.0:9090', { host: '0.0.0.0', port: 9090 }],
  ['[::1]:8080', { host: '::1', port: 8080 }],
  ['[::]:8080', { host: '::', port: 8080 }],
  ['[fe80::1%eth0]:8080', { host: 'fe80::1%eth0', port: 8080 }],
  ['localhost:8080', { host: 'localhost', port: 8080 }],
  ['Node-1.example.org:1', { host: 'Node-1.example.org', port: 1 }],
] as const)('options: -metrics-bind-address takes %s', ([text, metricsAddress]) => {
  expect(parseCommand([`-metrics-bind-address=${text}`])).toMatchObject({ metricsAddress });
});

test.for([[[]], [['-metrics-bind-address=']]] as const)(
  'options: with %j metrics are off',
  ([words]) => {
    expect(parseCommand(words)).not.toHaveProperty('metricsAddress');
  },
);

test.for([
  '8080',
  ':',
  'localhost',
  'localhost:',
  ':65536',
  ':123456',
  ':-1',
  ':+1',
  ':8080x',
  ':0x50',
  ' :8080',
  ':8080 ',
  ':http',
  '::1:8080',
  '[::1]',
  '[::1]8080',
  '[]:8080',
  '[localhost]:8080',
  '[127.0.0.1]:8080',
  '[::g]:8080',
  '300.1.1.1:80',
  '1.2.3:80',
  '-a:80',
  'a-:80',
  'a b:80',
  'a/b:80',
  'http://localhost:80',
  'user@host:80',
  '127.0.0.1:80:80',
])('options: -metrics-bind-address refuses "%s"', (text) => {
  const failure = failureOf(() => parseCommand([`-metrics-bind-address=${text}`]));
  expect(failure.code).toBe('AGENT_USAGE');
  expect(failure.message).toEqual(naming(`"${text}"`, '-metrics-bind-address', 'HOST:PORT'));
});

test('options: -control-socket is a path, or none', () => {
  expect(parseCommand(['-control-socket=/tmp/c'])).toMatchObject({
    control: { path: '/tmp/c', isDefault: false },
  });
  expect(parseCommand(['-control-socket=none'])).not.toHaveProperty('control');
  expect(failureOf(() => parseCommand(['-control-socket='])).code).toBe('AGENT_USAGE');
});

test('options: a value may start with a dash behind =', () => {
  expect(parseCommand(['-socketfile=-x'])).toMatchObject({ socketFile: '-x' });
});

test.for([
  [['-help'], { kind: 'help', of: 'agent' }],
  [['--help'], { kind: 'help', of: 'agent' }],
  [['run', '-help'], { kind: 'help', of: 'run' }],
  [['-version'], { kind: 'version' }],
  [['-help', '-version'], { kind: 'help', of: 'agent' }],
] as const)('options: %j asks for it', ([words, command]) => {
  expect(parseCommand(words)).toEqual(command);
});

test.for([
  [['-resolver=other'], ['"other"', 'none, demo-basic, unprivileged-build, kubernetes']],
  [['-no-such'], ['-no-such']],
  [['-resolvr=none'], ['-resolvr', '-resolver?']],
  [['-resolver=demo-basc'], ['"demo-basic"?', 'falco']],
  [['-socketfile='], ['-socketfile']],
  [['-log=warm'], ['"warn"?', 'color, nocolor, json']],
  [['-log=loud'], ['"loud"', '-log', 'trace, debug, info']],
  [['-allow-uids=root'], ['"root"', '-allow-uids']],
  [['-allow-uids=-1'], ['"-1"', '-allow-uids']],
  [['-allow-uids=1.5'], ['"1.5"', '-allow-uids']],
  [['-allow-uids=99999999999'], ['"99999999999"', '-allow-uids']],
  [['extra'], ['"extra"']],
  [['-syscalls=mkdir'], ['-syscalls']],
  [['-version=1'], ['-version']],
  [['-constructor'], ['-constructor']],
  [['-resolver'], ['-resolver']],
  [['-metrics-bind-address'], ['-metrics-bind-address']],
  [['run', '-metrics-bind-address=:80', '--', 'ls'], ['-metrics-bind-address']],
  [['run'], ['run', '--']],
  [
    ['run', '--'],
    ['run', '--'],
  ],
  [
    ['run', 'ls'],
    ['"ls"', '--'],
  ],
  [['run', '-socketfile=/x', '--', 'ls'], ['-socketfile']],
  [['run', '-version', '--', 'ls'], ['-version']],
  [['-bundle=a', '-bundle=b'], ['-bundle']],
  [['nothing'], ['"nothing"', 'run, ']],
  [['statuss'], ['"status"?', 'status, top']],
  [
    ['run', 'mkdir', '-p', '/x'],
    ['-p', '--'],
  ],
] as const)('options: %j is refused, with %j named', ([words, nouns]) => {
  expect(failureOf(() => parseCommand(words))).toMatchObject(usageFault(nouns));
});

test('options: run takes all behind -- as the command', () => {
  const words = ['run', '-resolver', 'demo-basic', '--', 'ls', '-l', '--', '-resolver=x'];
  expect(parseCommand(words)).toMatchObject({
    kind: 'run',
    resolver: 'demo-basic',
    command: ['ls', '-l', '--', '-resolver=x'],
    allowsStale: false,
    log: { level: 'warn' },
  });
});

test('options: run takes metadata as it is', () => {
  const words = ['run', '-bundle=errno', '-metadata=A=1\nB=x, y', '--', 'ls'];
  expect(parseCommand(words)).toMatchObject({ kind: 'run', metadata: 'A=1\nB=x, y' });
  expect(parseCommand(['run', '--', 'ls'])).toMatchObject({ metadata: '' });
});

test('options: run without -syscalls leaves them to the resolver', () => {
  expect(parseCommand(['run', '--', 'ls'])).not.toHaveProperty('syscalls');
});

test('options: run takes a list of system calls', () => {
  const words = ['run', '-syscalls=mkdir, mkdirat,', '-log=json', '--', 'ls'];
  expect(parseCommand(words)).toMatchObject({
    syscalls: ['mkdir', 'mkdirat'],
    log: { level: 'info', format: 'json' },
  });
});

test('parseCommand: -h is -help', () => {
  expect(parseCommand(['-h'])).toEqual({ kind: 'help', of: 'agent' });
  expect(parseCommand(['run', '-h'])).toEqual({ kind: 'help', of: 'run' });
});

test('options: settings of run may be given one by one', () => {
  const command = parseCommand(['run', '-metadata', 'A=1', '-metadata=B=2', '--', 'true']);
  expect(command).toMatchObject({ metadata: 'A=1\nB=2' });
});

test('options: who watches is said by a file, a socket and where alerts go', () => {
  const words = ['-audit-log=/a', '-audit-arguments', '-falco-output=file:/b'];
  expect(parseCommand(words)).toMatchObject({
    watch: {
      audit: { path: '/a', withArguments: true },
      falco: { output: { kind: 'file', path: '/b' } },
    },
  });
  expect(parseCommand(['-falco-socket=none'])).toMatchObject({ watch: { falco: {} } });
  for (const toStdout of [['-audit-log=-'], ['-audit-log', '-']]) {
    expect(parseCommand(toStdout)).toMatchObject({ watch: { audit: { path: '-' } } });
  }
  const bounds = { rotateBytes: 2 ** 20, rotateFiles: 3, bytesPerSecond: undefined };
  const bounded = ['-rotate-size=1MiB', '-rotate-files=3', '-container-rate=none'];
  expect(parseCommand([...words, ...bounded])).toMatchObject({
    watch: { audit: { bounds }, falco: { output: { bounds } } },
  });
  const both = ['-falco-socket=/s', '-falco-output=http://127.0.0.1:2801/x?y=1'];
  expect(parseCommand(both)).toMatchObject({
    watch: {
      falco: {
        socket: '/s',
        output: { kind: 'http', url: new URL('http://127.0.0.1:2801/x?y=1') },
      },
    },
  });
});

test.for([
  ['-audit-arguments', ['-audit-log']],
  ['-audit-log=audit.jsonl', ['"audit.jsonl"', '-audit-log']],
  ['-rotate-size=1MiB', ['-rotate-size', '-audit-log', '-falco-output']],
  ['-rotate-size=much', ['-rotate-size', '16MiB', 'none']],
  ['-rotate-files=0', ['-rotate-files']],
  ['-rotate-files=1001', ['-rotate-files', '1000']],
  ['-container-rate=0', ['-container-rate', '16MiB', 'none']],
  ['-falco-socket=plugin.sock', ['"plugin.sock"', '-falco-socket']],
  ['-falco-output=file:alerts', ['"alerts"', '-falco-output']],
  ['-falco-output=/alerts', ['-falco-output', 'file:PATH', 'http://']],
  ['-falco-output=http://', ['-falco-output']],
  ['-falco-output=http://me:geheim@host/', ['-falco-output']],
] as const)('options: %s is refused, with %j named', ([word, nouns]) => {
  const failure = failureOf(() => parseCommand([word]));
  expect(failure).toMatchObject(usageFault(nouns));
  expect(failure.message).not.toContain('geheim');
});
