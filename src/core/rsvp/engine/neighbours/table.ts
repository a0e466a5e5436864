import { isMulticast, type IpAddress } from '../../../base/ip.ts';
import { drop, type EngineState } from '../state.ts';
import { createNeighbour, type Neighbour } from './neighbour.ts';
import type { NeighbourPolicy } from './settings.ts';

const UNSPECIFIED = '0.0.0.0';
/** Where the table is full, one that was silent for so long and holds nothing makes room. */
const IDLE_MS = 60_000;
/** How many are looked at for that: bounded work, whatever arrives. */
const LOOK_AT = 16;

const keyOf = (name: string, address: IpAddress): string => `${name} ${address}`;

export const findNeighbour = (state: EngineState, name: string, address: IpAddress): Neighbour | undefined =>
  state.neighbours.byKey.get(keyOf(name, address));

/** What is agreed with a node: with it alone, or with everybody on its interface. */
export function policyOf(state: EngineState, name: string, address: IpAddress | null): NeighbourPolicy | null {
  const { policies } = state.neighbours;
  if (policies.size === 0) return null;
  return policies.get(`${name} ${address ?? '*'}`) ?? policies.get(`${name} *`) ?? null;
}

/** The node that a message came from, entered when it is new; null, and counted, where there is no room for it. */
export function meetNeighbour(state: EngineState, name: string, address: IpAddress): Neighbour | null {
  const known = findNeighbour(state, name, address);
  if (known !== undefined) return known;
  const { byKey } = state.neighbours;
  if (byKey.size >= (state.settings.neighbours?.maxNeighbours ?? Infinity) && !makeRoom(state)) {
    drop(state, 'tooManyNeighbours');
    return null;
  }
  const neighbour = createNeighbour(name, address, policyOf(state, name, address));
  byKey.set(keyOf(name, address), neighbour);
  return neighbour;
}

export const dropNeighbour = (state: EngineState, { interface: name, address }: Neighbour): void =>
  void state.neighbours.byKey.delete(keyOf(name, address));

/** Whether an address can be another node's. */
export const canBeNeighbour = (state: EngineState, address: IpAddress): boolean =>
  address !== UNSPECIFIED && !isMulticast(address) && !state.localAddresses.has(address);

/** Those looked at in vain go to the end, so that the next look goes further. */
function makeRoom(state: EngineState): boolean {
  const { byKey } = state.neighbours;
  let looked = 0;
  for (const [key, neighbour] of byKey) {
    if (looked++ >= LOOK_AT) return false;
    byKey.delete(key);
    if (isIdle(state, neighbour)) return true;
    byKey.set(key, neighbour);
  }
  return false;
}

/** Silent, and without anything that hangs on it. With whom a key is agreed is kept, for its numbers. */
function isIdle(state: EngineState, neighbour: Neighbour): boolean {
  return (
    (neighbour.policy === null || (neighbour.policy.address === null && neighbour.policy.integrity === null)) &&
    neighbour.flows === 0 &&
    neighbour.summary.size === 0 &&
    neighbour.unacknowledged.size === 0 &&
    neighbour.acks.length === 0 &&
    (neighbour.lastHeard ?? 0) + IDLE_MS <= state.now
  );
}
