import { EpochMs } from '../../src/core/base/units.ts';
import type { IpAddress } from '../../src/core/base/ip.ts';
import type { IntegritySettings, LivingKey, NeighbourPolicy } from '../../src/core/rsvp/engine/neighbours/settings.ts';
import type { IntegrityAlgorithm } from '../../src/core/rsvp/wire/integrity.ts';
import type { Network, Node } from '../core/rsvp/engine/network.ts';
import { linkBetween } from './scenario-network.ts';
import { duration, number, type Words } from './scenario-values.ts';

const ALGORITHMS: Readonly<Record<string, IntegrityAlgorithm>> = {
  md5: 'hmac-md5',
  sha1: 'hmac-sha1',
  sha256: 'hmac-sha256',
};

/** `key 1 md5 password12345 [from 10s] [until 20s]`, times from the start of the scenario. */
function keyOf(words: Words, start: EpochMs): LivingKey {
  const keyId = number(words.next('key id'));
  const name = words.next('algorithm');
  const algorithm = ALGORITHMS[name];
  if (algorithm === undefined) throw new Error(`an algorithm ${name} is not known`);
  const key = new TextEncoder().encode(words.next('key'));
  const notBefore = words.accept('from') ? EpochMs(start + duration(words.next('from'))) : null;
  const notAfter = words.accept('until') ? EpochMs(start + duration(words.next('until'))) : null;
  return { keyId, algorithm, key, notBefore, notAfter };
}

/** `key … [key …] [window 8] [no-handshake]` */
export function integrityOf(words: Words, start: EpochMs): IntegritySettings {
  const keys: LivingKey[] = [];
  while (words.accept('key')) keys.push(keyOf(words, start));
  const window = words.accept('window') ? number(words.next('window')) : 1;
  return { keys, window, handshake: !words.accept('no-handshake') };
}

/** Changes what `node` has agreed with its neighbour on a link, or with everybody on that link. */
export function agree(network: Network, node: Node, other: Node, change: Partial<NeighbourPolicy>, wide = false): void {
  const link = linkBetween(network, node.name, other.name);
  const own = link.ends.find((end) => end.node === node)!;
  const far = link.ends.find((end) => end.node === other)!;
  const address: IpAddress | null = wide ? null : other.interfaces.get(far.interface)!.address;
  const at = node.policies.findIndex((policy) => policy.interface === own.interface && policy.address === address);
  const before = node.policies[at] ?? { integrity: null, helloInterval: null, refreshReduction: true };
  const policy = { ...before, ...change, interface: own.interface, address };
  if (at < 0) node.policies.push(policy);
  else node.policies[at] = policy;
}
