import { execFile, spawn } from 'node:child_process';

/** Runs a program to its end. @throws Error with what it wrote to standard error. */
export function run(program: string, args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, [...args], { maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${args.join(' ')}: ${stderr.trim() || error.message}`));
      else resolve(stdout);
    });
    // A program that reads no input may be gone before it is given any.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
  });
}

/** True when the program is on the PATH. */
export const available = (program: string): Promise<boolean> =>
  new Promise((resolve) => {
    const child = spawn('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
  });
