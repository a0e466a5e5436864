import {
  ipFamily,
  ipFromBytes,
  ipToBytes,
  parsePrefix,
  prefixContains,
  type IpAddress,
  type IpPrefix,
} from '../base/ip.ts';
import { networkOf } from '../base/prefix-table.ts';
import type { Problems } from './fields.ts';
import type { Note } from './imported.ts';

/** The first usable addresses of the pool, without the network's own and its broadcast address. */
export function takeAddresses(
  pool: IpPrefix | undefined,
  count: number,
  problems: Problems,
  note: Note,
): readonly IpAddress[] {
  const prefix = networkOf(pool ?? DEFAULT_POOL);
  const host = ipToBytes(prefix.address);
  const last = ipFamily(prefix.address) === 4 ? 1 : 0;
  const addresses: IpAddress[] = [];
  const advance = (): IpAddress | undefined => {
    for (let i = host.length - 1; i >= 0 && ++host[i]! === 256; i--);
    const address = ipFromBytes(host);
    return prefixContains(prefix, address) && address !== prefix.address ? address : undefined;
  };
  for (let address = advance(); address && addresses.length < count + last; address = advance())
    addresses.push(address);
  if (addresses.length < count + last) {
    problems.add('addressPool', `${prefix.address}/${prefix.length}`, `has too few addresses for ${count} nodes`);
    return [];
  }
  if (count > 0) {
    note(
      'addresses',
      '',
      `${count} nodes have the addresses ${addresses[0]} to ${addresses[count - 1]} on lo, in the order of the file.`,
    );
  }
  return addresses.slice(0, count);
}

const DEFAULT_POOL: IpPrefix = (() => {
  const parsed = parsePrefix('198.18.0.0/15');
  return parsed.ok ? parsed.value : { address: '198.18.0.0' as IpAddress, length: 15 };
})();
