/** A parsed XML element, as importers read it. Names are without namespace prefix, entities are resolved. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** The element's own text, pieces between children joined, without blanks at the ends. */
  readonly text: string;
}

export const childrenNamed = (element: XmlElement, name: string): readonly XmlElement[] =>
  element.children.filter((child) => child.name === name);

/** True for what an XML parser gave, as against a document of another format. */
export const isXmlElement = (value: unknown): value is XmlElement =>
  typeof value === 'object' && value !== null && 'attributes' in value && value.attributes instanceof Map;
