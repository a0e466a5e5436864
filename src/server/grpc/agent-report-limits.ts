import type {
  AgentHello,
  AgentInterface,
  AgentMessage,
  AgentRoute,
  AssignmentReport,
  KernelReport,
} from '../../gen/headroom/v1/agent_channel_pb.ts';
import { shownValue } from '../control/shown-value.ts';

/** What an agent may say at most. Beyond it the stream is refused: no agent of ours does so. */
const MAX = {
  name: 63,
  word: 64,
  hostName: 253,
  /** Sentences hold what a kernel or a program of the host said: they are cut and cleaned, not refused. */
  sentence: 20_000,
  notes: 200,
  interfaces: 4_096,
  addresses: 256,
  routes: 100_000,
  nextHops: 1_024,
  held: 200_000,
  recordedRoute: 64,
  traced: 20_000,
  messageBytes: 65_535,
  stateJson: 12 * 1024 * 1024,
} as const;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Device names have 15 bytes in the kernel; topologies may name longer ones. */
const INTERFACE_NAME = /^[\x21-\x7e]{1,64}$/;
const NODE_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/;

/** Throws what is wrong as a sentence with field and value. */
class Checker {
  fail(field: string, value: unknown, problem: string): never {
    throw new ReportProblem(`${field} ${problem} (value: ${JSON.stringify(shownValue(value))})`);
  }

  /** One line of text. */
  text(field: string, value: string, most: number): void {
    if (value.length > most) this.fail(field, value, `has ${value.length} characters, at most ${most} are taken`);
    if (CONTROL.test(value)) this.fail(field, value, 'holds control characters');
  }

  sentence(field: string, value: string): void {
    if (value.length > MAX.sentence) this.fail(field, value, `has ${value.length} characters`);
  }

  count(field: string, { length }: { readonly length: number }, most: number): void {
    if (length > most) this.fail(field, length, `has ${length} entries, at most ${most} are taken`);
  }

  pattern(field: string, value: string, pattern: RegExp, what: string): void {
    if (!pattern.test(value)) this.fail(field, value, `is not ${what}`);
  }

  notNegative(field: string, value: number): void {
    if (!Number.isFinite(value) || value < 0) this.fail(field, value, 'is not a number from 0 on');
  }

  safe(field: string, value: bigint): void {
    if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER))
      this.fail(field, value, 'is not a whole number below 2^53');
  }
}

/** A report that is refused; the message is a sentence. */
export class ReportProblem extends Error {
  override readonly name = 'ReportProblem';
}

const check = new Checker();

/** @throws ReportProblem */
export function checkHello(hello: AgentHello): void {
  check.pattern('node', hello.node, NODE_NAME, 'the name of a node');
  check.text('hostName', hello.hostName, MAX.hostName);
  check.text('bootId', hello.bootId, MAX.word);
  check.text('version', hello.version, MAX.word);
  check.text('instanceId', hello.instanceId, MAX.word);
  checkInterfaces(hello.interfaces);
  check.count('routes', hello.routes, MAX.routes);
  for (const route of hello.routes) checkRoute(route);
  if (hello.features) {
    check.text('features.rsvpTransport', hello.features.rsvpTransport, MAX.word);
    check.sentence('features.steeringProblem', hello.features.steeringProblem);
    check.count('features.notes', hello.features.notes, MAX.notes);
    for (const note of hello.features.notes) check.sentence('features.notes', note);
  }
  if (hello.generation) {
    check.text('generation.epoch', hello.generation.epoch, MAX.word);
  }
  check.count('held', hello.held, MAX.held);
  for (const { reservationId } of hello.held) check.pattern('held.reservationId', reservationId, UUID, 'a UUID');
}

