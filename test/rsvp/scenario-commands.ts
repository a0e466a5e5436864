import { Millis } from '../../src/core/base/units.ts';
import { flowKeyText } from '../../src/core/rsvp/engine/types.ts';
import type { Node } from '../core/rsvp/engine/network.ts';
import { agree, integrityOf } from './scenario-neighbours.ts';
import { addLinks, linkBetween, routeVia, setShortestRoutes } from './scenario-network.ts';
import { repeated } from './scenario-repeat.ts';
import { address, type Scenario } from './scenario-runner.ts';
import { SESSIONS } from './scenario-session-commands.ts';
import { counterLines, kernelLines, neighbourLines, stateLines } from './scenario-state.ts';
import {
  duration,
  flowWithoutName,
  flowspec,
  hexBytes,
  number,
  percent,
  secondsText,
  tspecOf,
  type Words,
} from './scenario-values.ts';

type Command = (scenario: Scenario, words: Words) => void;

/** `host-a>r1` */
function way(words: Words): [string, string] {
  const [from, to] = words.next('way').split('>');
  if (from === undefined || to === undefined) throw new Error('a way is written host-a>r1');
  return [from, to];
}

/** `r1 -- r2` */
function linked(scenario: Scenario, words: Words): [Node, Node] {
  const a = scenario.node(words.next('node'));
  if (!words.accept('--')) throw new Error('NODE -- NODE');
  return [a, scenario.node(words.next('node'))];
}

/** `all`, or some by name. */
function nodesOf(scenario: Scenario, words: Words): Node[] {
  const names = words.rest();
  return names[0] === 'all' ? [...scenario.network.nodes.values()] : names.map((name) => scenario.node(name));
}

/** Commands that make the network run, for those that first need routes. */
const started =
  (command: Command): Command =>
  (scenario, words) => {
    if (!scenario.started) {
      scenario.started = true;
      setShortestRoutes(scenario.network);
      for (const node of scenario.network.nodes.values()) node.configure();
      scenario.network.start();
    }
    command(scenario, words);
  };

const BEFORE: Readonly<Record<string, Command>> = {
  network: (scenario, words) => {
    if (scenario.started) throw new Error('the network is running');
    scenario.lines.push(...addLinks(scenario.network, words));
  },
  /** `flow video udp 10.1.0.2:5004 > 10.2.0.2:5004` gives a flow a name. */
  flow: (scenario, words) => {
    const name = words.next('name');
    const key = flowWithoutName(words.next('protocol'), words);
    scenario.flows.set(name, key);
    scenario.detail.names.set(flowKeyText(key), name);
  },
  /** `refresh-reduction all`, `refresh-reduction r1 r2`: these offer RFC 2961. A node that runs does so from its restart on. */
  'refresh-reduction': (scenario, words) => {
    for (const node of nodesOf(scenario, words)) node.refreshReduction = true;
  },
  'no-refresh-reduction': (scenario, words) => {
    for (const node of nodesOf(scenario, words)) node.refreshReduction = false;
  },
  /** `integrity r1 -- r2 key 1 md5 SECRET [from 10s] [until 20s] [key …] [window 8] [no-handshake]`: agreed by both. */
  integrity: (scenario, words) => {
    const [a, b] = linked(scenario, words);
    const integrity = integrityOf(words, scenario.network.wall);
    agree(scenario.network, a, b, { integrity });
    agree(scenario.network, b, a, { integrity });
  },
  /** `hello r1 -- r2 1s`: both ask that often; `hello-of r1 -- r2 1s`: r1 alone does. */
  hello: (scenario, words) => {
    const [a, b] = linked(scenario, words);
    const helloInterval = Millis(duration(words.next('interval')));
    agree(scenario.network, a, b, { helloInterval });
    agree(scenario.network, b, a, { helloInterval });
  },
  'hello-of': (scenario, words) => {
    const [a, b] = linked(scenario, words);
    agree(scenario.network, a, b, { helloInterval: Millis(duration(words.next('interval'))) });
  },
  /** `integrity-of r1 -- r2 …`: r1 alone has it so. */
  'integrity-of': (scenario, words) => {
    const [a, b] = linked(scenario, words);
    agree(scenario.network, a, b, { integrity: integrityOf(words, scenario.network.wall) });
  },
  /** `integrity-of-all r1 -- r2 …`: r1 alone has it so, with everybody on its interface to r2. */
  'integrity-of-all': (scenario, words) => {
    const [a, b] = linked(scenario, words);
    agree(scenario.network, a, b, { integrity: integrityOf(words, scenario.network.wall) }, true);
  },
  /** Messages show ADSPEC in full. */
  'show-adspec': (scenario) => {
    scenario.detail.adspec = true;
  },
};

