// Sends one RSVP message by a raw socket from the network namespace that it runs in: `node send_path.mjs <dist> <interface name>
// <its index> <flow or none>`. Prints what the transport says of it.
import { pathToFileURL } from 'node:url';

const [, , dist, name, index, flow] = process.argv;
const built = (file) => import(pathToFileURL(`${dist}/agent/${file}`).href);
const [{ loadLibc }, { Poller }, { openRawTransport }] = await Promise.all(
  ['libc.js', 'poller.js', 'socket/raw.js'].map(built),
);
const libc = await loadLibc();
const poller = new Poller(libc);
const transport = openRawTransport({
  libc,
  poller,
  interfaceName: () => name,
  interfaceIndex: () => Number(index),
  onPacket: () => undefined,
});
const message = {
  type: 'send',
  interface: name,
  source: '10.1.0.1',
  destination: '10.9.0.2',
  ttl: 64,
  routerAlert: true,
};
console.log(transport.send({ ...message, flow: flow === 'none' ? null : {}, bytes: new Uint8Array(64) }) ?? 'sent');
await poller.close();
await transport.close();
