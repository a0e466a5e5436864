import { parseIp, type IpAddress } from '../core/base/ip.ts';
import { err, ok, type Result } from '../core/base/result.ts';
import { parseRfc3339 } from '../core/base/rfc3339.ts';
import { Millis, type EpochMs } from '../core/base/units.ts';
import type { IntegritySettings, LivingKey, NeighbourPolicy } from '../core/rsvp/engine/neighbours/settings.ts';
import { DIGEST_BYTES, type IntegrityAlgorithm } from '../core/rsvp/wire/integrity.ts';
import { ConfigObject, Problem } from './config-object.ts';

/** What an agent agreed with its neighbours, as its file says; see docs/rsvp-neighbours.md. */
export interface RsvpConfig {
  /** RFC 2961 is offered to neighbours. */
  readonly refreshReduction: boolean;
  /** Path state that one neighbour may make. */
  readonly maxFlowsPerNeighbour: number;
  readonly policies: readonly NeighbourPolicy[];
}

/** Without a file: refresh reduction with whoever does it, and half of an agent's flows for any one neighbour. */
export const DEFAULT_RSVP_CONFIG: RsvpConfig = { refreshReduction: true, maxFlowsPerNeighbour: 100_000, policies: [] };

const MAX_KEY_ID = 2 ** 48 - 1;
const MAX_FLOWS = 200_000;
const MAX_WINDOW = 64;

/** Whether the text holds keys, which nobody but its owner may read. */
export const holdsKeys = (config: RsvpConfig): boolean => config.policies.some(({ integrity }) => integrity !== null);

/**
 * Reads the JSON of a file. Fields that are not known are refused, so that a slip is not a neighbour without its key.
 * @returns the first problem as a sentence that names field and value (of keys: never the value)
 */
export function parseRsvpConfig(text: string): Result<RsvpConfig, string> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return err(`not JSON: ${(error as Error).message}`);
  }
  try {
    return ok(read(ConfigObject.of(json, '')));
  } catch (error) {
    if (error instanceof Problem) return err(error.message);
    throw error;
  }
}

function read(root: ConfigObject): RsvpConfig {
  const refreshReduction = root.boolean('refreshReduction') ?? DEFAULT_RSVP_CONFIG.refreshReduction;
  const maxFlowsPerNeighbour =
    root.integer('maxFlowsPerNeighbour', 1, MAX_FLOWS) ?? DEFAULT_RSVP_CONFIG.maxFlowsPerNeighbour;
  const policies = root.list('neighbours').map(policy);
  root.end();
  const seen = new Set<string>();
  for (const [i, { interface: name, address }] of policies.entries()) {
    const key = `${name} ${address ?? 'any'}`;
    if (seen.has(key)) throw new Problem(`neighbours[${i}] is the second for ${address ?? 'all others'} on ${name}`);
    seen.add(key);
  }
  return { refreshReduction, maxFlowsPerNeighbour, policies };
}

function policy(object: ConfigObject): NeighbourPolicy {
  const name = object.text('interface');
  const address = addressOf(object);
  const helloInterval = object.integer('helloIntervalMs', 100, 3_600_000);
  if (helloInterval !== null && address === null) {
    throw object.problem('helloIntervalMs', 'needs an address: Hello is between two nodes');
  }
  const refreshReduction = object.boolean('refreshReduction') ?? true;
  const inner = object.object('integrity');
  object.end();
  return {
    interface: name,
    address,
    integrity: inner && integrity(inner),
    helloInterval: helloInterval === null ? null : Millis(helloInterval),
    refreshReduction,
  };
}

/** Left out: all others on the interface. */
function addressOf(object: ConfigObject): IpAddress | null {
  const text = object.optionalText('address');
  if (text === null) return null;
  const address = parseIp(text);
  if (!address.ok) throw object.problem('address', address.error);
  return address.value;
}

function integrity(object: ConfigObject): IntegritySettings {
  const keys = object.list('keys').map(key);
  if (keys.length === 0) throw object.problem('keys', 'must hold at least one key');
  const twice = keys.find(({ keyId }, i) => keys.findIndex((other) => other.keyId === keyId) !== i);
  if (twice) throw object.problem('keys', `has two keys with keyId ${twice.keyId}`);
  const window = object.integer('window', 1, MAX_WINDOW) ?? 1;
  const handshake = object.boolean('handshake') ?? true;
  object.end();
  return { keys, window, handshake };
}

function key(object: ConfigObject): LivingKey {
  const keyId = object.integer('keyId', 0, MAX_KEY_ID);
  if (keyId === null) throw object.problem('keyId', 'is missing');
  const algorithm = object.text('algorithm');
  if (!Object.hasOwn(DIGEST_BYTES, algorithm)) {
    throw object.problem('algorithm', `is "${algorithm}", not one of ${Object.keys(DIGEST_BYTES).join(', ')}`);
  }
  const bytes = keyBytes(object);
  const notBefore = time(object, 'notBefore');
  const notAfter = time(object, 'notAfter');
  object.end();
  if (notBefore !== null && notAfter !== null && notAfter <= notBefore) {
    throw object.problem('notAfter', 'is not after notBefore');
  }
  return { keyId, algorithm: algorithm as IntegrityAlgorithm, key: bytes, notBefore, notAfter };
}

function keyBytes(object: ConfigObject): Uint8Array {
  const text = object.optionalText('key');
  const hex = object.optionalText('keyHex');
  if ((text === null) === (hex === null)) throw object.problem('key', 'or keyHex: one of them must be there');
  if (text !== null) return new TextEncoder().encode(text);
  if (!/^([0-9a-fA-F]{2})+$/.test(hex!)) throw object.problem('keyHex', 'is not pairs of hexadecimal digits');
  return Uint8Array.from(hex!.match(/../g)!, (pair) => parseInt(pair, 16));
}

function time(object: ConfigObject, name: string): EpochMs | null {
  const text = object.optionalText(name);
  if (text === null) return null;
  const parsed = parseRfc3339(text);
  if (!parsed.ok) throw object.problem(name, `"${text}" ${parsed.error}`);
  return parsed.value;
}
