// SPDX-License-Identifier: Apache-2.0
// The agent as a daemon: `seccompagent -resolver=…`.
import { isDeepStrictEqual } from 'node:util';

import { Agent } from '../agent.ts';
import { defaultConfigFile, loadConfig } from '../config/config.ts';
import type { Config } from '../config/settings.ts';
import { configuredOptions } from './configured-options.ts';
import { AgentError, failureFields, messageOf } from '../errors.ts';
import { isCompilerBounded } from '../handler/compiling/compiler-flags.ts';
import { untilTakeable } from '../agent-socket/agent-listener.ts';
import type { AgentEvent } from '../log/log-events.ts';
import { createLog, withSharedLevel } from '../log/log.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { nativeIfThere } from '../native.ts';
import { maxResidentBytes } from '../worker/instance-memory.ts';
import type { AgentCommand, ResolverChoice } from './options.ts';
import { packageVersion } from '../package-root.ts';
import { allowedToBundles, allowedToSignedBundles } from '../bundles/granted-bundles.ts';
import { BundleStore } from '../bundles/bundle-store.ts';
import type { BundleStoreParts } from '../bundles/bundle-store.ts';
import { ComponentCache } from '../bundles/component-cache.ts';
import { PresentGrants } from '../bundles/present-grants.ts';
import { PulledBundles } from '../bundles/pulled-bundles.ts';
import { prepareMs } from '../containers/preparation.ts';
import { resolvers } from '../resolvers/all.ts';
import { regrantingResolver } from '../resolvers/regranting-resolver.ts';
import type { Resolver } from '../resolvers/resolver.ts';
import { atMost } from '../scheduling/at-most.ts';
import { reloadOnHangup, reopenOnHangup, survivingHangup } from './reload.ts';
import type { Rereading } from './reload.ts';
import { endingByUncaught } from './uncaught.ts';

interface StoreSource {
  readonly configFile?: string;
  /** Ends what is pulled. */
  readonly ending: AbortSignal;
}

function storeParts(
  { bundleFolders, limits, storeBytes, bundles, signers, registries }: Config,
  { configFile = defaultConfigFile, ending }: StoreSource,
): BundleStoreParts {
  return {
    configFile,
    folders: bundleFolders,
    limits,
    allowedTo: allowedToBundles(bundles),
    allowedToSigned: allowedToSignedBundles(bundles, signers),
    pulled: new PulledBundles({ registries, storeBytes, signal: ending }),
  };
}

function sourceOf({ configFile }: ResolverChoice, ending: AbortSignal): StoreSource {
  return { ending, ...(configFile === undefined ? {} : { configFile }) };
}

interface AnsweringParts {
  readonly components: ComponentCache;
  readonly store: BundleStore;
  readonly config: Config;
  readonly kubernetes: Kubernetes | undefined;
}

interface Answering extends AnsweringParts {
  readonly resolver: Resolver;
}

function answeringBy(choice: ResolverChoice, parts: AnsweringParts): Answering {
  const { resolver: name, selection, shadow } = choice;
  const { store, config, kubernetes } = parts;
  const make = resolvers.get(name);
  if (make === undefined) throw new AgentError('AGENT_USAGE', `unknown resolver "${name}"`);
  const { policies } = config;
  return { ...parts, resolver: make({ store, policies, selection, shadow, kubernetes }) };
}

/** Bundles of the command line are ready when the resolver is made. */
async function prepareChosen(store: BundleStore, choice: ResolverChoice): Promise<void> {
  await store.prepareReferred([...choice.selection, ...(choice.shadow ?? [])]);
}

/**
 * @throws AgentError AGENT_USAGE for a name that is none, AGENT_BUNDLE_INVALID, AGENT_GRANT_MISSING,
 *   AGENT_CONFIG_INVALID
 */
export async function makeAnswering(
  choice: ResolverChoice,
  ending: AbortSignal,
  kubernetes?: Kubernetes,
): Promise<Answering> {
  const config = loadConfig(choice.configFile);
  const native = nativeIfThere();
  const isShort = (): boolean => (native?.residentBytes() ?? 0) > maxResidentBytes();
  const components = new ComponentCache({ waits: false, isShort });
  const store = new BundleStore(storeParts(config, sourceOf(choice, ending)), components);
  await prepareChosen(store, choice);
  return answeringBy(choice, { components, store, config, kubernetes });
}

/** Only who wants it pays for it. @throws AgentError AGENT_KUBERNETES */
async function startKubernetes({
  resolver,
  kubernetes: { kubeconfig, nodeName },
  log,
}: AgentCommand): Promise<Kubernetes | undefined> {
  if (resolver !== 'kubernetes') return undefined;
  const { Kubernetes: Starting } = await import('../kubernetes/kubernetes.ts');
  return Starting.start({ kubeconfig, nodeName, environment: process.env, log: createLog(log) });
}

