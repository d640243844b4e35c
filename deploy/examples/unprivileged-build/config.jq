# SPDX-License-Identifier: Apache-2.0
# From what `runc spec` writes to the container of the example. Masked and read-only paths stay.

def tmpfs($destination; $options):
  { $destination, type: "tmpfs", source: "tmpfs", options: (["nosuid", "nodev"] + $options) };

# What docker leaves in the bounding set; the user 1000 has none of them in effect.
[
  "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
  "NET_BIND_SERVICE", "NET_RAW", "SYS_CHROOT", "MKNOD", "AUDIT_WRITE", "SETFCAP"
] as $bounding
| .process.terminal = false
| .process.user = { uid: 1000, gid: 1000 }
| .process.args = $ARGS.positional
| .process.env += ["HOME=/home/builder"]
| .process.cwd = "/home/builder"
| .process.capabilities = { bounding: ($bounding | map("CAP_" + .)) }
# newuidmap(1) and newgidmap(1) have file capabilities, which it would take from them
| .process.noNewPrivileges = false
| .root.path = $rootfs
| .mounts += [
    tmpfs("/home/builder"; ["mode=0700", "uid=1000", "gid=1000"]),
    tmpfs("/tmp"; ["mode=1777"]),
    tmpfs("/var/tmp"; ["mode=1777"]),
    tmpfs("/run"; ["mode=0755"]),
    { destination: "/example", type: "bind", source: $example, options: ["bind", "ro"] }
  ]
| if $socket == "" then . else .linux.seccomp = ($profile[0] | .listenerPath = $socket) end
