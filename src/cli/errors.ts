/** The command line was used wrongly, or a file that it names cannot be used: one line on standard error, exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was asked was understood and refused: the message and each reason on standard error, exit status 3. */
export class RefusalError extends Error {
  override readonly name = 'RefusalError';
  readonly reasons: readonly string[];
  constructor(message: string, reasons: readonly string[] = []) {
    super(message);
    this.reasons = reasons;
  }
}
