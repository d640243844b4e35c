// SPDX-License-Identifier: Apache-2.0
// Flags of V8 for WebAssembly in the agent, so that it takes no more memory than a component's trial
// has found out and its instances are weighed with. V8 has to be started with them: Node has compiled
// WebAssembly of its own before anything of ours runs, and compiled code goes by its flags.

/** As seccompagent.sh has them. */
export const compilerFlags = [
  // functions are compiled in threads of V8's own, several of a module at once: the trial compiled one
  // at a time
  '--wasm-num-compilation-tasks=1',
  // nor do several modules take at once what one may
  '--v8-pool-size=1',
  // what to inline is learnt from 16 bytes for each call in the code, of each instance, and code with
  // something inlined is up to three times as large as what was tried
  '--no-wasm-inlining',
  '--no-wasm-inlining-call-indirect',
] as const;

/** Whether this process was started with them. */
export function isCompilerBounded(): boolean {
  return compilerFlags.every((flag) => process.execArgv.includes(flag));
}