const APPLICATIONS: Readonly<Record<string, Command>> = {
  sender: (scenario, words) => {
    const node = scenario.node(words.next('node'));
    const flow = scenario.flow(words);
    const tspec = tspecOf(words);
    // `via 10.0.13.3,10.0.23.2,10.2.0.2` prescribes the way, `record` records it.
    const way = words.accept('via') ? { explicitRoute: words.next('addresses').split(',').map(address) } : {};
    const record = words.accept('record') ? { recordRoute: true } : {};
    node.input({ type: 'openSender', flow, tspec, ...way, ...record });
  },
  receiver: (scenario, words) => {
    const node = scenario.node(words.next('node'));
    const key = scenario.flow(words);
    const wanted = flowspec(words);
    node.input({ type: 'openReceiver', flow: key, flowspec: wanted, confirm: words.accept('confirm') });
  },
  'close-sender': (scenario, words) => {
    const node = scenario.node(words.next('node'));
    node.input({ type: 'closeSender', flow: scenario.flow(words) });
  },
  'close-receiver': (scenario, words) => {
    const node = scenario.node(words.next('node'));
    node.input({ type: 'closeReceiver', flow: scenario.flow(words) });
  },
};

const TIME: Readonly<Record<string, Command>> = {
  /** Everything that is on its way arrives, and so does what that causes. */
  stabilize: ({ network }) => network.settle(),
  /** The next thing on its way arrives, or that many. */
  deliver: ({ network }, words) => {
    const times = words.isEmpty ? 1 : number(words.next('times'));
    for (let i = 0; i < times && network.inFlight > 0; i++) network.step();
  },
  wait: ({ network }, words) => network.run(duration(words.next('duration'))),
  /** Until some node has something to do by the clock; that is done. */
  'advance-to-next-deadline': ({ network }) => {
    network.step();
  },
  /** `until-timeout NODE path|resv [-1ms]`: to the instant when the node's first such state ends, or a little before or after. */
  'until-timeout': (scenario, words) => {
    const { network } = scenario;
    const node = scenario.node(words.next('node'));
    const rows = words.next('path or resv') === 'path' ? node.paths : node.reservations;
    const expiresIn = rows[0]?.expiresInMs ?? null;
    if (expiresIn === null) throw new Error('nothing times out there');
    const offset = words.isEmpty ? 0 : duration(words.next('offset'));
    network.runUntil(network.now + expiresIn + offset);
  },
};

