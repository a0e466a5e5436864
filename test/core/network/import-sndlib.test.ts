import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importTopology } from '../../../src/core/network/import.ts';
import type { ImportedTopology, ImportNote, ImportOptions } from '../../../src/core/network/imported.ts';
import { sndlibUnit } from '../../../src/core/network/sndlib.ts';
import { parseXml } from '../../../src/formats/xml.ts';
import { must } from '../../support/network.ts';

const HEADER = '?SNDlib native format; type: network; version: 1.0';

/** A small network of the collection's form: two cities, a third place, a link that is installed and one that could be. */
const native = (meta = 'unit  = MBITPERSEC', more = ''): string => `${HEADER}
# network sample

# META SECTION
META (
  granularity  = 6month
  ${meta}
  origin  = somebody (and others), http://example.org/#x
)

NODES (
  Aachen ( 6.04 50.76 )
  Koeln ( 6.87 50.94 )
  Nowhere
)

# <link_id> ( <source> <target> ) <pre_cap> <pre_cost> <routing_cost> <setup_cost> ( {<module_capacity> <module_cost>}* )
LINKS (
  L1 ( Aachen Koeln ) 9920.00 0.00 0.00 0.00 ( 40000.00 133.00 80000.00 200.00 )
  L2 ( Koeln
       Nowhere ) 0.00 0.00 0.00 0.00 ( 40.00 3290.00 )
  ${more}
)

DEMANDS (
  D1 ( Aachen Koeln ) 1 10.00 UNLIMITED
)

ADMISSIBLE_PATHS (
  D1 ( P_0 ( L1 ) )
)
`;
const xml = (coordinates = 'geographical'): string => `<?xml version="1.0" encoding="ISO-8859-1"?>
<network xmlns="http://sndlib.zib.de/network" version="1.0">
 <meta><unit>MBITPERSEC</unit></meta>
 <networkStructure>
  <nodes coordinatesType="${coordinates}">
   <node id="Aachen"><coordinates><x>6.04</x><y>50.76</y></coordinates></node>
   <node id="Koeln"><coordinates><x>6.87</x><y>50.94</y></coordinates></node>
   <node id="Nowhere"/>
  </nodes>
  <links>
   <link id="L1"><source>Aachen</source><target>Koeln</target>
    <preInstalledModule><capacity>9920.0</capacity><cost>0.0</cost></preInstalledModule>
    <additionalModules><addModule><capacity>40000.0</capacity></addModule><addModule><capacity>80000.0</capacity></addModule></additionalModules>
   </link>
   <link id="L2"><source>Koeln</source><target>Nowhere</target>
    <additionalModules><addModule><capacity>40.0</capacity><cost>3290.0</cost></addModule></additionalModules>
   </link>
  </links>
 </networkStructure>
 <demands><demand id="D1"><source>Aachen</source><target>Koeln</target><demandValue>10.0</demandValue></demand></demands>
</network>`;

const ofText = (text: string, options?: ImportOptions) => importTopology('sndlib', text, options);
const ofXml = (text: string, options?: ImportOptions) => importTopology('sndlib', must(parseXml(text)), options);
const notes = (imported: ImportedTopology, kind: ImportNote['kind']) =>
  imported.report.notes.filter((note) => note.kind === kind).map(({ what }) => what);
const problem = (result: ReturnType<typeof ofText>): unknown => (result.ok ? 'taken' : result.error);

