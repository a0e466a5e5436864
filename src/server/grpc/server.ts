import {
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  logVerbosity,
  setLogVerbosity,
  status as grpcStatus,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { AgentService } from '../../gen/headroom/v1/agent_pb.ts';
import { EventService } from '../../gen/headroom/v1/event_pb.ts';
import { ReservationService } from '../../gen/headroom/v1/reservation_pb.ts';
import { TopologyService } from '../../gen/headroom/v1/topology_pb.ts';
import { createBearerCheck } from '../auth/bearer.ts';
import { agentService } from './agents.ts';
import type { GrpcSettings } from './context.ts';
import { eventService } from './events.ts';
import { createReflection } from './reflection.ts';
import { refusalStatus } from './refusal.ts';
import { reservationService } from './reservations.ts';
import { MAX_TOPOLOGY_BYTES, topologyService } from './topology.ts';

const SERVICES = [ReservationService, TopologyService, AgentService, EventService];

/** How long calls that run may go on when the server closes. */
const GRACE_MS = 2000;
const HEALTH_EVERY_MS = 5000;

export interface GrpcServer {
  /** @param address `127.0.0.1:9090`; port 0 takes a free one. @returns the port. @throws Error when it is taken. */
  listen(address: string): Promise<number>;
  /** Ends event streams, lets running calls end, then closes. */
  close(): Promise<void>;
}

/** The gRPC edge over a control: the public services, reflection, and health that follows readiness. */
export function createGrpcServer(settings: GrpcSettings): GrpcServer {
  const closing = new AbortController();
  const server = new Server({
    'grpc.max_receive_message_length': MAX_TOPOLOGY_BYTES + 1024,
    'grpc.max_send_message_length': -1,
    interceptors: [requireToken(settings.token)],
  });
  const services = [
    reservationService(settings),
    topologyService(settings),
    agentService(settings),
    eventService(settings, closing.signal),
    ...(settings.extra ?? []),
  ];
  for (const { definition, implementation } of services) server.addService(definition, implementation);
  createReflection(SERVICES).addToServer(server);
  const health = new HealthImplementation();
  health.addToServer(server);
  const refreshHealth = async (): Promise<void> => {
    const ready = await settings.control.readiness().then(
      (readiness) => readiness.ready,
      () => false,
    );
    for (const name of ['', ...SERVICES.map((service) => service.typeName)]) {
      health.setStatus(name, ready ? 'SERVING' : 'NOT_SERVING');
    }
  };
  let healthTimer: NodeJS.Timeout | undefined;

  return {
    async listen(address) {
      await refreshHealth();
      // What goes wrong is told by the callback below; the library would print it, too.
      setLogVerbosity(logVerbosity.NONE);
      const { tls } = settings;
      const credentials = tls
        ? ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }])
        : ServerCredentials.createInsecure();
      const bound = await new Promise<number>((resolve, reject) => {
        server.bindAsync(address, credentials, (error, port) => {
          if (error) reject(new Error(`gRPC cannot listen on ${address}: ${bindProblem(error)}`));
          else resolve(port);
        });
      });
      healthTimer ??= setInterval(() => void refreshHealth(), HEALTH_EVERY_MS);
      return bound;
    },
    async close() {
      clearInterval(healthTimer);
      closing.abort();
      const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      const timer = setTimeout(() => server.forceShutdown(), GRACE_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

/** What the system said, without the library's account of its attempts. */
const bindProblem = ({ message }: Error): string =>
  message.includes('EADDRINUSE') ? 'another process listens there' : message;

/** Every call but those of health wants the token, where one is configured. */
function requireToken(token: string | null): ServerInterceptor {
  const check = createBearerCheck(token);
  return (method, call) =>
    new ServerInterceptingCall(call, {
      start(next) {
        next({
          onReceiveMetadata(metadata, proceed) {
            try {
              if (!method.path.startsWith('/grpc.health.v1.Health/'))
                check(metadata.get('authorization')[0]?.toString());
            } catch (error) {
              const { status } = refusalStatus(error);
              call.sendStatus({ ...status, code: status.code ?? grpcStatus.UNAUTHENTICATED });
              return;
            }
            proceed(metadata);
          },
        });
      },
    });
}