const DAMAGE: Readonly<Record<string, Command>> = {
  /** `drop r1>r2 Path [1]`: loses that kind (`*`: every kind) on that way, from now on or that many times. */
  drop: (scenario, words) => {
    const [from, to] = way(words);
    const kind = words.next('message type');
    scenario.drops.push({ from, to, kind, times: words.isEmpty ? Infinity : number(words.next('times')) });
  },
  /** `hold r1>r2 Path`: that kind waits on that way, until `release-reversed r1>r2` lets the last go first. */
  hold: (scenario, words) => {
    const [from, to] = way(words);
    scenario.held.set(`${from}>${to}`, { kind: words.next('message type'), sent: [] });
  },
  'release-reversed': (scenario, words) => {
    const [from, to] = way(words);
    const held = scenario.held.get(`${from}>${to}`);
    scenario.held.delete(`${from}>${to}`);
    for (const sent of held?.sent.reverse() ?? []) scenario.node(to).input(scenario.arriving(sent, to));
  },
  /** Loses nothing more. */
  'drop-nothing': (scenario) => {
    scenario.drops.length = 0;
  },
  lose: ({ network }, words) => {
    const share = percent(words.next('share'));
    for (const link of network.links) link.loss = share;
  },
  duplicate: ({ network }, words) => {
    const share = percent(words.next('share'));
    for (const link of network.links) link.duplicates = share;
  },
  'link-down': ({ network }, words) =>
    network.setLink(linkBetween(network, words.next('node'), words.next('node')), false),
  'link-up': ({ network }, words) =>
    network.setLink(linkBetween(network, words.next('node'), words.next('node')), true),
  /** Routers on a link that do not speak RSVP. */
  'hidden-routers': ({ network }, words) => {
    linkBetween(network, words.next('node'), words.next('node')).hiddenHops = number(words.next('number'));
  },
  crash: (scenario, words) => scenario.node(words.next('node')).kill(),
  /** What a node has written down is lost, and so is what its kernel holds. */
  'lose-journal': (scenario, words) => {
    const node = scenario.node(words.next('node'));
    node.journal.clear();
    node.kernel.clear();
  },
  /** A process that crashed, or crashes now, comes back with what it had remembered. */
  restart: (scenario, words) => {
    const node = scenario.node(words.next('node'));
    node.kill();
    node.restart();
  },
  /** `inject r1 eth0 from 10.1.0.2 to 10.2.0.2 ttl 64 HEX` */
  inject: (scenario, words) => {
    const node = scenario.node(words.next('node'));
    const onto = words.next('interface');
    if (!words.accept('from')) throw new Error('from is missing');
    const source = address(words.next('source'));
    if (!words.accept('to')) throw new Error('to is missing');
    const destination = address(words.next('destination'));
    const ttl = words.accept('ttl') ? number(words.next('ttl')) : 64;
    const bytes = hexBytes(words.rest().join(''));
    node.input({ type: 'packet', interface: onto, source, destination, ttl, bytes });
  },
  /** `repeat-at r1 eth2 host-a>r1 Path CHANGES`: the same arrives at another interface, or at another node. */
  'repeat-at': (scenario, words) => {
    const node = scenario.node(words.next('node'));
    const onto = words.next('interface');
    const [from, to] = way(words);
    node.input(repeated(scenario.last(from, to, words.next('message type')), onto, words));
  },
  /** `repeat host-a>r1 Path CHANGES`: the last such message arrives again, changed. */
  repeat: (scenario, words) => {
    const [from, to] = way(words);
    const sent = scenario.last(from, to, words.next('message type'));
    scenario.node(to).input(repeated(sent, scenario.arriving(sent, to).interface, words));
  },
};

const KERNEL: Readonly<Record<string, Command>> = {
  /** `refuse r2 1/2 [above 1M]`: from now on the node's admission control refuses with that error code and value. */
  refuse: (scenario, words) => {
    const node = scenario.node(words.next('node'));
    const refusal = scenario.verdict(words.next('code/value'));
    const above = words.accept('above') ? number(words.next('rate')) / 8 : 0;
    node.verdict = ({ flowspec: { tspec } }) => (tspec.tokenRate > above ? refusal : 'install');
  },
  accept: (scenario, words) => {
    scenario.node(words.next('node')).verdict = () => 'install';
  },
  /** Installs stay unanswered until `answer`. */
  'hold-install': (scenario, words) => {
    scenario.node(words.next('node')).verdict = () => 'hold';
  },
  /** `answer r1 [1/2]`: answers the node's last install, and all after it at once. */
  answer: (scenario, words) => {
    const node = scenario.node(words.next('node'));
    const last = node.installs.at(-1);
    if (last === undefined) throw new Error('nothing was installed there');
    node.verdict = () => 'install';
    node.answerInstall(last, words.isEmpty ? 'install' : scenario.verdict(words.next('code/value')));
  },
  /** `answer-first r1 [1/2]`: answers the node's first install, late. */
  'answer-first': (scenario, words) => {
    const node = scenario.node(words.next('node'));
    const first = node.installs[0];
    if (first === undefined) throw new Error('nothing was installed there');
    node.answerInstall(first, words.isEmpty ? 'install' : scenario.verdict(words.next('code/value')));
  },
  /** `route r1 10.2.0.2 via r3`, `route r1 10.2.0.2 none`: the routing table changes, and the node hears of it. */
  route: (scenario, words) => {
    const node = scenario.node(words.next('node'));
    const destination = address(words.next('destination'));
    if (words.accept('none')) node.routes.delete(destination);
    else if (words.accept('via')) {
      node.routes.set(destination, routeVia(scenario.network, node, words.next('neighbour'), destination));
    } else throw new Error('via or none is missing');
    node.input({ type: 'routesChanged' });
  },
};

