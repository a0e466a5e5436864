import { childrenNamed, type XmlElement } from '../base/xml.ts';
import { decimal } from './decimal.ts';
import { onEarth, type Coordinates } from './great-circle.ts';

/** The values that `<data>` elements give one node or edge, by attribute name in lower case. */
export type GraphmlAttributes = ReadonlyMap<string, string>;

type Domain = 'node' | 'edge';

interface Key {
  readonly name: string;
  readonly defaultValue: string | undefined;
}

/**
 * Resolves `<key id=… for=… attr.name=…>`: the ids differ from file to file, the names do not. Files exist that use an id once
 * for every kind of element ("label" for nodes and for the graph): such keys are told apart by what they are for.
 */
export class GraphmlKeys {
  /** By domain, then by id. */
  readonly #keys: ReadonlyMap<string, ReadonlyMap<string, Key>>;
  readonly #unknown = new Set<string>();

  constructor(root: XmlElement) {
    const keys = new Map<string, Map<string, Key>>();
    for (const key of childrenNamed(root, 'key')) {
      const id = key.attributes.get('id') ?? '';
      const domain = key.attributes.get('for') ?? 'all';
      const ofDomain = keys.get(domain) ?? new Map<string, Key>();
      keys.set(domain, ofDomain);
      ofDomain.set(id, {
        // Files without attr.name exist; their ids are then the names.
        name: (key.attributes.get('attr.name') ?? id).toLowerCase(),
        defaultValue: childrenNamed(key, 'default')[0]?.text,
      });
    }
    this.#keys = keys;
  }

  attributes(element: XmlElement, domain: Domain): GraphmlAttributes {
    const values = new Map<string, string>();
    const general = this.#keys.get('all');
    const own = this.#keys.get(domain);
    for (const { name, defaultValue } of [...(general?.values() ?? []), ...(own?.values() ?? [])]) {
      if (defaultValue !== undefined) values.set(name, defaultValue);
    }
    for (const data of childrenNamed(element, 'data')) {
      const id = data.attributes.get('key') ?? '';
      const key = own?.get(id) ?? general?.get(id);
      if (key === undefined) this.#unknown.add(id);
      else values.set(key.name, data.text);
    }
    return values;
  }

  /** Ids that `<data>` used without a key for that kind of element. */
  get unknown(): readonly string[] {
    return [...this.#unknown];
  }
}

const UNIT_FACTORS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['k', 1e3],
  ['m', 1e6],
  ['g', 1e9],
  ['t', 1e12],
]);

export interface ZooSpeed {
  /** Undefined when the file does not tell. */
  readonly bitsPerSecond: number | undefined;
  /** Set when the raw value contradicts LinkSpeed with LinkSpeedUnits. */
  readonly conflicting: number | undefined;
  /** What the file says instead of a speed, for the report. */
  readonly said: readonly string[];
}

/**
 * The speed of a Zoo edge: `LinkSpeedRaw` (bit/s), else `LinkSpeed` times `LinkSpeedUnits` (K, M, G, T). A number without a
 * unit, a range ("<10", "1-10") or a label ("OC-192c") is no speed: labels of the Zoo are free text.
 */
export function zooSpeed(edge: GraphmlAttributes): ZooSpeed {
  const raw = speed(decimal(edge.get('linkspeedraw')));
  const unit = edge.get('linkspeedunits')?.toLowerCase();
  const factor =
    unit === undefined || unit === '' ? undefined : UNIT_FACTORS.get(unit.replace(/(bps|bit\/s|b\/s|b)$/, ''));
  const number = decimal(edge.get('linkspeed'));
  const spelled = speed(number === undefined || factor === undefined ? undefined : number * factor);
  const said = ['LinkSpeedRaw', 'LinkSpeed', 'LinkSpeedUnits', 'LinkLabel'].flatMap((name) => {
    const value = edge.get(name.toLowerCase());
    return value === undefined || value === '' ? [] : [`${name} "${value.slice(0, 60)}"`];
  });
  // Raw values are floats as text, so the last digits may differ.
  const differ = raw !== undefined && spelled !== undefined && Math.abs(raw - spelled) > raw / 1000;
  return { bitsPerSecond: raw ?? spelled, conflicting: differ ? spelled : undefined, said };
}

function speed(value: number | undefined): number | undefined {
  const whole = value === undefined ? NaN : Math.floor(value);
  return whole >= 1 && whole <= Number.MAX_SAFE_INTEGER ? whole : undefined;
}

export function coordinates(node: GraphmlAttributes): Coordinates | undefined {
  const latitude = decimal(node.get('latitude'));
  const longitude = decimal(node.get('longitude'));
  return onEarth(latitude, longitude);
}
