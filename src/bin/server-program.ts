import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import type { AddressInfo } from 'node:net';
import { v7 as uuidv7 } from 'uuid';
import { MonotonicMs, type EpochMs } from '../core/base/units.ts';
import { err, ok, type Result } from '../core/base/result.ts';
import { syntaxProblemText, type SyntaxProblem } from '../formats/syntax-problem.ts';
import { parseXml } from '../formats/xml.ts';
import { parseYaml } from '../formats/yaml.ts';
import { AgentTrust } from '../server/auth/agents/agent-trust.ts';
import { FileAuthority, StoredAuthorities } from '../server/auth/agents/authority-source.ts';
import { AgentRegistry } from '../server/control/agents/registry.ts';
import type { Control } from '../server/control/api.ts';
import { createControl } from '../server/control/control.ts';
import { GroupCommitter } from '../server/control/group-committer.ts';
import { createAgentServer } from '../server/grpc/agent-server.ts';
import { listenForAgents } from '../server/grpc/agent-tls.ts';
import { createGrpcServer } from '../server/grpc/server.ts';
import { createHttpApp } from '../server/http/app.ts';
import { forgetKeys } from '../server/jobs/forget-keys.ts';
import { Sweeps } from '../server/jobs/sweeps.ts';
import type { AgentTrustRecords } from '../server/records/agent-trust.ts';
import { superviseEmbedded } from '../server/store/embedded-supervisor.ts';
import { migrate } from '../server/store/migrate.ts';
import { openStore } from '../server/store/open-store.ts';
import { checkSessions } from '../server/store/pooler.ts';
import type { Loggers } from '../telemetry/logger.ts';
import { createServerMetrics } from '../telemetry/server-metrics.ts';
import { isLoopback, type AgentsConfig, type ListenAddress, type ServerConfig } from './config.ts';
import { VERSION } from './version.ts';

/** A server that answers. */
export interface RunningServer {
  readonly httpUrl: string;
  readonly grpcTarget: string;
  /** Path of the Unix socket. */
  readonly agentSocket: string;
  /** HOST:PORT that agents of other hosts are told; null: they are not listened for. */
  readonly agentTarget: string | null;
  readonly control: Control;
  /** Ends in good order: callers first, then agents, then the database. */
  stop(): Promise<void>;
}

