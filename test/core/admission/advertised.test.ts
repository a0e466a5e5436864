import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advertisedDeviation, sharesInterface } from '../../../src/core/admission/advertised.ts';
import { parseIp } from '../../../src/core/base/ip.ts';
import { Bytes, BytesPerSecond, Micros } from '../../../src/core/base/units.ts';
import { buildGraph } from '../../../src/core/network/graph.ts';
import type { Link } from '../../../src/core/network/topology.ts';
import { hopErrorTerms } from '../../../src/core/qos/error-terms.ts';
import { composeAdspec, initialAdspec } from '../../../src/core/rsvp/engine/adspec.ts';
import type { EngineInterface } from '../../../src/core/rsvp/engine/types.ts';
import { must } from '../../support/network.ts';
import { network, type Cable } from './fixtures.ts';

const chain = (cables: readonly Partial<Link>[]): readonly Cable[] =>
  cables.map((link, i) => ({
    ends: [`n${i}`, `n${i + 1}`],
    ...(link.capacityBitsPerSecond === undefined ? {} : { capacity: link.capacityBitsPerSecond }),
    link,
  }));

/** The interface as an agent advertises it that was told what the topology says of its link. */
const interfaceOf = (link: Link): EngineInterface => ({
  name: link.from.interface,
  address: must(parseIp('10.0.0.1')),
  addresses: [],
  mtu: link.mtuBytes,
  bandwidth: BytesPerSecond(Infinity),
  latency: link.delayMicros,
  errorC: link.errorCBytes,
  overhead: link.overheadBytes,
  errorD: hopErrorTerms(link, link.mtuBytes).rateIndependent,
});

function advertisedBy(links: readonly Link[], maxPacket: Bytes) {
  const { general, guaranteed } = links.reduce(
    (adspec, link) => composeAdspec(adspec, interfaceOf(link), maxPacket),
    initialAdspec,
  );
  return {
    minLatencyMicros: general.minPathLatency,
    pathMtuBytes: general.pathMtu,
    errors: { rateDependent: guaranteed!.cTot, rateIndependent: guaranteed!.dTot },
  };
}

const links = fc
  .array(
    fc.record({
      capacityBitsPerSecond: fc.integer({ min: 1_000_000, max: 100_000_000_000 }),
      overheadBytes: fc.integer({ min: 0, max: 60 }),
      delayMicros: fc.integer({ min: 0, max: 100_000 }),
      mtuBytes: fc.integer({ min: 576, max: 9000 }),
      errorCBytes: fc.option(fc.integer({ min: 0, max: 10_000 })),
      errorDMicros: fc.option(fc.integer({ min: 0, max: 10_000 })),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((list) => chain(list as unknown as Partial<Link>[]));

const forward = (all: readonly Link[]): readonly Link[] =>
  all.filter(({ from, to }) => Number(from.node.slice(1)) < Number(to.node.slice(1)));

describe('what ADSPEC says of a path', () => {
  it('is what the books say, for every flow on every path whose agents know the topology', () => {
    fc.assert(
      fc.property(links, fc.integer({ min: 64, max: 9000 }), (cables, size) => {
        const graph = buildGraph(network(cables));
        const path = forward(graph.links);
        expect(advertisedDeviation(path, Bytes(size), advertisedBy(path, Bytes(size)), graph)).toBeNull();
      }),
    );
  });

  it('differs in whatever one hop tells otherwise, and that is named', () => {
    fc.assert(
      fc.property(links, fc.integer({ min: 1, max: 500 }), (cables, more) => {
        const graph = buildGraph(network(cables));
        const path = forward(graph.links);
        const told = advertisedBy(path, Bytes(1000));
        const said = (terms: Partial<typeof told>): string | null =>
          advertisedDeviation(path, Bytes(1000), { ...told, ...terms }, graph);
        const { minLatencyMicros: latency, pathMtuBytes: mtu, errors } = told;
        expect(said({ minLatencyMicros: Micros(latency + more) })).toBe(
          `ADSPEC and books differ: minimum latency ${latency + more} µs instead of ${latency}`,
        );
        expect(said({ errors: { ...errors, rateDependent: Bytes(errors.rateDependent + more) } })).toBe(
          `ADSPEC and books differ: C ${errors.rateDependent + more} bytes instead of ${errors.rateDependent}`,
        );
        expect(said({ errors: { ...errors, rateIndependent: Micros(errors.rateIndependent + more) } })).toBe(
          `ADSPEC and books differ: D ${errors.rateIndependent + more} µs instead of ${errors.rateIndependent}`,
        );
        expect(said({ pathMtuBytes: Bytes(mtu - more) })).toBe(
          `ADSPEC and books differ: path MTU ${mtu - more} bytes instead of ${mtu}`,
        );
        expect(said({ pathMtuBytes: Bytes(mtu + more) })).toBeNull();
      }),
    );
  });

  it("says the worst of all links where several share an interface, so that it is no link's own", () => {
    const topology = network(chain([{}, {}]));
    const [first] = topology.links;
    const graph = buildGraph({ ...topology, links: [...topology.links, { ...first!, id: `${first!.id}#2` }] });
    expect(graph.links.filter((link) => sharesInterface(link, graph)).map(({ id }) => id)).toEqual([
      first!.id,
      `${first!.id}#2`,
    ]);
  });
});
