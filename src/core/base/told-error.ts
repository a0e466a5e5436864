/** V8's, and nobody else's: how many frames an error takes down when it is made. */
const made = Error as { stackTraceLimit?: number };

/**
 * An error that is caught a few calls up and told by its message. It takes no stack down: for a damaged object in a message
 * that would cost fifty times what finding the damage does, and messages from the network can be all damage.
 */
export class ToldError extends Error {
  constructor(message: string) {
    const limit = made.stackTraceLimit;
    if (limit !== undefined) made.stackTraceLimit = 0;
    super(message);
    if (limit !== undefined) made.stackTraceLimit = limit;
  }
}
