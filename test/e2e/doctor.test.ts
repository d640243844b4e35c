// SPDX-License-Identifier: Apache-2.0
// Tests `seccompagent doctor` where things are as they should be, and where they are not.
import { chmodSync, lchownSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';

import { describe, expect, test } from 'vitest';

import { neededCapabilities } from '../../host/doctor/surroundings.ts';
import { AgentProcess } from '../support/agent-process.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { ControlledAgent } from '../support/controlled-agent.ts';
import { doctorSees } from '../support/doctor.ts';
import { naming } from '../support/failures.ts';
import { warnedOf } from '../support/own-rights.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** Those that depend on the machine of the tests. */
const ofMachines: readonly string[] = [
  'pid-namespace',
  'user-namespace',
  'memory',
  'runc',
  'cgroups',
];

test('doctor: all that the tests of the agent need works here', async () => {
  const { code, checks } = await doctorSees();
  const others = checks
    .filter(({ name, status }) => status !== 'ok' && !ofMachines.includes(name))
    .map(({ name, status }) => `${status} ${name}`);
  const names = [...warnedOf, 'agent-socket', 'agent'];
  expect(others).toEqual(names.map((name) => `warn ${name}`));
  expect(checks.filter(({ status }) => status === 'fail')).toEqual([]);
  expect(code).toBe(0);
  // each has a name of its own
  expect(new Set(checks.map(({ name }) => name)).size).toBe(checks.length);
});

test('doctor: the Linux capabilities of the DaemonSet are enough', async () => {
  const names = neededCapabilities.map(({ name }) => name.replace('CAP_', '+').toLowerCase());
  const { code, checks, of } = await doctorSees([
    'setpriv',
    `--bounding-set=-all,${names.join(',')}`,
  ]);
  expect(code).toBe(0);
  expect(of('linux-capabilities')?.status).toBe(warnedOf.length === 0 ? 'ok' : 'warn');
  const missed = checks.filter(({ name, status }) => status !== 'ok' && !ofMachines.includes(name));
  expect(missed.map(({ name }) => name)).toEqual([...warnedOf, 'agent-socket', 'agent']);
});

test('K9: doctor: answers that come at once are tried, not read off a version', async () => {
  const { of } = await doctorSees();
  expect(of('fast-reply')).toMatchObject({ status: 'ok' });
});

test('K23: doctor: descriptors are given to a caller in both ways', async () => {
  const { of } = await doctorSees();
  expect(of('add-fd')).toMatchObject({ status: 'ok' });
  expect(of('add-fd-send')).toMatchObject({ status: 'ok' });
});

describe('what forbids', () => {
  test.for([
    ['errno', ['SECCOMP_IOCTL_NOTIF_RECV', 'EPERM']],
    ['kill', ['SIGSYS']],
  ] as const)(
    'G9: doctor: a profile of its own that forbids RECV by %s',
    async ([how, reasons]) => {
      const { code, of } = await doctorSees([compiled('forbid-receive'), how]);
      expect(code).toBe(1);
      expect(of('notify')).toMatchObject({
        status: 'fail',
        message: naming(...reasons),
        advice: naming('seccomp', 'AppArmor', 'SELinux'),
      });
      expect(of('own-seccomp')?.message).toMatch(/^[1-9]/u);
      // what would be tried with a listener is not
      expect(of('add-fd')).toBeUndefined();
    },
  );

  test('K20: doctor: under the listener of another agent', async () => {
    const outer = [seccompagent, 'run', '-syscalls=swapoff', '--'];
    const { code, of } = await doctorSees(outer);
    expect(code).toBe(1);
    expect(of('notify')).toMatchObject({
      status: 'fail',
      message: naming('EBUSY'),
      // neither the kernel nor a profile is to blame
      advice: expect.not.stringMatching(/Linux \d|AppArmor/u),
    });
  });

  test('doctor: without root, an agent that is there need not be started', async () => {
    await using agent = await ControlledAgent.start();
    const { of } = await doctorSees(
      ['setpriv', '--reuid=65534', '--clear-groups'],
      [`-socketfile=${agent.socket}`, `-control-socket=${agent.control}`],
    );
    const advice = naming('sudo');
    expect(of('agent-socket')).toMatchObject({ status: 'warn', advice });
    expect(of('agent')).toMatchObject({ status: 'warn', advice });
  });

  test('doctor: without root', async () => {
    const { code, of } = await doctorSees(['setpriv', '--reuid=65534', '--clear-groups']);
    expect(code).toBe(1);
    expect(of('root')).toMatchObject({ status: 'fail', message: naming('65534') });
    expect(of('linux-capabilities')).toMatchObject({ status: 'fail' });
    expect(of('namespaces')?.message).toEqual(naming('setns', 'EPERM'));
    // these take no rights
    expect(of('notify')).toMatchObject({ status: 'ok' });
  });

  test('M3: doctor: without CAP_SYS_PTRACE, callers that are not dumpable stay closed', async () => {
    const { code, of } = await doctorSees(['setpriv', '--bounding-set=-sys_ptrace']);
    expect(code).toBe(1);
    expect(of('linux-capabilities')?.message).toContain('CAP_SYS_PTRACE');
    expect(of('hidden-memory')).toMatchObject({ status: 'warn' });
    expect(of('caller-memory')).toMatchObject({ status: 'ok' });
  });

  test('doctor: a Linux capability that something needs', async () => {
    const { code, of } = await doctorSees(['setpriv', '--bounding-set=-mknod']);
    expect(code).toBe(0);
    expect(of('linux-capabilities')).toMatchObject({
      status: 'warn',
      message: naming('CAP_MKNOD'),
    });
  });

  const apart = ['unshare', '--pid', '--fork', '--mount-proc'];

  test('K4: doctor: in a pid namespace of its own', async () => {
    const { code, of } = await doctorSees(apart);
    expect(code).toBe(0);
    expect(of('pid-namespace')).toMatchObject({ status: 'warn' });
  });

  test('K4: doctor: a pod without hostPID fails', async () => {
    const { code, of } = await doctorSees(apart, [], { KUBERNETES_SERVICE_HOST: '10.0.0.1' });
    expect(code).toBe(1);
    expect(of('pid-namespace')).toMatchObject({
      status: 'fail',
      advice: naming('hostPID: true'),
    });
  });

  test('doctor: in a user namespace of its own', async () => {
    const { of } = await doctorSees(['unshare', '--user', '--map-root-user']);
    expect(of('user-namespace')).toMatchObject({ status: 'warn' });
    expect(of('root')).toMatchObject({ status: 'ok' });
  });

  test('doctor: few open files', async () => {
    const { of } = await doctorSees(['prlimit', '--nofile=1024:1024']);
    expect(of('open-files')).toMatchObject({
      status: 'warn',
      advice: expect.stringContaining('4096'),
    });
  });
});

describe('the agent', () => {
  test('doctor: a running agent answers', async () => {
    using folder = new TemporaryFolder();
    const [socket, control] = [folder.at('agent.socket'), folder.at('control.socket')];
    await using agent = await AgentProcess.start(socket, `-control-socket=${control}`);
    const { of } = await doctorSees([], [`-socketfile=${socket}`, `-control-socket=${control}`]);
    expect(of('agent-socket')).toMatchObject({ status: 'ok' });
    expect(of('agent')).toMatchObject({
      status: 'ok',
      message: naming(/\b\d+\.\d+\.\d+\b/u, String(agent.pid)),
    });
    expect(agent.records.filter(({ level }) => level !== 'info')).toEqual([]);
  });

  test('doctor: it names leftovers of an agent that is gone', async () => {
    using folder = new TemporaryFolder();
    const socket = folder.at('agent.socket');
    const agent = await AgentProcess.start(socket, '-control-socket=none');
    await agent.stop('SIGKILL');
    const { code, of } = await doctorSees([], [`-socketfile=${socket}`]);
    expect(code).toBe(0);
    expect(of('agent-socket')?.message).toContain('ECONNREFUSED');
  });

  test('doctor: an agent socket of somebody else, or that is none, fails', async () => {
    using folder = new TemporaryFolder();
    const socket = folder.at('agent.socket');
    const server = createServer().listen(socket);
    await once(server, 'listening');
    lchownSync(socket, 65_534, 65_534);
    const { code, of } = await doctorSees([], [`-socketfile=${socket}`]);
    server.close();
    expect(code).toBe(1);
    expect(of('agent-socket')).toMatchObject({ status: 'fail', message: naming('65534') });
    writeFileSync(folder.at('file'), '');
    const other = await doctorSees([], [`-socketfile=${folder.at('file')}`]);
    expect(other.of('agent-socket')).toMatchObject({ status: 'fail' });
  });

  test('doctor: a configuration that is wrong fails', async () => {
    using folder = new TemporaryFolder();
    const file = folder.at('config.yaml');
    writeFileSync(file, 'bundles:\n  no-such-bundle: {}\n');
    chmodSync(file, 0o644);
    const unused = await doctorSees([], [`-config=${file}`]);
    expect(unused.code).toBe(1);
    expect(unused.of('config')?.message).toContain('"no-such-bundle"');
    writeFileSync(file, 'bundels: {}\n');
    const unreadable = await doctorSees([], [`-config=${file}`]);
    expect(unreadable.of('config')).toMatchObject({ status: 'fail' });
  });
});

/** All mounts of this machine. */
async function mountsHere(): Promise<string> {
  return (await runCommand(['cat', '/proc/self/mounts'])).stdout;
}

test('doctor: it shows a line for each, and changes nothing', async () => {
  const mountsBefore = await mountsHere();
  const { stdout } = await runCommand([seccompagent, 'doctor']);
  for (const line of stdout.trim().split('\n')) {
    expect(line).toMatch(/^(?:ok {2}|warn|fail) {2}\S/u);
  }
  expect(await mountsHere()).toBe(mountsBefore);
});
