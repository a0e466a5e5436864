import { AF_INET } from '../libc.ts';
import { decodeAttributes, RTM_NEWNETCONF, u32Of, type NetlinkMessage } from './message.ts';

/** linux/netconf.h */
const NETCONFA_IFINDEX = 1;
const NETCONFA_RP_FILTER = 3;
const ALL_INTERFACES = -1;

/** The reverse-path filtering in force on each interface, from the answers to RTM_GETNETCONF. */
export class ReversePathFilters {
  readonly #byIndex = new Map<number, number>();

  constructor(answers: readonly NetlinkMessage[]) {
    for (const { type, body } of answers) {
      if (type !== RTM_NEWNETCONF || body.length < 4 || body[0] !== AF_INET) continue;
      const attributes = decodeAttributes(body.subarray(4));
      const index = u32Of(attributes.get(NETCONFA_IFINDEX));
      const mode = u32Of(attributes.get(NETCONFA_RP_FILTER));
      if (index !== null && mode !== null) this.#byIndex.set(index | 0, mode);
    }
  }

  /** The larger of what is set for all and for the interface counts (ip-sysctl, rp_filter); null = unknown. */
  of(index: number): number | null {
    const own = this.#byIndex.get(index);
    return own === undefined ? null : Math.max(own, this.#byIndex.get(ALL_INTERFACES) ?? 0);
  }
}