const LOOKS: Readonly<Record<string, Command>> = {
  show: (scenario, words) => {
    const name = words.next('node or all');
    const nodes = name === 'all' ? [...scenario.network.nodes.values()] : [scenario.node(name)];
    scenario.lines.push(...nodes.flatMap((node) => stateLines(node, scenario.detail)));
  },
  /** What a node knows of its neighbours. */
  neighbours: (scenario, words) => {
    scenario.lines.push(...neighbourLines(scenario.node(words.next('node'))));
  },
  /** Dropped messages by reason. */
  dropped: (scenario, words) => {
    scenario.lines.push(...counterLines(scenario.node(words.next('node'))));
  },
  /** Messages by type and way since the last `messages`. */
  messages: (scenario) => scenario.lines.push(...scenario.newMessages()),
  /** Whether nothing is left anywhere: no state, nothing in a kernel or a journal, no timer. */
  'is-empty': ({ network, lines }) => {
    for (const node of network.nodes.values()) {
      if (node.isEmpty) lines.push(`${node.name}: empty`);
      else {
        const deadline = node.engine.nextDeadline();
        const next = deadline === null ? 'none' : secondsText(deadline - network.now);
        lines.push(
          `${node.name}: paths ${node.paths.length}, reservations ${node.reservations.length}, kernel ${node.kernel.size}, journal ${node.journal.size}, next timer ${next}`,
        );
      }
    }
  },
};

/** Commands that are made of others. */
const SHORT: Readonly<Record<string, Command>> = {
  /** `quietly COMMAND`: messages are counted instead of shown. */
  quietly: (scenario, words) => {
    const counted = new Map<string, number>();
    scenario.counted = counted;
    scenario.run(words.rest().join(' '));
    scenario.counted = null;
    const counts = [...counted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, n]) => `${name} ${n}`);
    scenario.lines.push(`${scenario.clock()} messages: ${counts.join(', ') || 'none'}`);
  },
  /** `set-up host-a > host-b video rate 1M bucket 15k`: sender and receiver open, all is quiet again; shows what kernels hold. */
  'set-up': (scenario, words) => {
    const from = scenario.node(words.next('sender'));
    if (!words.accept('>')) throw new Error('set-up SENDER > RECEIVER');
    const to = scenario.node(words.next('receiver'));
    const key = scenario.flow(words);
    const wanted = flowspec(words);
    const shown = scenario.lines;
    scenario.lines = [];
    to.input({ type: 'openReceiver', flow: key, flowspec: wanted, confirm: false });
    from.input({ type: 'openSender', flow: key, tspec: wanted.tspec });
    scenario.network.settle();
    scenario.lines = shown;
    for (const node of scenario.network.nodes.values()) scenario.lines.push(...kernelLines(node, scenario.detail));
  },
};

const running = Object.entries({ ...APPLICATIONS, ...SESSIONS, ...TIME, ...DAMAGE, ...KERNEL, ...LOOKS, ...SHORT });

/** By the word that a line starts with. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  ...BEFORE,
  ...Object.fromEntries(running.map(([name, command]) => [name, started(command)])),
};
