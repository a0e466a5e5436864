import { create } from '@bufbuild/protobuf';
import type { handleUnaryCall, ServerDuplexStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import { fullBucket, takeToken } from '../../core/base/token-bucket.ts';
import {
  AgentCertificateSchema,
  type AgentCertificate as CertificateMessage,
  type AgentMessage,
  type EnrolRequest,
  type RenewRequest,
  type ServerMessage,
} from '../../gen/headroom/v1/agent_channel_pb.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { Rarely } from '../../telemetry/rarely.ts';
import type { AgentCertificate, AgentTrust } from '../auth/agents/agent-trust.ts';
import type { AgentPeer, AgentStream, RefusalCode } from '../control/agents/messages.ts';
import type { AgentConnection, AgentRegistry } from '../control/agents/registry.ts';
import { ControlError } from '../control/errors.ts';
import { StoreFault } from '../control/ports.ts';
import { readAgentMessage, readHello, toServerMessage } from './agent-messages.ts';
import { checkAgentMessage, ReportProblem } from './agent-report-limits.ts';
import { refusalStatus } from './refusal.ts';

type Call = ServerDuplexStream<AgentMessage, ServerMessage>;

/** A stream that says nothing for this long is ended. */
const HELLO_TIMEOUT_MS = 10_000;
/** Messages of one stream: those beyond are read later, which holds the agent up and nobody else. */
const MESSAGE_RATE = { burst: 20_000, perSecond: 2_000 };
const PAUSE_MS = 50;
/** The same refusal of the same peer is logged at most so often. */
const REFUSAL_LOG_MS = 60_000;

/** How the two listeners differ: over TCP a certificate says who calls, on the Unix socket the file's mode does. */
export interface AgentChannelSettings {
  readonly registry: AgentRegistry;
  readonly log: Logger;
  /** null: the Unix socket of this machine. */
  readonly trust: AgentTrust | null;
}

/** The implementation of `headroom.v1.AgentChannel`. */
export function agentChannel(settings: AgentChannelSettings): UntypedServiceImplementation {
  const refusals = new Rarely(REFUSAL_LOG_MS);
  const refused = (peer: string, code: string, detail: string): void => {
    // The port of a peer is another one at each try.
    const silenced = refusals.silenced(`${code} ${peer.replace(/:\d+$/, '')}`, performance.now());
    if (silenced !== null) settings.log.warn({ code, detail, peer, silenced }, 'agent refused');
  };
  return {
    Connect: (call: Call) => void connect(call, settings, refused),
    Enrol: certificateCall<EnrolRequest>(settings, refused, ({ token, node, csr }, trust) =>
      trust.enrol({ token, node, csr }),
    ),
    Renew: certificateCall<RenewRequest>(settings, refused, async ({ csr }, trust, shown) =>
      trust.renew(await trust.judge(shown), csr),
    ),
  };
}

type Refused = (peer: string, code: string, detail: string) => void;

function certificateCall<Request>(
  { trust, log }: AgentChannelSettings,
  refused: Refused,
  answer: (request: Request, trust: AgentTrust, shown: Uint8Array | null) => Promise<AgentCertificate>,
): handleUnaryCall<Request, CertificateMessage> {
  return (call, callback) => {
    const run = async (): Promise<void> => {
      try {
        if (!trust) {
          throw new ControlError('INCOMPATIBLE_STATE', 'Agents on the Unix socket of their server have no certificate');
        }
        const { certificatePem, authoritiesPem } = await answer(call.request, trust, shownCertificate(call));
        callback(null, create(AgentCertificateSchema, { certificatePem, authoritiesPem }));
      } catch (thrown) {
        const { error, status } = refusalStatus(asControlError(thrown));
        if (error.code === 'INTERNAL') log.error({ err: error.cause ?? error }, 'an agent could not be answered');
        else refused(call.getPeer(), error.code, error.message);
        callback(status);
      }
    };
    void run();
  };
}

/** DER of what the peer showed and TLS has verified. */
function shownCertificate(call: Pick<Call, 'getAuthContext'>): Uint8Array | null {
  return call.getAuthContext().sslPeerCertificate?.raw ?? null;
}

const asControlError = (thrown: unknown): unknown =>
  thrown instanceof StoreFault
    ? new ControlError('UNAVAILABLE', 'The database is away', { cause: thrown, retryAfterSeconds: 1 })
    : thrown;

async function connect(call: Call, settings: AgentChannelSettings, refused: Refused): Promise<void> {
  // Without a listener an early failure would end the process.
  let gone = false;
  call.on('cancelled', () => (gone = true));
  call.on('error', () => (gone = true));
  let peer: AgentPeer;
  try {
    peer = settings.trust ? await settings.trust.judge(shownCertificate(call)) : { kind: 'local' };
  } catch (thrown) {
    const { error, status } = refusalStatus(asControlError(thrown));
    if (error.code === 'INTERNAL') settings.log.error({ err: error.cause ?? error }, 'an agent could not be judged');
    else refused(call.getPeer(), error.code, error.message);
    call.emit('error', status);
    return;
  }
  if (!gone) serve(call, peer, settings, refused);
}

function serve(call: Call, peer: AgentPeer, { registry, log }: AgentChannelSettings, refused: Refused): void {
  let connection: AgentConnection | null = null;
  let ended = false;
  let paused: NodeJS.Timeout | null = null;
  const bucket = fullBucket(MESSAGE_RATE);
  bucket.at = performance.now();
  const stream: AgentStream = {
    send(message, taken) {
      if (ended) return;
      call.write(toServerMessage(message), (error: Error | null | undefined) => {
        if (!error) taken?.();
      });
    },
    end() {
      if (!ended) call.end();
      ended = true;
    },
  };
  const refuse = (code: RefusalCode, detail: string): void => {
    refused(call.getPeer(), code, detail);
    stream.send({ type: 'refusal', code, detail });
    stream.end();
    connection?.closed();
    connection = null;
  };
  const helloTimer = setTimeout(() => refuse('MALFORMED', 'no hello came'), HELLO_TIMEOUT_MS);
  const gone = (): void => {
    clearTimeout(helloTimer);
    if (paused) clearTimeout(paused);
    ended = true;
    connection?.closed();
    connection = null;
  };
  const receive = (message: AgentMessage): void => {
    checkAgentMessage(message);
    if (message.message.case === 'hello') {
      if (connection) return refuse('MALFORMED', 'hello came twice');
      clearTimeout(helloTimer);
      connection = registry.open(stream, readHello(message.message.value), peer);
      return;
    }
    if (!connection) return refuse('MALFORMED', 'the first message of an agent is its hello');
    const read = readAgentMessage(message);
    if (read) connection.receive(read);
  };
  call.on('data', (message: AgentMessage) => {
    if (ended) return;
    if (!takeToken(bucket, MESSAGE_RATE, performance.now()) && !paused) {
      call.pause();
      paused = setTimeout(() => {
        paused = null;
        call.resume();
      }, PAUSE_MS);
    }
    try {
      receive(message);
    } catch (error) {
      if (error instanceof ReportProblem) return refuse('MALFORMED', error.message);
      log.error({ err: error }, 'a message of an agent could not be handled');
      refuse('INTERNAL', 'the message could not be handled');
    }
  });
  // The agent has said all it will say; without answering it the call would stay half open.
  call.on('end', () => {
    gone();
    call.end();
  });
  call.on('cancelled', gone);
  call.on('error', (error) => {
    log.warn({ err: error, peer: call.getPeer() }, 'agent stream failed');
    gone();
  });
}
