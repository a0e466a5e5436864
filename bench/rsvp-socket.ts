/**
 * How many RSVP messages a second the raw socket takes in and sends out, between two network namespaces of this machine: no
 * engine, just the driver of the agent. The reference in the same run is `sendto` without the driver (encoding the IP header
 * and the address): what the kernel alone allows. Usage, as root: npm run bench:rsvp-socket [-- MESSAGES].
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { AF_INET, loadLibc, MSG_DONTWAIT, SOCK_RAW } from '../src/agent/libc.ts';
import { Poller } from '../src/agent/poller.ts';
import { openRawTransport } from '../src/agent/socket/raw.ts';
import type { SendOutput } from '../src/agent/socket/transport.ts';
import { ipToBytes, type IpAddress } from '../src/core/base/ip.ts';
import { encodeIpv4, IPPROTO_RSVP } from '../src/core/rsvp/wire/ip-packet.ts';

const [A, B] = ['10.250.0.1', '10.250.0.2'] as IpAddress[];
/** As long as a Path with ADSPEC. */
const MESSAGE_BYTES = 172;

const [role, count] = [process.argv[2], Number(process.argv[3] ?? process.argv[2] ?? 500_000) || 500_000];
if (role === 'receive') await receive();
else if (role === 'send') await send(count);
else await compare(count);

/** Both roles as processes of their own, each in its namespace. */
async function compare(messages: number): Promise<void> {
  const [a, b] = [`hrb${process.pid}-a`, `hrb${process.pid}-b`];
  const ip = (...args: string[]): void => void execFileSync('ip', args);
  try {
    for (const name of [a, b]) ip('netns', 'add', name);
    ip('-n', a, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', b);
    for (const [name, address] of [
      [a, A],
      [b, B],
    ] as const) {
      ip('-n', name, 'address', 'add', `${address}/24`, 'dev', 'eth0');
      ip('-n', name, 'link', 'set', 'eth0', 'up');
    }
    const receiver = inNamespace(b, 'receive');
    const lines = createInterface({ input: receiver.stdout })[Symbol.asyncIterator]();
    await lines.next();
    const sender = inNamespace(a, 'send', String(messages));
    const [sent] = (await createInterface({ input: sender.stdout })[Symbol.asyncIterator]().next()).value!.split('\n');
    console.log(sent);
    receiver.stdin.end();
    console.log((await lines.next()).value);
    await once(receiver, 'exit');
  } finally {
    for (const name of [a, b]) ip('netns', 'delete', name);
  }
}

function inNamespace(name: string, ...args: string[]) {
  return spawn(
    'ip',
    [
      'netns',
      'exec',
      name,
      process.execPath,
      '--import',
      './scripts/register-typescript.mjs',
      import.meta.filename,
      ...args,
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
}

async function receive(): Promise<void> {
  const libc = await loadLibc();
  const poller = new Poller(libc);
  let [received, first, last] = [0, 0, 0];
  const transport = openRawTransport({
    libc,
    poller,
    interfaceName: () => 'eth0',
    interfaceIndex: () => undefined,
    onPacket: () => {
      last = performance.now();
      if (received++ === 0) first = last;
    },
  });
  console.log('ready');
  process.stdin.resume();
  await once(process.stdin, 'end');
  const { overflow } = transport.dropped;
  const perSecond = (received / (last - first)) * 1_000;
  console.log(
    `in   ${Math.round(perSecond)} messages/s of ${MESSAGE_BYTES} bytes (${received} received, ${overflow} that came faster were dropped by the kernel's queue)`,
  );
  await poller.close();
  await transport.close();
}

async function send(messages: number): Promise<void> {
  const libc = await loadLibc();
  const poller = new Poller(libc);
  const transport = openRawTransport({
    libc,
    poller,
    interfaceName: () => 'eth0',
    interfaceIndex: () => undefined,
    onPacket: () => undefined,
  });
  const bytes = new Uint8Array(MESSAGE_BYTES);
  const message: SendOutput = {
    type: 'send',
    interface: 'eth0',
    source: A!,
    destination: B!,
    ttl: 64,
    routerAlert: true,
    flow: null,
    bytes,
  };
  const ours = rate(messages, () => transport.send(message) !== null);

  const fd = libc.socket(AF_INET, SOCK_RAW, 255);
  const packet = encodeIpv4({
    source: A!,
    destination: B!,
    ttl: 64,
    protocol: IPPROTO_RSVP,
    routerAlert: true,
    payload: bytes,
  });
  const address = new Uint8Array(16);
  new DataView(address.buffer).setUint16(0, AF_INET, true);
  address.set(ipToBytes(B!), 4);
  const bare = rate(messages, () => libc.sendto(fd, packet, packet.length, MSG_DONTWAIT, address, 16) < 0);
  console.log(
    `out  ${Math.round(ours.perSecond)} messages/s (${ours.failed} refused); sendto alone ${Math.round(bare.perSecond)}, ratio ${(ours.perSecond / bare.perSecond).toFixed(2)}`,
  );
  libc.close(fd);
  await poller.close();
  await transport.close();
}

function rate(messages: number, one: () => boolean): { perSecond: number; failed: number } {
  let failed = 0;
  const started = performance.now();
  for (let i = 0; i < messages; i++) if (one()) failed++;
  return { perSecond: (messages / (performance.now() - started)) * 1_000, failed };
}
