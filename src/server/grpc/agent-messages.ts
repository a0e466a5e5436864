import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { assertNever } from '../../core/base/assert-never.ts';
import { parseIp, parsePrefix } from '../../core/base/ip.ts';
import type { AdvertisedTerms } from '../../core/admission/advertised.ts';
import { BitsPerSecond, Bytes, Micros, Millis, type EpochMs } from '../../core/base/units.ts';
import type { NextHop, Route } from '../../core/network/topology.ts';
import {
  AssignmentState,
  ServerMessageSchema,
  type AdvertisedTerms as AdvertisedTermsMessage,
  type AgentHello as HelloMessage,
  type AgentInterface,
  type AgentMessage,
  type AgentRoute,
  type AssignmentReport,
  type HeldAssignmentSchema,
  type HeldAssignment as HeldMessage,
  type InterfaceConfigSchema,
  type KernelFinding,
  type RsvpTraceMessage,
  type ServerMessage,
} from '../../gen/headroom/v1/agent_channel_pb.ts';
import { assignmentToMessage, endpointFromMessage } from '../../rpc/assignment.ts';
import type {
  AgentHello,
  HeldAssignment,
  HopReport,
  HopState,
  InterfaceConfig,
  ReportedInterface,
  ToAgent,
} from '../control/agents/messages.ts';
import type { FromAgent } from '../control/agents/registry.ts';
import type { AgentFinding, TracedMessage } from '../control/api.ts';

const STATES: Readonly<Record<AssignmentState, HopState>> = {
  [AssignmentState.UNSPECIFIED]: 'pending',
  [AssignmentState.PENDING]: 'pending',
  [AssignmentState.PATH]: 'path',
  [AssignmentState.INSTALLED]: 'installed',
  [AssignmentState.CONFIRMED]: 'confirmed',
  [AssignmentState.FAILED]: 'failed',
  [AssignmentState.REMOVED]: 'removed',
  [AssignmentState.LOST]: 'lost',
};
const STATE_NUMBERS = new Map(
  Object.entries(STATES).map(([number, state]) => [state, Number(number) as AssignmentState]),
);

/** Reads a hello leniently: what does not parse becomes a problem that is shown, not a refusal. */
export function readHello(message: HelloMessage): AgentHello {
  const problems: string[] = [];
  const { generation, features } = message;
  return {
    node: message.node,
    hostName: message.hostName,
    bootId: message.bootId,
    processId: message.processId,
    version: message.version,
    interfaces: readInterfaces(message.interfaces, problems),
    routes: readRoutes(message.routes, problems),
    features: {
      enforces: features?.enforces ?? false,
      steers: features?.steers ?? false,
      steeringProblem: features?.steers ? null : sentence(features?.steeringProblem || 'its agent does not know how'),
      rsvpTransport: features?.rsvpTransport ?? '',
      refreshPeriodMs: features?.refreshPeriodMs ?? 0,
      notes: (features?.notes ?? []).map(sentence),
    },
    generation: generation && generation.epoch !== '' ? { epoch: generation.epoch, counter: generation.counter } : null,
    held: message.held.map(readHeld),
    instanceId: message.instanceId,
    problems,
  };
}

/** null: a message that this version does not know; it is ignored. */
export function readAgentMessage({ message }: AgentMessage): FromAgent | null {
  const problems: string[] = [];
  switch (message.case) {
    case 'interfaces':
      return { type: 'interfaces', interfaces: readInterfaces(message.value.interfaces, problems), problems };
    case 'routes':
      return {
        type: 'routes',
        routes: readRoutes(message.value.routes, problems),
        removed: message.value.difference ? readRoutes(message.value.removed, problems) : null,
        problems,
      };
    case 'assignment':
      return { type: 'hop', report: readReport(message.value) };
    case 'heartbeat':
      return { type: 'heartbeat', memoryBytes: Number(message.value.memoryBytes) };
    case 'rsvpState':
      return { type: 'rsvpState', queryId: message.value.queryId, json: message.value.json };
    case 'applied':
      return { type: 'applied' };
    case 'kernel':
      return {
        type: 'kernel',
        problems: readKernelProblems(message.value.problems),
        findings: message.value.findings.slice(0, MAX_FINDINGS).map(readFinding),
        ...(message.value.steeringProblem === undefined
          ? {}
          : { steeringProblem: message.value.steeringProblem === '' ? null : sentence(message.value.steeringProblem) }),
      };
    case 'rsvpTrace':
      return {
        type: 'rsvpTrace',
        messages: message.value.messages.map(readTraced),
        leftOut: Number(message.value.leftOut),
      };
    case 'hello':
    case undefined:
      return null;
    default:
      return assertNever(message);
  }
}

