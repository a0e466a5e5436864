/** Letters that Unicode does not take apart into a base letter and an accent. */
const SPELLED: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ł: 'l',
  ı: 'i',
  þ: 'th',
};

/** A node name made from a label, valid but perhaps not unique: "São Paulo" → "sao-paulo"; empty when nothing is left. */
export function nameFromLabel(label: string): string {
  return label
    .slice(0, 200)
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[ßæœøđðłıþ]/g, (letter) => SPELLED[letter]!)
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '')
    .slice(0, 63)
    .replace(/[._-]+$/, '');
}

/** Makes names unique: the first keeps its own, later ones get `-2`, `-3` … where that is nobody's own name either. */
export function uniqueNames(names: readonly string[]): readonly string[] {
  const taken = new Set(names);
  const seen = new Set<string>();
  const next = new Map<string, number>();
  return names.map((name) => {
    if (!seen.has(name)) {
      seen.add(name);
      return name;
    }
    let n = next.get(name) ?? 2;
    const numbered = (): string => `${name.slice(0, 63 - `-${n}`.length)}-${n}`;
    while (taken.has(numbered())) n++;
    const unique = numbered();
    taken.add(unique);
    next.set(name, n + 1);
    return unique;
  });
}

/** Text that a label may hold: at most 255 characters, none of them a control character or half a character. */
export const labelText = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cs}]+/gu, ' ')
    .trim()
    .slice(0, 255);
