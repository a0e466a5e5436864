import { chooseMask } from '../../core/shaping/foreign/choose-mask.ts';
import { firewallChains } from '../../core/shaping/foreign/firewall-chains.ts';
import { listOf, member, numberOf, textOf, type Json } from '../../core/shaping/foreign/json.ts';
import { markFindings, namedBits, type ForeignIpRule } from '../../core/shaping/foreign/marks.ts';
import { rsvpObstacles } from '../../core/shaping/foreign/rsvp-firewall.ts';
import { ruleText } from '../../core/shaping/foreign/rule-text.ts';
import { readRuleset, TRANSLATIONS, type ForeignRuleset } from '../../core/shaping/foreign/ruleset.ts';
import { TABLE } from '../../core/shaping/nft.ts';
import { ROUTE_PROTOCOL } from '../../core/shaping/steering.ts';
import { STEERING_TABLE } from '../../core/shaping/steering-nft.ts';
import { fine, named, warning, wrong, type Finding } from './finding.ts';

/** Tables that are ours, whatever is in them. */
const OWN_TABLES: ReadonlySet<string> = new Set([TABLE, STEERING_TABLE]);

/**
 * What of a host's packet filters and routing rules is in the way.
 *
 * @param nftJson as `nft -j list ruleset` prints it
 * @param ruleJson as `ip -j rule` prints it
 * @param mask of our marks
 */
export function judgeFilters(nftJson: Json, ruleJson: Json, mask: number): readonly Finding[] {
  const others = { nftables: listOf(member(nftJson, 'nftables')).filter((entry) => !isOurs(entry)) };
  const ruleset = readRuleset([others]);
  const ipRules = foreignIpRules(ruleJson);
  const obstacles = rsvpObstacles(firewallChains(others));
  const marks = markFindings(ruleset, ipRules, mask);
  const inUse = marks.filter(({ code }) => code === 'markOverlap');
  const free = chooseMask(namedBits(ruleset, ipRules));
  const translated = translationsIn(ruleset);
  const flowtables = [...ruleset.flowtables.keys()];
  return [
    ...(obstacles.length === 0 ? [fine('firewall', 'nothing keeps IP protocol 46 out')] : []),
    ...obstacles.map(({ where, chain: { family, table, name } }) =>
      wrong(
        'firewall',
        `${where} drops RSVP (IP protocol 46)`,
        `nft insert rule ${family} ${table} ${name} ip protocol 46 accept`,
      ),
    ),
    inUse.length === 0
      ? fine('marks', `nobody else uses the mark bits ${hex(mask)}`)
      : warning(
          'marks',
          `others use the mark bits ${hex(mask)} too: ${named(inUse.map(({ object, markBits }) => `${object} (${hex(markBits)})`))}`,
          free === null
            ? 'free bits in a row for flows that are pinned to a path'
            : `an agent without --mark-mask takes ${hex(free)}; one with it needs bits that are free, as these are`,
        ),
    ...marks
      .filter(({ code }) => code !== 'markOverlap')
      .map(({ object, detail, mend }) => warning('marks', `${object}: ${detail}`, mend)),
    translated.length === 0
      ? fine('nat', 'no addresses are translated')
      : warning(
          'nat',
          `addresses are translated by ${named(translated)}`,
          'leave booked flows out of it, by a rule with "accept" in front: a flow that leaves with another address is not the booked one',
        ),
    flowtables.length === 0
      ? fine('flowtables', 'no flowtable takes packets past traffic control')
      : wrong(
          'flowtables',
          `forwarded packets that ${named(flowtables)} takes pass by the classifier`,
          'take "flow add" away for the networks of the topology',
        ),
  ];
}

function isOurs(entry: Json): boolean {
  const [item] = Object.values(entry ?? {}) as Json[];
  return OWN_TABLES.has(`${textOf(member(item, 'family')) ?? ''} ${textOf(member(item, 'table')) ?? ''}`);
}

/** Rules that give packets other addresses or ports, as their operator knows them. */
const translationsIn = ({ chains }: ForeignRuleset): readonly string[] =>
  [...chains.values()].flatMap(({ name, rules }) =>
    rules
      .filter(({ expressions }) =>
        expressions.some((each) => TRANSLATIONS.some((statement) => member(each, statement) !== undefined)),
      )
      .map(({ expressions }) => ruleText(name, expressions)),
  );

/** Those that look at marks and are not ours. Without a mask the kernel compares the whole mark. */
const foreignIpRules = (ruleJson: Json): readonly ForeignIpRule[] =>
  listOf(ruleJson).flatMap((rule) => {
    const mark = numberOf(member(rule, 'fwmark'));
    if (mark === null || String(member(rule, 'protocol')) === String(ROUTE_PROTOCOL)) return [];
    const mask = numberOf(member(rule, 'fwmask')) ?? 0xffffffff;
    return [{ family: 4, priority: numberOf(member(rule, 'priority')) ?? 0, mark, mask }];
  });

const hex = (mask: number): string => `0x${mask.toString(16)}`;
