import { chooseMask, marksInRules, marksInRuleset, overlapping } from '../../core/shaping/mark-use.ts';
import { TABLE } from '../../core/shaping/nft.ts';
import { rsvpObstacles } from '../../core/shaping/rsvp-firewall.ts';
import { parseRuleset } from '../../core/shaping/ruleset.ts';
import { ROUTE_PROTOCOL } from '../../core/shaping/steering.ts';
import { STEERING_TABLE } from '../../core/shaping/steering-nft.ts';
import { translations } from '../../core/shaping/translations.ts';
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
export function judgeFilters(nftJson: unknown, ruleJson: unknown, mask: number): readonly Finding[] {
  const ruleset = parseRuleset(nftJson);
  const obstacles = rsvpObstacles(ruleset).filter(({ chain }) => !OWN_TABLES.has(`${chain.family} ${chain.table}`));
  const uses = [...marksInRuleset(ruleset, OWN_TABLES), ...marksInRules(ruleJson, ROUTE_PROTOCOL)];
  const inUse = overlapping(uses, mask);
  const free = chooseMask(uses, mask);
  const translated = translations(ruleset);
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
          `others use the mark bits ${hex(mask)} too: ${named(inUse.map(({ bits, where }) => `${where} (${hex(bits)})`))}`,
          free === null
            ? 'free four bits in a row for flows that are pinned to a path'
            : `start the agent with --mark-mask ${hex(free)}`,
        ),
    translated.length === 0
      ? fine('nat', 'no addresses are translated')
      : warning(
          'nat',
          `addresses are translated by ${named(translated)}`,
          'leave booked flows out of it, by a rule with "accept" in front: a flow that leaves with another address is not the booked one',
        ),
    ruleset.flowtables.length === 0
      ? fine('flowtables', 'no flowtable takes packets past traffic control')
      : wrong(
          'flowtables',
          `forwarded packets that ${named(ruleset.flowtables)} takes pass by the classifier`,
          'take "flow add" away for the networks of the topology',
        ),
  ];
}

const hex = (mask: number): string => `0x${mask.toString(16)}`;
