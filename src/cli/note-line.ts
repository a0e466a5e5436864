/** What was found out about a topology, in a line; `where` is empty for what is about the whole of it. */
export const noteLine = (kind: string, { where, what }: { readonly where: string; readonly what: string }): string =>
  where === '' ? `${kind}: ${what}` : `${kind}: ${where}: ${what}`;
