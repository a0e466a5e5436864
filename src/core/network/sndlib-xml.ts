import { err, ok, type Result } from '../base/result.ts';
import { childrenNamed, type XmlElement } from '../base/xml.ts';
import { decimal } from './decimal.ts';
import { Problems, type FieldProblem } from './fields.ts';
import type { SndlibNetwork } from './sndlib.ts';

/** Reads SNDlib's XML: `<network>` with `<networkStructure>` and `<demands>`. */
export function readSndlibXml(root: XmlElement): Result<SndlibNetwork, readonly FieldProblem[]> {
  const problems = new Problems();
  const structure = child(root, 'networkStructure');
  if (root.name !== 'network' || !structure) {
    const problem = `must be an SNDlib <network> with a <networkStructure>, but its root element is <${root.name}>`;
    return err([{ field: '', value: root.name, problem }]);
  }
  const text = (element: XmlElement, path: string, name: string): string => {
    const found = child(element, name)?.text;
    if (found === undefined || found === '') problems.add(`${path}.${name}`, found, 'is missing');
    return found ?? '';
  };
  const id = (element: XmlElement, path: string): string => {
    const found = element.attributes.get('id');
    if (found === undefined || found === '') problems.add(`${path}.id`, found, 'is missing');
    return found ?? '';
  };
  /** Missing is `otherwise`; what is there must be a number. */
  const number = (element: XmlElement | undefined, path: string, name: string, otherwise: number): number => {
    const found = element && child(element, name)?.text;
    const value = found === undefined ? otherwise : decimal(found);
    if (value === undefined) problems.add(`${path}.${name}`, found, 'must be a number');
    return value ?? otherwise;
  };

  const nodes = child(structure, 'nodes');
  const placed = nodes?.attributes.get('coordinatesType') !== 'pixel';
  const network: SndlibNetwork = {
    unit: child(child(root, 'meta'), 'unit')?.text || null,
    nodes: childrenNamed(nodes ?? EMPTY, 'node').map((element, i) => {
      const place = placed ? child(element, 'coordinates') : undefined;
      const path = `nodes.node[${i}]`;
      return {
        id: id(element, path),
        longitude: place && number(place, `${path}.coordinates`, 'x', NaN),
        latitude: place && number(place, `${path}.coordinates`, 'y', NaN),
      };
    }),
    links: childrenNamed(child(structure, 'links') ?? EMPTY, 'link').map((element, i) => {
      const path = `links.link[${i}]`;
      const modules = childrenNamed(child(element, 'additionalModules') ?? EMPTY, 'addModule');
      return {
        id: id(element, path),
        source: text(element, path, 'source'),
        target: text(element, path, 'target'),
        preInstalledCapacity: number(child(element, 'preInstalledModule'), `${path}.preInstalledModule`, 'capacity', 0),
        moduleCapacities: modules.map((each, n) => number(each, `${path}.addModule[${n}]`, 'capacity', 0)),
      };
    }),
    demands: childrenNamed(child(root, 'demands') ?? EMPTY, 'demand').map((element, i) => {
      const path = `demands.demand[${i}]`;
      return {
        id: id(element, path),
        source: text(element, path, 'source'),
        target: text(element, path, 'target'),
        routingUnit: number(element, path, 'routingUnit', 1),
        value: number(element, path, 'demandValue', 0),
      };
    }),
  };
  return problems.count > 0 ? err(problems.list()) : ok(network);
}

const EMPTY: XmlElement = { name: '', attributes: new Map(), children: [], text: '' };

const child = (element: XmlElement | undefined, name: string): XmlElement | undefined =>
  element && childrenNamed(element, name)[0];