describe('networks of SNDlib', () => {
  test('are imported whole: links both ways, pre-installed capacity in the unit of the file, delays by distance', () => {
    const imported = must(ofText(native()));
    const { nodes, links } = imported.topology;
    expect(nodes.map(({ name, agent, labels }) => [name, agent, labels['id']])).toEqual([
      ['aachen', 'none', 'Aachen'],
      ['koeln', 'none', 'Koeln'],
      ['nowhere', 'none', 'Nowhere'],
    ]);
    expect(links.map((l) => [l.from.node, l.to.node, l.capacityBitsPerSecond, l.labels['id']])).toEqual([
      ['aachen', 'koeln', 9_920_000_000, 'L1'],
      ['koeln', 'aachen', 9_920_000_000, 'L1'],
      ['koeln', 'nowhere', null, 'L2'],
      ['nowhere', 'koeln', null, 'L2'],
    ]);
    // 61 km over the great circle.
    expect(links[0]!.delayMicros).toBeGreaterThan(290);
    expect(links[0]!.delayMicros).toBeLessThan(320);
    expect(links[2]!.delayMicros).toBe(0);
    expect(notes(imported, 'unknownCapacity')).toEqual([
      'The capacity is unknown: the file says pre-installed 0, modules of 40.',
    ]);
    expect(notes(imported, 'unknownDelay')).toEqual(['The delay is set to 0: nowhere has no usable coordinates.']);
    expect(notes(imported, 'ignored')).toEqual(['1 demands are left out.']);
  });

  test('are the same as native text and as XML', () => {
    expect(must(ofXml(xml()))).toEqual(must(ofText(native())));
  });

  test('whose coordinates are those of a picture have no delays', () => {
    const imported = must(ofXml(xml('pixel')));
    expect(imported.topology.links.every(({ delayMicros }) => delayMicros === 0)).toBe(true);
    expect(notes(imported, 'unknownDelay')).toHaveLength(2);
  });

  test.each([
    ['no unit', 'time = 2004', 'The file names no unit: no capacity of it is taken.'],
    ['a unit that nobody knows', 'unit = FURLONGS', 'The unit "FURLONGS" is not known: no capacity of it is taken.'],
  ])('with %s have unknown capacities, or the default that is given', (_what, meta, said) => {
    const unknown = must(ofText(native(meta)));
    expect(unknown.topology.links.every((l) => l.capacityBitsPerSecond === null)).toBe(true);
    expect(notes(unknown, 'unknownCapacity')).toContain(said);
    const given = must(ofText(native(meta), { defaultCapacityBitsPerSecond: 5_000_000 }));
    expect(given.topology.links.every((l) => l.capacityBitsPerSecond === 5_000_000)).toBe(true);
    expect(notes(given, 'defaultCapacity')[0]).toBe(
      'The capacity is the given default of 5000000 bit/s: the file says pre-installed 9920, modules of 40000, 80000.',
    );
  });

  test.each([
    ['MBITPERSEC', 1e6],
    ['GBITPERSEC', 1e9],
    ['Mbit/s', 1e6],
    ['kbps', undefined],
    ['KBITPS', 1e3],
    ['MBYTEPERSEC', 8e6],
    ['', undefined],
  ])('unit %s', (unit, bits) => {
    expect(sndlibUnit(unit)).toBe(bits);
  });

  test('keep parallel links, and report self loops', () => {
    const imported = must(
      ofText(native(undefined, 'L3 ( Koeln Aachen ) 1 0 0 0 ( )\n L4 ( Koeln Koeln ) 1 0 0 0 ( )')),
    );
    expect(imported.topology.links).toHaveLength(6);
    expect(notes(imported, 'parallelLinks')).toHaveLength(1);
    expect(notes(imported, 'selfLoop')).toEqual(['Link L4 joins koeln with itself and is left out.']);
  });

  test.each([
    ['another header', native().replace('network;', 'solution;'), 'line 1: must be "?SNDlib native format'],
    ['text outside', native().replace('NODES (', 'hello'), 'line 11: a section "NAME (" must begin here, not "hello"'],
    ['no number', native().replace('9920.00', 'lots'), 'line 19: pre-installed capacity must be a number, not "lots"'],
    ['a missing bracket', native().replace('( Aachen Koeln ) 9920', 'Aachen Koeln 9920'), 'line 19: must be "("'],
    ['an early end', native().slice(0, native().indexOf('L2')), 'the file ends inside a section'],
    ['META without end', `${HEADER}\nMETA (\n unit = X\n`, 'line 2: the section META is not closed'],
    ['text behind a section', native().replace(/\)\n\nDEMANDS/, ') more\n\nDEMANDS'), 'nothing may follow the end'],
  ])('with %s are refused by line', (_what, text, said) => {
    expect(problem(ofText(text))).toMatchObject([{ field: '', problem: expect.stringContaining(said) }]);
  });

  test('that contradict themselves are refused by field', () => {
    const twice = native(undefined, 'L1 ( Koeln Berlin ) 1 0 0 0 ( )').replace('  Nowhere\n', '  Nowhere\n  Koeln\n');
    expect(problem(ofText(twice))).toEqual([
      { field: 'nodes[3].id', value: 'Koeln', problem: 'is the id of an earlier node' },
      { field: 'links[2].id', value: 'L1', problem: 'is the id of an earlier link' },
      { field: 'links[2].target', value: 'Berlin', problem: 'is not the id of a node' },
    ]);
    const broken = xml().replace('<target>Nowhere</target>', '').replace('<x>6.04</x>', '<x>east</x>');
    expect(problem(ofXml(broken))).toMatchObject([
      { field: 'nodes.node[0].coordinates.x', value: 'east' },
      { field: 'links.link[1].target', problem: 'is missing' },
    ]);
    expect(problem(ofXml('<graphml/>'))).toMatchObject([{ value: 'graphml' }]);
  });

  test('on one line of a million words are read in linear time', () => {
    const nodes = Array.from({ length: 100_000 }, (_, i) => `n${i} ( 1 2 )`).join(' ');
    expect(must(ofText(`${HEADER}\nNODES ( ${nodes} )`)).topology.nodes).toHaveLength(100_000);
    const many = 'n ( 1 2 ) '.repeat(200_000);
    expect(problem(ofText(`${HEADER}\nNODES ( ${many} )`))).toMatchObject([{ field: 'nodes', value: 200_000 }]);
  });

  test('damaged anywhere are taken or refused with a reason, never a failure inside', () => {
    const text = native();
    fc.assert(
      fc.property(
        fc.nat(text.length),
        fc.nat(20),
        fc.oneof(fc.string(), fc.constantFrom('(', ')', '\n', '#', 'META (', 'NODES (', 'Infinity', '-1', '1e400')),
        (at, cut, put) => {
          const result = ofText(text.slice(0, at) + put + text.slice(at + cut));
          if (!result.ok) expect(result.error[0]!.problem).not.toBe('');
        },
      ),
      { numRuns: 2000 },
    );
  });
});
