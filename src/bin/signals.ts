/** npm and a terminal both hand Ctrl-C on: what comes again so soon is the same wish. */
const SAME_WISH_MS = 1000;

/** Resolves at the first SIGINT or SIGTERM; another one, later, ends the process at once. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    let askedAt: number | null = null;
    const stop = (): void => {
      const now = performance.now();
      if (askedAt !== null && now - askedAt > SAME_WISH_MS) process.exit(130);
      askedAt ??= now;
      resolve();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}
