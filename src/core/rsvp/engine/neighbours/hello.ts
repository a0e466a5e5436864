import type { RsvpHello } from '../../wire/hello.ts';
import type { HelloMessage } from '../../wire/neighbor-messages.ts';
import { neighbourChanged, type NeighbourChange } from '../neighbour-change.ts';
import { drop, emit, type EngineState, type EngineTimer } from '../state.ts';
import { newTimer } from '../timer.ts';
import { forgetAllArrived } from './arrived.ts';
import type { HelloState, Neighbour } from './neighbour.ts';
import { departToNeighbour } from './outgoing.ts';
import { forgetAllSent } from './sent.ts';

/** A neighbour is presumed dead after so many intervals without a word (RFC 3209 5.3). */
const DEAD_INTERVALS = 3.5;
/** Requests with a wrong Dst_Instance in a row that are put down to messages that crossed each other (RFC 3209 5.3). */
const MAX_WRONG = 3;
/** A neighbour is told everything again at most once in so long, however often it says to be another. */
const MIN_CHANGE_MS = 1_000;
/** "The IP TTL SHOULD be 1" (RFC 3209 5.1): a Hello is for the link. */
const HELLO_TTL = 1;

/** Begins to track a neighbour with whom an interval is agreed. */
export function trackByHello(state: EngineState, neighbour: Neighbour): void {
  const interval = neighbour.policy?.helloInterval ?? null;
  if (interval === null || neighbour.hello?.request != null) return;
  const hello = helloOf(state, neighbour);
  hello.request = newTimer(REQUEST, neighbour);
  hello.death = newTimer(DEATH, neighbour);
  request(state, neighbour, hello, interval);
}

const REQUEST: EngineTimer<Neighbour> = {
  name: 'hello',
  fire: (state, neighbour) => {
    const { hello, policy } = neighbour;
    if (hello !== null && policy?.helloInterval != null) request(state, neighbour, hello, policy.helloInterval);
  },
};

const DEATH: EngineTimer<Neighbour> = {
  name: 'neighbour lost',
  fire: (state, neighbour) => {
    if (neighbour.hello !== null) lose(state, neighbour, neighbour.hello);
  },
};

/** No more requests; the interface is gone. */
export function stopHello(state: EngineState, neighbour: Neighbour): void {
  const { hello } = neighbour;
  for (const timer of [hello?.request, hello?.death]) if (timer != null) state.timers.cancel(timer);
  neighbour.hello = null;
}

function helloOf(state: EngineState, neighbour: Neighbour): HelloState {
  const ownInstance = state.settings.neighbours?.instance ?? 1;
  neighbour.hello ??= {
    ownInstance,
    theirInstance: 0,
    lastInstance: 0,
    state: 'unknown',
    requestedAt: null,
    wrong: 0,
    changedAt: null,
    request: null,
    death: null,
  };
  return neighbour.hello;
}

/** One that asked within the interval need not be asked (RFC 3209 5.3). */
function request(state: EngineState, neighbour: Neighbour, hello: HelloState, interval: number): void {
  state.timers.set(hello.request!, state.now + interval);
  if (hello.requestedAt !== null && state.now - hello.requestedAt < interval) return;
  send(state, neighbour, hello, false);
}

function send(state: EngineState, neighbour: Neighbour, hello: HelloState, ack: boolean): void {
  const out = state.interfaces.get(neighbour.interface);
  if (out === undefined) return;
  const object: RsvpHello = {
    kind: 'hello',
    ack,
    sourceInstance: hello.ownInstance,
    destinationInstance: hello.theirInstance,
  };
  const common = { sendTtl: HELLO_TTL, flags: 0, integrity: null, restartCap: null, capability: null };
  departToNeighbour(state, { kind: 'hello', ...common, hello: object }, out, neighbour);
}

/**
 * Every request is answered, whatever else it says (RFC 3209 5.3: "MUST generate"); an answer with a wrong Dst_Instance is the
 * end at once, a request with one only when it goes on. Another instance than before says that the neighbour was reset. Then our own stays: were both to change theirs whenever
 * the other's changes, two that see each other late would never come to rest.
 */
export function helloArrived(state: EngineState, neighbour: Neighbour, { hello: object }: HelloMessage): void {
  const hello = helloOf(state, neighbour);
  judge(state, neighbour, hello, object);
  if (object.ack) return;
  hello.requestedAt = state.now;
  send(state, neighbour, hello, true);
}

function judge(state: EngineState, neighbour: Neighbour, hello: HelloState, object: RsvpHello): void {
  const { ack, sourceInstance, destinationInstance } = object;
  if (isChange(hello, sourceInstance) && hello.changedAt !== null && state.now < hello.changedAt + MIN_CHANGE_MS) {
    return drop(state, 'helloChangesTooOften');
  }
  if (sourceInstance === 0) {
    drop(state, 'helloWithoutInstance');
    return lose(state, neighbour, hello);
  }
  if (!reflects(hello, ack, destinationInstance)) {
    drop(state, 'helloToAnotherInstance');
    if (ack || ++hello.wrong >= MAX_WRONG) return lose(state, neighbour, hello);
  } else hello.wrong = 0;
  const before = hello.theirInstance;
  hello.theirInstance = sourceInstance;
  const interval = neighbour.policy?.helloInterval ?? null;
  if (interval !== null && hello.death !== null) state.timers.set(hello.death, state.now + DEAD_INTERVALS * interval);
  if (before !== 0 && before !== sourceInstance) return changed(state, neighbour, hello, 'restarted');
  if (hello.state === 'lost') {
    return changed(state, neighbour, hello, sourceInstance === hello.lastInstance ? 'back' : 'restarted');
  }
  hello.state = 'up';
}

/** Whether it says something else of the neighbour than is known. The first instance of all is no change. */
const isChange = (hello: HelloState, sourceInstance: number): boolean =>
  hello.state === 'lost' || (hello.theirInstance !== 0 && sourceInstance !== hello.theirInstance);

const reflects = (hello: HelloState, ack: boolean, destinationInstance: number): boolean =>
  destinationInstance === hello.ownInstance || (!ack && destinationInstance === 0);

/** Nothing came for so long, or nothing that makes sense. Requests go on, from another instance (RFC 3209 5.3). */
function lose(state: EngineState, neighbour: Neighbour, hello: HelloState): void {
  if (hello.death !== null) state.timers.cancel(hello.death);
  if (hello.theirInstance === 0) return;
  hello.lastInstance = hello.theirInstance;
  hello.theirInstance = 0;
  hello.ownInstance = nextInstance(hello.ownInstance);
  hello.wrong = 0;
  changed(state, neighbour, hello, 'lost');
}

/** 32 bits, never 0. */
const nextInstance = (instance: number): number => (instance + 1) >>> 0 || 1;

function changed(state: EngineState, neighbour: Neighbour, hello: HelloState, change: NeighbourChange['change']): void {
  hello.state = change === 'lost' ? 'lost' : 'up';
  hello.changedAt = state.now;
  const { interface: name, address } = neighbour;
  // What was said to it must be said whole again; what it said goes by ids that it no longer counts from.
  if (change !== 'back') forgetAllSent(state, neighbour);
  if (change === 'restarted') forgetAllArrived(neighbour, null);
  emit(state, { type: 'neighbourChanged', interface: name, neighbour: address, change });
  neighbourChanged(state, { interface: name, address, change });
}