/** No stranger's text grows beyond what people read. */
const MAX_PROBLEMS = 20;
const MAX_FINDINGS = 100;
const MAX_PROBLEM_LENGTH = 500;

const readFinding = ({ code, object, markBits, severity, detail, mend }: KernelFinding): AgentFinding => ({
  code: sentence(code),
  object: sentence(object),
  markBits,
  severity: severity === 'error' ? 'error' : 'warning',
  detail: sentence(detail),
  mend: sentence(mend),
});

const readKernelProblems = (problems: readonly string[]): readonly string[] =>
  problems.slice(0, MAX_PROBLEMS).map((problem) => sentence(problem));

/** What a kernel or a program of the agent's host said, as one line. */
const sentence = (text: string): string => text.slice(0, MAX_PROBLEM_LENGTH).replace(/\p{Cc}+/gu, ' ');

export function toServerMessage(message: ToAgent): ServerMessage {
  switch (message.type) {
    case 'welcome':
      return server({
        case: 'welcome',
        value: {
          interfaces: message.interfaces.map(interfaceConfig),
          heartbeatIntervalMs: message.heartbeatIntervalMs,
          serverTimeMs: wholeMs(message.serverTime),
          authoritiesPem: message.authoritiesPem,
          subnets: [...message.subnets],
        },
      });
    case 'assignments': {
      const { generation } = message;
      return server({
        case: 'assignments',
        value: {
          ...(generation ? { generation: { epoch: generation.epoch, counter: generation.counter } } : {}),
          full: message.full,
          keep: message.keep.map(held),
          upserts: message.upserts.map(assignmentToMessage),
          removals: [...message.removals],
          interfaces: message.interfaces.map(interfaceConfig),
          serverTimeMs: wholeMs(message.serverTime),
        },
      });
    }
    case 'rsvpStateQuery':
      return server({ case: 'rsvpState', value: { queryId: message.queryId } });
    case 'rsvpTraceSwitch':
      return server({ case: 'rsvpTrace', value: { on: message.on } });
    case 'notice':
      return server({ case: 'notice', value: { code: message.code, detail: message.detail } });
    case 'refusal':
      return server({ case: 'refusal', value: { code: message.code, detail: message.detail } });
    default:
      return assertNever(message);
  }
}

/** Rounded up: a window that opens now is open by this time. */
const wholeMs = (time: EpochMs): bigint => BigInt(Math.ceil(time));

const server = (message: MessageInitShape<typeof ServerMessageSchema>['message']): ServerMessage =>
  create(ServerMessageSchema, { message: message! });

const held = (each: HeldAssignment): MessageInitShape<typeof HeldAssignmentSchema> => ({
  reservationId: each.reservationId,
  revision: BigInt(each.revision),
  state: STATE_NUMBERS.get(each.state)!,
});

const interfaceConfig = (config: InterfaceConfig): MessageInitShape<typeof InterfaceConfigSchema> => ({
  name: config.name,
  capacityBitsPerSecond: BigInt(config.capacityBitsPerSecond ?? 0),
  overheadBytes: config.overheadBytes,
  mtuBytes: config.mtuBytes,
  delayMicros: BigInt(Math.round(config.delayMicros)),
  ...(config.errorCBytes === null ? {} : { errorCBytes: config.errorCBytes }),
  ...(config.errorDMicros === null ? {} : { errorDMicros: config.errorDMicros }),
});

