// SPDX-License-Identifier: Apache-2.0
// `seccompagent profile`: generates and lints seccomp profiles.
import { usage } from '../text/command-line.ts';
import { defaultConfigFile } from '../config/config.ts';
import type { Tool } from './command.ts';
import { defaultSocketFile } from './profile/common.ts';
import { generate } from './profile/generate.ts';
import { runLint } from './profile/lint.ts';

async function run(words: readonly string[]): Promise<number> {
  const [what, ...others] = words;
  if (what === 'generate') return generate(others);
  if (what === 'lint') return runLint(others);
  return usage('unknown or missing subcommand of profile. Subcommands: generate, lint');
}

export const profile: Tool = {
  usage: `Usage: seccompagent profile generate [options] BUNDLE[,BUNDLE…]
       seccompagent profile lint [options] FILE…

generate prints a seccomp profile for these bundles. It intercepts every variant of each handled call
on every architecture and closes the ways to bypass them. Bundles are named as for -bundle of
seccompagent. Notes about the profile go to stderr.

  -socketfile PATH    the agent socket (default ${defaultSocketFile})
  -metadata KEY=VALUE a setting of the bundles; may be repeated
  -base NAME|FILE     the rules for all other calls. allow: allow them (the default), but not calls
                      that this version does not know. container: refuse calls that typical
                      containers do not need, as the profiles of runtimes do. FILE: the rules of
                      another profile
  -allow CALL[,CALL…] calls to allow in any case; may be repeated. io_uring_setup, io_uring_enter
                      and io_uring_register leave io_uring to programs, and pidfd_getfd the
                      descriptors of other processes
  -wait-killable      do not let signals interrupt a received call; runc before 1.5 refuses this
  -runtime NAME       runc or crun: use what the runtime supports; -wait-killable for crun
  -format oci|spo     for docker, podman and kubelets (the default), or as a SeccompProfile of the
                      Security Profiles Operator
  -name NAME          name of the SeccompProfile (default: the names of the bundles)
  -o FILE             write to FILE instead of stdout

lint reports mistakes in profiles, each with its place and advice, and exits with 1 if it finds errors.
It resolves the bundles that metadata selects as the agent would.

  -runtime NAME       runc or crun: check for this runtime only; runc means runc before 1.5
  -resolver NAME      resolver of the agent; also checks metadata that selects no bundle
  -json               print JSON

Both:
  -config FILE        the configuration (default ${defaultConfigFile}, if it exists)
  -help
`,
  run,
};