/** Parts that the agent was started with. */
interface RenewingParts extends Answering {
  readonly ending: AbortSignal;
}

/** Reads the configuration and all bundles again each time. */
function renewing(
  agent: Agent,
  command: AgentCommand,
  {
    components,
    store: first,
    config: firstConfig,
    kubernetes,
    resolver: firstResolver,
    ending,
  }: RenewingParts,
): Rereading {
  let [store, config] = [first, firstConfig];
  const { options } = firstConfig;
  const tell = (failure: AgentError): void => {
    agent.reloads.failed({ of: 'a bundle', reason: messageOf(failure) });
    agent.log.event('bundle-not-reloaded', failureFields(failure));
  };
  const resolver = (): Resolver =>
    answeringBy(command, { components, store, config, kubernetes }).resolver;
  let answering = firstResolver;
  return {
    begin: () => {
      const read = loadConfig(command.configFile);
      if (!isDeepStrictEqual(configuredOptions(command.configFile), options)) {
        agent.log.event('options-changed');
      }
      const parts = storeParts(read, sourceOf(command, ending));
      return {
        granting: async (bundles) => {
          const grants = new PresentGrants(parts);
          await grants.prepare(bundles);
          return regrantingResolver(answering, grants, read.policies);
        },
        all: async ({ hurry }) => {
          store = await store.renewed(tell, parts);
          config = read;
          await atMost({ ms: prepareMs, signal: hurry }, prepareChosen(store, command));
          answering = resolver();
          return answering;
        },
      };
    },
    get rest(): Rereading['rest'] {
      if (!store.hasUnknown) return undefined;
      return async () => {
        store = await store.retried(tell);
        answering = resolver();
        return answering;
      };
    },
  };
}

/** Resolves with the first of the signals that end a daemon, which also ends what is pulled. */
async function endingSignal(ending: AbortController): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        ending.abort();
        resolve(signal);
      });
    }
  });
}

/** Before there are threads and programs, which have what we have. */
function leaveSharedThings({ log }: AgentCommand): void {
  // a missing addon, and a user who is not root, are errors of a later step
  if (process.geteuid?.() !== 0) return;
  const native = nativeIfThere();
  const attempt = (act: () => void, otherwise: AgentEvent): void => {
    try {
      act();
    } catch (thrown) {
      createLog(log).event(otherwise, failureFields(thrown));
    }
  };
  attempt(() => native?.leaveSessionKeyring(), 'keyring-kept');
  attempt(() => native?.ownWatches(), 'epoll-watches-unlimited');
}

/** Runs until a signal ends it. @returns the exit code */
export async function runAgent(given: AgentCommand): Promise<number> {
  const command = { ...given, log: withSharedLevel(given.log) };
  using _surviving = survivingHangup();
  leaveSharedThings(command);
  const ending = new AbortController();
  const ended = endingSignal(ending);
  using kubernetes = await startKubernetes(command);
  const answering = await makeAnswering(command, ending.signal, kubernetes);
  const { log, watch } = command;
  const agent = await Agent.start({ resolver: answering.resolver, log, watch });
  if (!isCompilerBounded()) {
    agent.log.event('memory-not-limited');
  }
  answering.components.used = () => agent.components.all();
  answering.components.usedBy = (owner) => agent.components.of(owner);
  answering.components.giveBack = () => {
    agent.components.forgetNow();
  };
  answering.components.onManyTypes = (count, max) => {
    agent.log.event('function-types-many', { count, max });
  };
  using _uncaught = endingByUncaught(agent);
  try {
    agent.log.event('agent-started', {
      version: packageVersion(),
      resolver: command.resolver,
      ...(command.selection.length === 0 ? {} : { bundles: command.selection }),
    });
    if (command.metricsAddress !== undefined) await agent.serveMetrics(command.metricsAddress);
    const { control, socketFile: path, allowedUids, takesOver } = command;
    if (control !== undefined) await agent.serveControl(control, takesOver);
    if (takesOver) {
      const reason = (): string | undefined => kubernetes?.readiness.reason();
      await untilTakeable({ path, reason, log: agent.log, ending: ending.signal });
    }
    // one that ends takes nothing
    if (!ending.signal.aborted) agent.listen({ path, allowedUids, takesOver });
    using _reopen = reopenOnHangup(agent);
    using _reload = reloadOnHangup(
      agent,
      renewing(agent, command, { ...answering, ending: ending.signal }),
    );
    const signal = await ended;
    agent.log.event('agent-stopping', { signal });
  } finally {
    ending.abort();
    await agent.stop();
  }
  agent.exitIfStuck(0);
  return 0;
}
