import { describe, expect, it } from 'vitest';
import { Millis } from '../../../../../src/core/base/units.ts';
import { buildMessage } from '../../../../../src/core/rsvp/wire/build.ts';
import { encodeMessage } from '../../../../../src/core/rsvp/wire/codec.ts';
import type { ValidMessage } from '../../../../../src/core/rsvp/wire/message-views.ts';
import { ip, lab, tspec, type Node } from '../network.ts';

const session = { kind: 'session', destination: ip('10.9.0.9'), protocol: 17, flags: 0, destinationPort: 9 } as const;
const sender = { kind: 'senderTemplate', source: ip('10.8.0.8'), sourcePort: 8 } as const;

/** A Path that somebody made up: it says to come from `hop`. */
const path = (hop: string): ValidMessage => ({
  kind: 'path',
  sendTtl: 64,
  session,
  unknown: [],
  hop: { kind: 'rsvpHop', address: ip(hop), logicalInterfaceHandle: 0 },
  timeValues: { kind: 'timeValues', refreshPeriod: Millis(30_000) },
  senderTemplate: sender,
  senderTspec: { kind: 'senderTspec', tspec: tspec(1_000) },
  adspec: null,
});

const pathErr: ValidMessage = {
  kind: 'pathErr',
  sendTtl: 255,
  session,
  unknown: [],
  errorSpec: { kind: 'errorSpec', errorNode: ip('10.9.0.1'), flags: 0, errorCode: 1, errorValue: 2 },
  senderTemplate: sender,
  senderTspec: null,
  adspec: null,
};

function arrive(node: Node, name: string, from: string, view: ValidMessage): void {
  const destination = view.kind === 'path' ? session.destination : node.interfaces.get(name)!.address;
  const bytes = encodeMessage(buildMessage(view)).slice();
  node.input({ type: 'packet', interface: name, source: ip(from), destination, ttl: view.sendTtl, bytes });
}

describe('path state that leads in a circle, as made-up messages can make it', () => {
  it('sends no PathErr back where PATH came from', () => {
    const { network, r1, r2 } = lab();
    r1.routes.set('10.9.0.9', { interface: 'eth0', gateway: null, local: false });
    r2.routes.set('10.9.0.9', { interface: 'eth0', gateway: null, local: false });
    arrive(r1, 'eth1', '10.8.0.8', path('10.0.12.2'));
    arrive(r2, 'eth1', '10.8.0.8', path('10.0.12.1'));
    network.run(100);
    arrive(r1, 'eth1', '10.0.12.2', pathErr);
    network.run(10_000);
    const passed = network.messages('pathErr').filter(({ view }) => view.errorSpec.errorNode === '10.9.0.1');
    expect(passed).toEqual([]);
    expect(r1.dropped['pathErrOnWrongInterface']).toBeGreaterThan(0);
  });

  it('passes an error round three nodes only a few times, and not at all where none is the next hop of another', () => {
    const { network, r1, r2, r3 } = lab();
    for (const [node, via, hopInterface, hop] of [
      [r1, 'eth2', 'eth1', '10.0.12.2'],
      [r2, 'eth1', 'eth2', '10.0.23.3'],
      [r3, 'eth1', 'eth0', '10.0.13.1'],
    ] as const) {
      node.routes.set('10.9.0.9', { interface: via, gateway: null, local: false });
      node.holdRoutes = true;
      arrive(node, hopInterface, '10.8.0.8', path(hop));
      node.holdRoutes = false;
    }
    arrive(r1, 'eth2', '10.0.13.3', pathErr);
    network.run(60_000);
    const sent = network.messages('pathErr').length;
    expect(sent).toBeLessThan(200);
    expect(r1.dropped['errorFromAnotherHop']).toBeGreaterThan(0);
  });
});