/** Builds the control plane and starts it. @throws Error with a sentence for people; what was started is stopped again. */
export async function startServer(config: ServerConfig, loggers: Loggers): Promise<RunningServer> {
  const started: (() => Promise<void> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (let end = started.pop(); end; end = started.pop()) await end();
  };
  try {
    return await start(config, loggers, started, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  config: ServerConfig,
  loggers: Loggers,
  started: (() => Promise<void> | void)[],
  stop: () => Promise<void>,
): Promise<RunningServer> {
  const log = loggers('program');
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });

  const metrics = createServerMetrics();

  let url = config.databaseUrl;
  if (url === null) {
    const database = await superviseEmbedded(
      config.dataDir,
      (line) => loggers('store').debug(line),
      (problem) => loggers('store').error(problem),
      (notice) => loggers('store').warn(notice),
    );
    started.push(() => database.close());
    url = database.url;
  }
  const prepared = config.databaseUrl === null ? migrate(url) : checkSessions(url).then(() => migrate(url));
  await prepared.catch((error: Error) => {
    if (config.databaseUrl === null) throw error;
    throw new Error(`DATABASE_URL: the database cannot be used: ${error.message}`, { cause: error });
  });
  const store = await openStore(url, {
    onError: (error) => loggers('store').warn({ err: error }, 'a connection failed'),
  });
  started.push(() => store.close());

  const committer = new GroupCommitter({
    store: store.books,
    newId: () => uuidv7(),
    onError: (error) => loggers('control').error({ err: error }, 'a group was not committed as it should'),
    onGroup: (outcome, items, seconds) => metrics.commitGroup(outcome, items, seconds),
  });
  await committer.start();
  started.push(() => committer.close());
  const registry = new AgentRegistry({
    committer,
    now: () => MonotonicMs(performance.now()),
    log: loggers('agents'),
  });
  committer.setAgents(registry);
  const sweeps = new Sweeps({
    committer,
    waitingFor: (reservation) => registry.hops.waitingFor(reservation),
    log: loggers('jobs'),
  });
  started.push(() => sweeps.close());
  started.push(forgetKeys(store.books, loggers('jobs')));
  const trust = config.agents && (await openAgentTrust(config.agents, store.agentTrust, () => store.books.now()));
  const advertised = config.agents && advertisedAddress(config.agents);
  let lookAgain: (() => Promise<void>) | null = null;
  const enrolment = trust && {
    advertised: advertised!,
    issueToken: (node: string) => trust.issueToken(node),
    revoke: async (node: string) => {
      const count = await trust.revoke(node);
      await lookAgain?.();
      return count;
    },
  };
  const control = createControl({
    enrolment,
    committer,
    store: store.books,
    queries: store.queries,
    health: () => store.health(),
    agents: registry,
    parsers: { yaml: (text) => sentence(parseYaml(text)), xml: (text) => sentence(parseXml(text)) },
  });

  const agents = await createAgentServer({ registry, dataDir: config.dataDir, log: loggers('agents') });
  started.push(() => agents.close());
  if (config.agents && trust) {
    const tls = await listenForAgents({
      address: addressText(config.agents.listen),
      trust,
      registry,
      now: () => store.books.now(),
      log: loggers('agents'),
    });
    started.push(() => tls.close());
    lookAgain = () => tls.lookAgain();
  }
  metrics.observe({
    reservationsByState: () => countByState(committer),
    agentsConnected: () => registry.connectedCount(),
  });
  const tls =
    config.tls === null || config.tls === 'terminated-upstream'
      ? {}
      : { tls: { cert: config.tls.cert.toString(), key: config.tls.key.toString() } };
  const grpc = createGrpcServer({ control, metrics, logger: loggers('grpc'), token: config.token, ...tls });
  started.push(() => grpc.close());
  const grpcPort = await grpc.listen(addressText(config.grpc));
  const http = createHttpApp({
    control,
    metrics,
    logger: loggers('http'),
    access: { token: config.token, loopbackOnly: config.token === null && isLoopback(config.http.host) },
    version: VERSION,
    ...tls,
  });
  started.push(() => http.close());
  await http.listen(config.http).catch((error: NodeJS.ErrnoException) => {
    const problem = error.code === 'EADDRINUSE' ? 'another process listens there' : error.message;
    throw new Error(`HTTP cannot listen on ${addressText(config.http)}: ${problem}`, { cause: error });
  });

  // Port 0 is whichever was free: what is told is where it listens.
  const httpPort = (http.server.address() as AddressInfo).port;
  const { warnings } = await control.readiness();
  for (const warning of warnings) log.warn(warning);
  return {
    httpUrl: `${'tls' in tls ? 'https' : 'http'}://${addressText({ ...config.http, port: httpPort })}`,
    grpcTarget: addressText({ ...config.grpc, port: grpcPort }),
    agentSocket: agents.socketPath,
    agentTarget: advertised,
    control,
    stop,
  };
}

function openAgentTrust(
  { authority }: AgentsConfig,
  records: AgentTrustRecords,
  now: () => EpochMs,
): Promise<AgentTrust> {
  const source =
    authority.kind === 'files'
      ? new FileAuthority(authority.cert, authority.key)
      : new StoredAuthorities({ records, secret: authority.secret, previousSecret: authority.previousSecret });
  return AgentTrust.open({ records, source, now });
}

/** Listening everywhere names no host: the machine's own name is told then. */
const advertisedAddress = ({ listen, advertise }: AgentsConfig): string =>
  advertise ?? addressText(/^(0\.0\.0\.0|::)$/.test(listen.host) ? { ...listen, host: hostname() } : listen);

const addressText = ({ host, port }: ListenAddress): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

const sentence = <T>(parsed: Result<T, SyntaxProblem>): Result<T, string> =>
  parsed.ok ? ok(parsed.value) : err(syntaxProblemText(parsed.error));

function countByState(committer: GroupCommitter): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { state } of committer.books.live()) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts;
}
