// SPDX-License-Identifier: Apache-2.0
// Ordinary commands behave the same whether the kernel alone or the host does their calls.
import { chmodSync, writeFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { runCommand, seccompagent } from '../support/command.ts';
import { recordsOf } from '../support/log-records.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';

/** Each runs in bash, in an empty folder of its own. Their output has nothing that may differ. */
const commands = String.raw`
true
ps -o comm= -p $$
free | head -1
uptime | wc -l
df / | wc -l
mount | sort | awk '{print $3}' | grep -x /proc
cat /proc/self/comm
cat /proc/self/cmdline | tr '\0' ' '
cat /proc/self/status | grep -c Name
cat /proc/self/stat | wc -w
cat /proc/$$/comm
cat /proc/thread-self/comm
cat /proc/mounts | wc -l | awk '{print ($1 > 0)}'
cat /proc/self/mountinfo | wc -l | awk '{print ($1 > 0)}'
cat /proc/net/dev | head -1
for i in 1 2 3 4 5 6; do (for j in $(seq 150); do cat /proc/$$/net/dev >/dev/null || echo bad; done) & done; wait
cat /proc/sys/kernel/hostname
cat /proc/sys/net/ipv4/ip_forward
cat /proc/meminfo | head -1 | cut -c1-8
cat /proc/1/comm | wc -l
cat /proc/self/maps | grep -c stack
cat /proc/self/environ | wc -c | awk '{print ($1 > 0)}'
cat /proc/self/limits | wc -l
cat /proc/self/io | wc -l
cat /proc/self/fdinfo/0 | head -1
cat /proc/self/oom_score_adj
echo 500 > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj
echo name > /proc/self/comm; cat /proc/self/comm
cat /proc/self/ns/net
cat /proc/self/task/self
cat /proc/self/nonexistent
cat /proc/self/fd/99
cat /proc/self/comm/
cat /proc/self/
cat /proc/self/attr/current | head -c 0
cat /proc/self/task/*/comm
cat /proc/cpuinfo | grep -c processor
cat /proc/loadavg | wc -w
cat /etc/mtab | wc -l | awk '{print ($1 > 0)}'
dd if=/proc/self/pagemap bs=8 count=1 status=none | wc -c
dd if=/proc/self/mem bs=1 count=1 status=none; echo $?
ls /proc/self/ns
ls /proc/self/task | wc -l
ls -d /proc/self/cwd/ /proc/self/root/etc
ls /proc/self/root/etc/hostname
ls -l /proc/self/exe | wc -l
ls /proc | grep -x self
cat /proc/self/fd/0 < /etc/hostname
cat /dev/stdin < /etc/hostname
echo in | cat /dev/stdin
echo out > /dev/stdout
echo err > /dev/stderr
echo in | cat /dev/fd/0
echo in | cat /proc/self/fd/0
echo in | cat /proc/thread-self/fd/0
exec 5< /etc/hostname; cat /dev/fd/5
exec 5< /etc; cat /proc/self/fd/5/hostname; ls /proc/self/fd/5/hostname
cat <(echo sub)
diff <(echo 1) <(echo 2)
echo to > >(cat); wait
cd /etc; cat /proc/self/cwd/hostname
cat /proc/self/cwd/../proc/self/comm
cat /proc/self/root/proc/self/root/proc/self/comm
cd /proc/self; cat comm; head -1 status
cd /proc; cat self/comm $$/comm ./version | wc -l
cd /proc/$$/task; cat $$/comm
cd /proc/sys; cat kernel/ostype ../version | wc -l
ls /proc/1/fd > here; echo $?
ls /proc/$$/fd | head -3
cat /proc/1/environ > here; echo $?
find /proc/self/ -maxdepth 1 -type f 2>&1 | wc -l
find /proc/sys/kernel/random | wc -l
cat /proc/self/smaps_rollup | wc -l
cat /proc/self/auxv | wc -c | awk '{print ($1 > 0)}'
cat /proc/sys/fs/file-nr | wc -w
cat /proc/partitions | head -1
cat /proc/self/wchan | wc -c
cp /proc/cpuinfo c; head -1 c
xargs -a /proc/self/comm echo
while read line; do echo $line; done < /proc/sys/kernel/ostype
mkdir p; mount --bind /proc p && cat p/self/comm p/$$/comm; umount p
mkdir p; mount --bind /proc/$$ p && cat p/comm; umount p
mkdir p; mount --bind /proc/sys p && cat p/kernel/ostype; umount p
mkdir p; mount -t proc proc p && cat p/self/comm p/version | wc -l; umount p
mkdir /proc/self/fd/0
mkdir /proc/x
rmdir /proc/self
rm /proc/self/fd/0
mv /proc/self/fd/0 x
ln -s x /proc/self/fd/0
ln -s x /proc/self/x
touch x; ln -L x y; ls
touch x; exec 7< x; chmod 600 /proc/self/fd/7; stat -c %a x
touch x; exec 7< x; truncate -s 7 /proc/self/fd/7; stat -c %s x
touch x; exec 7< x; touch -d @9 /dev/fd/7; stat -c %Y x
chmod 600 /proc/self/comm
chown 0:0 /proc/self/status
ln -s /proc/self/cmdline l; ln -s l m; cat m | tr '\0' ' '
ln -s /proc/self/cwd/x l; echo a > l; cat x; ls
ln -s /proc/self/fd/0 l; cat l < /etc/hostname
ln -s loop loop; cat loop; cat loop/x; echo a > loop
unshare -r id -u
unshare -r cat /proc/self/uid_map | wc -l
unshare -rm sh -c 'mount -t tmpfs t /mnt; ls /mnt | wc -l'
unshare -Urpf --mount-proc sh -c 'cat /proc/self/status | grep NSpid; cat /proc/1/comm; echo hi > /dev/stderr'
unshare -rpf sh -c 'cat /proc/self/comm; cat /proc/thread-self/comm; cat /dev/stdin < /etc/hostname'
nsenter --user=/proc/self/ns/user true
script -qec 'echo in-pty' /dev/null < /dev/null
script -qec 'test -t 1 && echo terminal' /dev/null < /dev/null
setsid cat /dev/tty
head -c 0 /dev/ptmx
dd if=/dev/zero bs=1 count=3 status=none | wc -c
head -c 3 /dev/urandom | wc -c
head -c 3 /dev/random | wc -c
head -c 3 /dev/full | wc -c
echo x > /dev/full
echo x > /dev/null
mknod n p; ls -l n | cut -c1-10
mknod c c 1 3; echo $?
mkfifo f; (echo through > f &); cat f
mkfifo f; (cat f > got &); echo back > f; sleep 0.2; cat got
perl -e 'open(my $f, "<", "/proc/self/stat") or die; print scalar(split(/ /, <$f>)) > 40 ? "ok\n" : "short\n"'
perl -e 'use Fcntl; sysopen(my $f, "/proc/self", O_NOFOLLOW) or print "$!\n"'
perl -e 'use Fcntl; sysopen(my $f, "/proc/self/fd/0", O_NOFOLLOW) or print "$!\n"'
perl -e 'use Fcntl; sysopen(my $f, "/etc/hostname", O_DIRECTORY) or print "$!\n"'
perl -e 'use Fcntl; sysopen(my $f, ".", O_WRONLY) or print "$!\n"'
perl -e 'use Fcntl; sysopen(my $f, "x", O_CREAT|O_EXCL|O_RDWR, 0640) or die; print -s $f, "\n"; printf "%o\n", (stat $f)[2]'
perl -e 'use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, pack_sockaddr_un("s")); open(my $f, "<", "s") or print "$!\n"'
perl -e 'opendir(my $d, "/proc/self/fd") or die; print scalar(grep {/^[0-9]/} readdir $d) > 2 ? "ok\n" : "few\n"'
touch x; test -r x && echo readable
touch x; chmod 000 x; cat x | wc -l
touch x; chmod 640 x; stat -c %a x
touch x; chmod u+s,g+s x; stat -c %a x
touch x; chown $(id -u):$(id -g) x; stat -c %u x | wc -l
touch x; chown 12345 x; echo $?
touch x; touch -d @5 x; stat -c %Y x
touch x; touch -hd @5 x; stat -c %Y x
ln -s nothing l; touch -hd @5 l; stat -c %Y l
truncate -s 5 x; stat -c %s x
truncate -s 5 /etc
(ulimit -f 1; trap '' XFSZ; truncate -s 1M x); ls
umask 077; touch x; mkdir d; stat -c %a x d
umask 0; touch x; mkdir d; stat -c %a x d
mkdir -p a/b/c; rmdir a/b/c a/b; ls a
mkdir a a
mkdir -m 1777 a; stat -c %a a
rmdir /; rmdir .; rmdir ..
touch a; mv a b; ls
touch a b; mv a b; ls
mkdir a; touch b; mv b a; ls a
mkdir a; touch a/f; mv -T a b; ls b
mkdir a b; touch b/f; mv -T a b
touch a; ln a b; stat -c %h a
touch a; ln -s a b; cat b | wc -c
touch a; ln a b; ln a b
ln -s target l; readlink l
ln /etc c
cp /etc/hostname a; cmp a /etc/hostname
cp -a /etc/apt a; diff -r /etc/apt a
touch a; rm a; rm a
rm -r .
mkdir a; touch a/f; rm -r a; ls
touch a; flock a echo locked
echo a > x; sed -i s/a/b/ x; cat x
tee y < /etc/hostname | wc -l; cmp y /etc/hostname
mktemp -p . XXX | wc -c
sort -u /etc/passwd | wc -l
find /etc/apt | wc -l
tar cf - -C /etc apt | tar xf -; diff -r /etc/apt apt
install -m 600 /etc/hostname a; stat -c %a a
dd if=/etc/hostname of=x status=none; cmp x /etc/hostname
dd if=/etc/hostname of=x oflag=direct,sync status=none; echo $?
split -l 1 /etc/passwd; ls | head -1
cat /nonexistent/x; cat /etc/hostname/x; cat ""
cat $(printf '%0300d' 0)
cat /etc/../etc/./hostname //etc//hostname
cat /etc/shadow | wc -c | awk '{print ($1 > 0)}'
cd /proc; cat self/comm ./self/../self/comm
cd /proc/self; cat comm | wc -l
cd /sys; cat kernel/mm/transparent_hugepage/enabled | wc -l
cat /sys/fs/cgroup/cgroup.controllers | wc -l
ls /sys/fs/cgroup | wc -l
xargs -a /etc/hostname echo
bash -c 'exec 3<>x; echo hi >&3; cat x'
bash -c 'set -C; echo a > x; echo b > x; cat x'
bash -c 'echo a >> x; echo b >> x; cat x'
bash -c 'echo a > x; exec 4< x; rm x; cat <&4'
bash -c 'echo a > x; exec 4< x; rm x; cat /proc/self/fd/4'
bash -c 'cat x 2>&1'; echo $?
sh -c 'read -r l < /proc/self/comm; echo $l'
`
  .split('\n')
  .filter((line) => line !== '');

/** Prints `N: ` before each line that command N gives, errors included, and its exit code. */
const script = `
n=0
while IFS= read -r command; do
  n=$((n + 1))
  mkdir -m 777 $n
  ( cd $n && timeout -s KILL 30 bash -c "$command" 2>&1 < /dev/null; echo "exit $?" ) | sed "s/^/$n: /"
done < commands
`;

function byCommand(output: string): readonly string[] {
  const given = commands.map((command) => `${command}\n`);
  for (const line of output.split('\n')) {
    const [number = '', rest = ''] = line.split(/: (.*)/su);
    const index = Number(number) - 1;
    if (number !== '' && given[index] !== undefined) given[index] += `${rest}\n`;
  }
  return given;
}

const performed = [
  'open openat openat2 creat mkdir mkdirat mknod mknodat chmod fchmod fchmodat fchmodat2',
  'chown lchown fchown fchownat truncate ftruncate utime utimes futimesat utimensat',
  'rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat rmdir',
  'setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr',
  'removexattr lremovexattr fremovexattr',
]
  .join(' ')
  .replaceAll(' ', ',');
const underAgent = [
  seccompagent,
  'run',
  `-syscalls=${performed}`,
  '-bundle',
  testBundle('perform'),
  '--',
];
const inside = ['unshare', '-pf', '--mount-proc', '--'];
const ownMounts = ['unshare', '-m', '--'];
const asUser = ['--reuid=1000', '--regid=1000', '--clear-groups', '--'];

describe.each([
  { who: 'root', wrapper: inside },
  { who: 'a user', wrapper: [...inside, 'setpriv', ...asUser] },
  {
    who: 'a user with no new privileges',
    wrapper: [...inside, 'setpriv', '--no-new-privs', ...asUser],
  },
  { who: 'root of a user namespace', wrapper: [...inside, 'unshare', '-r', '--'] },
  { who: 'root among all processes of the machine', wrapper: ownMounts },
  {
    who: 'a user among all processes of the machine',
    wrapper: [...ownMounts, 'setpriv', '--no-new-privs', ...asUser],
  },
])('performed commands', ({ who, wrapper }) => {
  test(`A3a: performed commands: they do for ${who} what they do without the agent`, async () => {
    const outputs: (readonly string[])[] = [];
    for (const agent of [[], underAgent]) {
      using folder = new TemporaryFolder();
      chmodSync(folder.path, 0o777);
      writeFileSync(folder.at('commands'), commands.join('\n') + '\n');
      writeFileSync(folder.at('script'), script);
      const { code, stdout, stderr } = await runCommand(
        ['env', ...agent, ...wrapper, 'bash', folder.at('script')],
        { cwd: folder.path },
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      outputs.push(byCommand(stdout.replaceAll(folder.path, 'FOLDER')));
    }
    expect(outputs[1]).toEqual(outputs[0]);
    expect(commands.length).toBeGreaterThan(150);
  });
});

test('A3a: performed commands: they are intercepted', async () => {
  const run = [seccompagent, 'run', '-log=debug', '-bundle', testBundle('perform'), '--'] as const;
  const { code, stderr } = await runCommand([...run, 'head', '-c', '0', '/proc/version']);

  expect(code).toBe(0);
  expect(recordsOf(stderr)).toContainEqual(
    expect.objectContaining({
      event: 'call-answered',
      syscall: 'openat',
      handler: 'perform',
      answer: 'value',
    }),
  );
});
