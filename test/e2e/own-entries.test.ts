// SPDX-License-Identifier: Apache-2.0
// A procfs that shows the helpers: a process may look at itself as nobody else may, and no caller
// gets there what the helper that opens it is allowed for itself alone.
import { chmodSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { runCommand, seccompagent } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';

/**
 * Opens what belongs to helpers, in all ways that lead there, as often as another one may have come
 * to act. Prints what was opened, and how many helpers were seen.
 */
const attack = String.raw`
use Fcntl;
use constant {OPENAT => 257, AT_FDCWD => -100, PATH_ONLY => 010000000 | 0200000};
my @files = qw(mem maps smaps environ auxv fd map_files syscall personality io
  fd/0 fd/1 fd/3 cwd/etc root/etc/hostname exe ns/mnt ns/pid);
my %seen;
sub try { my ($how, $at, $path) = @_;
  my $fd = syscall(OPENAT, $at, $path, 0);
  print "opened $path $how\n" if $fd >= 0;
  POSIX::close($fd) if $fd >= 0;
}
sub attack { my ($proc, $pid) = @_;
  my $folder = syscall(OPENAT, AT_FDCWD, "$proc/$pid", PATH_ONLY) + 0;
  my $task = syscall(OPENAT, AT_FDCWD, "$proc/$pid/task", PATH_ONLY) + 0;
  my $own = syscall(OPENAT, AT_FDCWD, "$proc/$pid/task/$pid", PATH_ONLY) + 0;
  for my $file (@files) {
    try('by path', AT_FDCWD, "$proc/$pid/$file");
    try('by its thread', AT_FDCWD, "$proc/$pid/task/$pid/$file");
    try('beside self', AT_FDCWD, "$proc/self/../$pid/$file");
    try('up and down', AT_FDCWD, "$proc/$pid/task/../../$pid/$file");
    try('in its folder', $folder, $file);
    try('in its tasks', $task, "$pid/$file");
    try('above its tasks', $task, "../$file");
    try('in its task', $own, $file);
    unlink 'link'; symlink "$proc/$pid/$file", 'link';
    try('by a link', AT_FDCWD, 'link');
    if (chdir "$proc/$pid") { try('from there', AT_FDCWD, $file); try('by dots', AT_FDCWD, "../$pid/$file"); }
    chdir $ENV{FOLDER};
    next unless $ENV{MOUNTS};
    mkdir 'bound'; open(my $made, '>', 'file') and close $made;
    if (system("mount --bind $proc/$pid bound 2>/dev/null") == 0) {
      try('bound', AT_FDCWD, "bound/$file");
      try('bound, by its task', AT_FDCWD, "bound/task/$pid/$file");
      system('umount bound');
    }
    if (system("mount --bind $proc/$pid/$file file 2>/dev/null") == 0) {
      try('bound itself', AT_FDCWD, 'file');
      system('umount file');
    }
  }
  POSIX::close($_) for ($folder, $task, $own);
}
# Of a process: the number of the one that has started it.
sub parent { my ($pid) = @_;
  open(my $status, '<', "/proc/$pid/status") or return 0;
  my ($number) = join('', <$status>) =~ /^PPid:\s+(\d+)/m;
  return $number;
}
require POSIX;
my %above;
for (my $pid = $$; $pid > 1; $pid = parent($pid)) { $above{$pid} = 1 }
chdir $ENV{FOLDER};
for my $round (1..3) {
  for my $entry (glob '/proc/[0-9]*') {
    open(my $comm, '<', "$entry/comm") or next;
    next unless <$comm> =~ /^seccompagent-he/;
    my ($pid) = $entry =~ /(\d+)$/;
    next unless $above{parent($pid)};
    $seen{$pid} = 1;
    attack('/proc', $pid);
  }
}
print 'helpers ', scalar(keys %seen) > 0 ? 'seen' : 'none', "\n";
`;

const asUser = ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups', '--'];

test.for([
  { who: 'a user', wrapper: asUser, mounts: '' },
  { who: 'root of a user namespace', wrapper: [...asUser, 'unshare', '-rm', '--'], mounts: 'yes' },
])('A4: own entries: no helper opens its own for $who', async ({ wrapper, mounts }) => {
  using folder = new TemporaryFolder();
  chmodSync(folder.path, 0o777);
  const script = folder.at('attack.pl');
  writeFileSync(script, attack);

  const run = [seccompagent, 'run', '-bundle', testBundle('perform'), '--'] as const;
  const { code, stdout, stderr } = await runCommand([...run, ...wrapper, 'perl', script], {
    deadlineMs: 120_000,
    environment: { FOLDER: folder.path, MOUNTS: mounts },
  });

  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'helpers seen\n', stderr: '' });
});

test('A3, G4: own entries: links are opened for as many threads as call at once', async () => {
  const threads = 64;
  const opens = 30_000;
  const agent = [
    seccompagent,
    'run',
    '-syscalls',
    'openat',
    '-bundle',
    testBundle('perform'),
  ] as const;
  const { code, stdout, stderr } = await runCommand(
    [...agent, '--', compiled('link-crowd'), `${threads}`, `${opens}`],
    { deadlineMs: 60_000 },
  );
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
});