/** @throws ReportProblem */
export function checkAgentMessage({ message }: AgentMessage): void {
  switch (message.case) {
    case 'hello':
      return checkHello(message.value);
    case 'interfaces':
      return checkInterfaces(message.value.interfaces);
    case 'routes':
      check.count('routes', message.value.routes, MAX.routes);
      check.count('removed', message.value.removed, MAX.routes);
      return [...message.value.routes, ...message.value.removed].forEach(checkRoute);
    case 'assignment':
      return checkReport(message.value);
    case 'kernel':
      check.count('kernel.problems', message.value.problems, MAX.notes);
      message.value.problems.forEach((problem) => check.sentence('kernel.problems', problem));
      return checkFindings(message.value);
    case 'heartbeat':
      return check.safe('memoryBytes', message.value.memoryBytes);
    case 'rsvpState':
      if (message.value.json.length > MAX.stateJson) {
        check.fail('json', message.value.json.length, `is longer than ${MAX.stateJson} characters`);
      }
      return;
    case 'rsvpTrace':
      check.count('messages', message.value.messages, MAX.traced);
      check.safe('leftOut', message.value.leftOut);
      for (const { bytes, dropped, interface: name, source, destination, problem } of message.value.messages) {
        check.count('messages.bytes', bytes, MAX.messageBytes);
        check.count('messages.dropped', dropped, MAX.notes);
        for (const text of [...dropped, name, source, destination, problem]) check.sentence('messages', text);
      }
      return;
    default:
      return;
  }
}

function checkFindings({ findings, steeringProblem }: KernelReport): void {
  check.sentence('kernel.steeringProblem', steeringProblem ?? '');
  check.count('kernel.findings', findings, MAX.notes);
  for (const { code, object, severity, detail, mend } of findings) {
    check.text('kernel.findings.code', code, MAX.word);
    check.text('kernel.findings.severity', severity, MAX.word);
    for (const text of [object, detail, mend]) check.sentence('kernel.findings', text);
  }
}

function checkInterfaces(interfaces: readonly AgentInterface[]): void {
  check.count('interfaces', interfaces, MAX.interfaces);
  for (const { name, addresses, speedBitsPerSecond } of interfaces) {
    check.pattern('interfaces.name', name, INTERFACE_NAME, 'the name of an interface');
    check.count('interfaces.addresses', addresses, MAX.addresses);
    for (const address of addresses) check.text('interfaces.addresses', address, MAX.word);
    check.safe('interfaces.speedBitsPerSecond', speedBitsPerSecond);
  }
}

function checkRoute(route: AgentRoute): void {
  check.text('routes.destination', route.destination, MAX.word);
  check.count('routes.others', route.others, MAX.nextHops);
  for (const hop of [route, ...route.others]) {
    check.text('routes.interface', hop.interface, MAX.word);
    check.text('routes.gateway', hop.gateway, MAX.word);
  }
}

function checkReport(report: AssignmentReport): void {
  check.pattern('reservationId', report.reservationId, UUID, 'a UUID');
  check.safe('revision', report.revision);
  check.text('interface', report.interface, MAX.word);
  check.text('previousHop', report.previousHop, MAX.word);
  check.text('nextHop', report.nextHop, MAX.word);
  check.notNegative('elapsedMs', report.elapsedMs);
  check.count('recordedRoute', report.recordedRoute, MAX.recordedRoute);
  for (const address of report.recordedRoute) check.text('recordedRoute', address, MAX.word);
  if (report.source) {
    check.text('source.address', report.source.address, MAX.word);
    const { port } = report.source;
    if (port !== undefined && port > 65_535) check.fail('source.port', port, 'is no port');
  }
  if (report.failure) {
    check.sentence('failure.detail', report.failure.detail);
    check.text('failure.errorNode', report.failure.errorNode, MAX.name);
    if (report.failure.errorCode > 255) check.fail('failure.errorCode', report.failure.errorCode, 'is over 255');
    if (report.failure.errorValue > 65_535)
      check.fail('failure.errorValue', report.failure.errorValue, 'is over 65535');
  }
  const { advertised } = report;
  if (!advertised) return;
  check.notNegative('advertised.minLatencyMicros', advertised.minLatencyMicros);
  for (const [field, value] of Object.entries({
    cTotalBytes: advertised.cTotalBytes,
    dTotalMicros: advertised.dTotalMicros,
  })) {
    if (value !== undefined) check.notNegative(`advertised.${field}`, value);
  }
}
