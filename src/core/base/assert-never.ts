/** Closes a switch over a union: a member that is not handled does not compile. @throws Error if reached at run time. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value ${JSON.stringify(value)}`);
}
