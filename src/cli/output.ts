import type { Writable } from 'node:stream';

/** Where a command writes; tests give their own. */
export interface CliOutput {
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** Waits until there is room for more. False when whoever read the output has seen enough (`… | head`). */
export async function write({ stdout }: CliOutput, text: string): Promise<boolean> {
  if (stdout.destroyed || stdout.errored !== null) return false;
  if (stdout.write(text)) return true;
  return new Promise<boolean>((resolve) => {
    const end = (goesOn: boolean): void => {
      stdout.off('drain', drained);
      stdout.off('error', gone);
      stdout.off('close', gone);
      resolve(goesOn);
    };
    const drained = (): void => end(true);
    const gone = (): void => end(false);
    stdout.once('drain', drained);
    stdout.once('error', gone);
    stdout.once('close', gone);
  });
}