const readHeld = (each: HeldMessage): HeldAssignment => ({
  reservationId: each.reservationId,
  // Beyond 2^53 it is none of ours and equals none.
  revision: Number(each.revision),
  state: STATES[each.state] ?? 'pending',
});

function readReport(report: AssignmentReport): HopReport {
  const { failure } = report;
  return {
    ...readHeld(report as unknown as HeldMessage),
    interface: report.interface === '' ? null : report.interface,
    previousHop: address(report.previousHop),
    nextHop: address(report.nextHop),
    nonRsvpHop: report.nonRsvpHop ?? null,
    advertised: advertisedOf(report.advertised),
    failure: failure
      ? {
          errorCode: failure.errorCode,
          errorValue: failure.errorValue,
          errorNode: failure.errorNode,
          detail: sentence(failure.detail),
        }
      : null,
    elapsedMs: Millis(report.elapsedMs),
    source: endpointFromMessage(report.source),
    recordedRoute: report.recordedRoute.flatMap((text) => address(text) ?? []),
  };
}

const advertisedOf = (terms: AdvertisedTermsMessage | undefined): AdvertisedTerms | null =>
  terms
    ? {
        minLatencyMicros: Micros(terms.minLatencyMicros),
        pathMtuBytes: Bytes(terms.pathMtuBytes),
        errors:
          terms.cTotalBytes === undefined || terms.dTotalMicros === undefined
            ? null
            : { rateDependent: Bytes(terms.cTotalBytes), rateIndependent: Micros(terms.dTotalMicros) },
      }
    : null;

const readTraced = (message: RsvpTraceMessage): TracedMessage => ({
  timeMicros: message.timeMicros,
  direction: message.sent ? 'out' : 'in',
  interface: message.interface,
  source: message.source,
  destination: message.destination,
  ttl: message.ttl,
  routerAlert: message.routerAlert,
  bytes: message.bytes,
  dropped: message.dropped.map(sentence),
  problem: message.problem === '' ? null : sentence(message.problem),
});

function address(text: string): string | null {
  const parsed = parseIp(text);
  return parsed.ok ? parsed.value : null;
}

function readInterfaces(messages: readonly AgentInterface[], problems: string[]): readonly ReportedInterface[] {
  return messages.map((message) => ({
    name: message.name,
    addresses: message.addresses.flatMap((text) => {
      const prefix = parsePrefix(text);
      if (!prefix.ok)
        problems.push(`interface ${message.name} was reported with an address that is none: ${prefix.error}`);
      return prefix.ok ? [`${prefix.value.address}/${prefix.value.length}`] : [];
    }),
    mtuBytes: Bytes(message.mtuBytes),
    speedBitsPerSecond: message.speedBitsPerSecond === 0n ? null : BitsPerSecond(Number(message.speedBitsPerSecond)),
    up: message.up,
    rpFilter: message.rpFilter ?? null,
  }));
}

function readRoutes(messages: readonly AgentRoute[], problems: string[]): readonly Route[] {
  return messages.flatMap((message) => {
    const destination = parsePrefix(message.destination);
    if (!destination.ok) {
      problems.push(`a route was reported that is none: ${destination.error}`);
      return [];
    }
    const hops = [message, ...message.others].map(({ interface: name, gateway }) => ({
      interface: name,
      gateway: gateway === '' ? null : parseIp(gateway),
    }));
    const [first, ...others] = hops.flatMap(({ interface: name, gateway }): NextHop[] => {
      if (gateway === null) return [{ interface: name, gateway }];
      if (gateway.ok) return [{ interface: name, gateway: gateway.value }];
      problems.push(`route ${message.destination} was reported with: ${gateway.error}`);
      return [];
    });
    if (first === undefined) return [];
    const { metric } = message;
    return [{ destination: destination.value, ...first, metric, ...(others.length > 0 ? { others } : {}) }];
  });
}
