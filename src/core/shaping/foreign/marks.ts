import type { Finding } from './finding.ts';
import type { ForeignRuleset } from './ruleset.ts';

/** A rule of policy routing that looks at marks (`ip rule`), not of ours. */
export interface ForeignIpRule {
  /** 4 or 6. */
  readonly family: number;
  readonly priority: number;
  readonly mark: number;
  readonly mask: number;
}

const ALL = 0xffffffff;

/** Without a mask the kernel compares the whole mark; what such a rule names are the bits that it sets. */
const bitsOf = ({ mark, mask }: ForeignIpRule): number => (mask === ALL ? mark : mask) >>> 0;

/** Every bit of marks that a rule of others names. */
export const namedBits = (rules: ForeignRuleset, ipRules: readonly ForeignIpRule[]): number =>
  ipRules.reduce((bits, rule) => (bits | bitsOf(rule)) >>> 0, rules.named);

/** @param mask our bits; null = none are free, then whoever names any is told. */
export function markFindings(
  rules: ForeignRuleset,
  ipRules: readonly ForeignIpRule[],
  mask: number | null,
): readonly Finding[] {
  const ours = mask ?? ALL;
  const overlap = (object: string, bits: number): Finding => ({
    ...{ code: 'markOverlap', object, markBits: (bits & ours) >>> 0, severity: 'error' },
    detail: `it reads or writes bits ${hex((bits & ours) >>> 0)} of packet marks, which are ours`,
    mend: 'free these bits there, or give the agent others with --mark-mask',
  });
  const named = rules.marks.flatMap(({ object, bits }) => ((bits & ours) >>> 0 === 0 ? [] : [overlap(object, bits)]));
  const routed = ipRules.flatMap((rule) => {
    const bits = bitsOf(rule);
    return (bits & ours) >>> 0 === 0 ? [] : [overlap(ipRuleText(rule), bits)];
  });
  const whole = rules.marks.flatMap(({ object, bits, overwrites }): Finding[] =>
    !overwrites || (bits & ours) >>> 0 !== 0
      ? []
      : [
          {
            ...{ code: 'markOverwritten', object, markBits: ours, severity: 'warning' },
            detail: 'it writes whole packet marks after ours are set',
            mend: 'have it keep the bits of others: meta mark set meta mark & … | …',
          },
        ],
  );
  const unread = rules.unread.map((detail): Finding => ({
    ...{ code: 'notJudged', object: 'nftables', markBits: 0, severity: 'warning', detail },
    mend: 'make sure that nothing there translates, marks or offloads booked flows',
  }));
  return [...routed, ...named, ...whole, ...unread];
}

export const ipRuleText = ({ family, priority, mark, mask }: ForeignIpRule): string =>
  `${family === 6 ? 'ip -6 rule' : 'ip rule'} ${priority}: fwmark ${hex(mark)}${mask === ALL ? '' : `/${hex(mask)}`}`;

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;
