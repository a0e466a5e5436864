import { isMulticast, type IpAddress } from '../../src/core/base/ip.ts';
import type { Filter, ReserveDescriptor, SessionKey, StyleName } from '../../src/core/rsvp/engine/types.ts';
import { address, type Scenario } from './scenario-runner.ts';
import { flowspec, number, type Words } from './scenario-values.ts';

type Command = (scenario: Scenario, words: Words) => void;

const STYLES: readonly StyleName[] = ['FF', 'SE', 'WF'];

function style(words: Words): StyleName {
  const word = words.next('FF, SE or WF');
  const found = STYLES.find((each) => each === word);
  if (found === undefined) throw new Error(`${word} is not FF, SE or WF`);
  return found;
}

/** The session of the flows that have a name, by one of them. */
function sessionOf(scenario: Scenario, words: Words): SessionKey {
  const { destination, protocol, destinationPort } = scenario.flow(words);
  return { destination, protocol, destinationPort };
}

/** `a,c`: flows by their names. */
function senders(scenario: Scenario, words: Words): Filter[] {
  return words
    .next('senders')
    .split(',')
    .map((name) => {
      const flow = scenario.flows.get(name);
      if (flow === undefined) throw new Error(`${name} is not the name of a flow`);
      return { source: flow.source, sourcePort: flow.sourcePort };
    });
}

function descriptors(scenario: Scenario, how: StyleName, words: Words): ReserveDescriptor[] {
  const found: ReserveDescriptor[] = [];
  do {
    const filters = how === 'WF' ? [] : senders(scenario, words);
    found.push({ filters, flowspec: flowspec(words) });
  } while (words.accept('and'));
  return found;
}

const group = (words: Words): IpAddress => {
  const found = address(words.next('group'));
  if (!isMulticast(found)) throw new Error(`${found} is not a group`);
  return found;
};

/** Routes of groups are made anew, and all nodes hear of it. */
function rerouted(scenario: Scenario): void {
  for (const node of scenario.network.nodes.values()) node.input({ type: 'routesChanged' });
}

/** Commands about sessions with several senders or receivers. */
export const SESSIONS: Readonly<Record<string, Command>> = {
  /**
   * `reserve host-b [as NAME] in FLOW SE a,c rate 1M bucket 15k [confirm] [dscp 10,12]`: the session is that of the flow. FF:
   * `FF a rate 1M and c rate 2M`. WF has no senders.
   */
  reserve: (scenario, words) => {
    const node = scenario.node(words.next('node'));
    const receiver = words.accept('as') ? words.next('name') : 'app';
    if (!words.accept('in')) throw new Error('reserve NODE in FLOW STYLE …');
    const session = sessionOf(scenario, words);
    const how = style(words);
    const wanted = descriptors(scenario, how, words);
    const confirm = words.accept('confirm');
    const dclass = words.accept('dscp') ? { dclass: words.next('code points').split(',').map(number) } : {};
    node.input({ type: 'reserve', session, receiver, style: how, descriptors: wanted, confirm, ...dclass });
  },
  /** `release host-b [as NAME] in FLOW` */
  release: (scenario, words) => {
    const node = scenario.node(words.next('node'));
    const receiver = words.accept('as') ? words.next('name') : 'app';
    if (!words.accept('in')) throw new Error('release NODE in FLOW');
    node.input({ type: 'release', session: sessionOf(scenario, words), receiver });
  },
  /** `join 224.1.1.1 host-b host-c`: hosts become members, and trees grow. */
  join: (scenario, words) => {
    const joined = group(words);
    for (const name of words.rest()) scenario.network.groups.join(joined, scenario.node(name));
    rerouted(scenario);
  },
  leave: (scenario, words) => {
    const left = group(words);
    for (const name of words.rest()) scenario.network.groups.leave(left, scenario.node(name));
    rerouted(scenario);
  },
  /** `tree r1 224.1.1.1 in eth0 out eth1,eth2`, `tree r1 224.1.1.1 as-routed`: multicast routing at a node is bent, or no more. */
  tree: (scenario, words) => {
    const node = scenario.node(words.next('node'));
    const bent = group(words);
    if (words.accept('as-routed')) scenario.network.groups.bend(bent, node, null);
    else {
      if (!words.accept('in')) throw new Error('in is missing');
      const incoming = words.next('interface');
      const outgoing = words.accept('out') ? words.next('interfaces').split(',') : [];
      scenario.network.groups.bend(bent, node, { incoming, outgoing, local: false });
    }
    node.input({ type: 'routesChanged' });
  },
};
