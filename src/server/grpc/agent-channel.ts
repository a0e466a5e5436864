import type { ServerDuplexStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { AgentMessage, ServerMessage } from '../../gen/headroom/v1/agent_channel_pb.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { AgentStream, RefusalCode } from '../control/agents/messages.ts';
import type { AgentConnection, AgentRegistry } from '../control/agents/registry.ts';
import { readAgentMessage, readHello, toServerMessage } from './agent-messages.ts';

type Call = ServerDuplexStream<AgentMessage, ServerMessage>;

/** A stream that says nothing for this long is ended. */
const HELLO_TIMEOUT_MS = 10_000;

/** The implementation of `headroom.v1.AgentChannel`. */
export const agentChannel = (registry: AgentRegistry, log: Logger): UntypedServiceImplementation => ({
  Connect: (call: Call) => serve(call, registry, log),
});

function serve(call: Call, registry: AgentRegistry, log: Logger): void {
  let connection: AgentConnection | null = null;
  let ended = false;
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
    log.warn({ code, detail, peer: call.getPeer() }, 'agent stream refused');
    stream.send({ type: 'refusal', code, detail });
    stream.end();
    connection?.closed();
    connection = null;
  };
  const helloTimer = setTimeout(() => refuse('MALFORMED', 'no hello came'), HELLO_TIMEOUT_MS);
  const gone = (): void => {
    clearTimeout(helloTimer);
    ended = true;
    connection?.closed();
    connection = null;
  };
  const receive = (message: AgentMessage): void => {
    if (message.message.case === 'hello') {
      if (connection) return refuse('MALFORMED', 'hello came twice');
      clearTimeout(helloTimer);
      connection = registry.open(stream, readHello(message.message.value));
      return;
    }
    if (!connection) return refuse('MALFORMED', 'the first message of an agent is its hello');
    const read = readAgentMessage(message);
    if (read) connection.receive(read);
  };
  call.on('data', (message: AgentMessage) => {
    if (ended) return;
    try {
      receive(message);
    } catch (error) {
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
