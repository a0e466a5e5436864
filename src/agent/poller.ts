import { POLLIN, type Libc } from './libc.ts';

/**
 * Waits for several file descriptors at once. One thread of the pool blocks in poll(2); what is ready is called on the
 * main thread, then the wait begins anew, so a callback that reads only a part is called again.
 */
export class Poller {
  readonly #libc: Libc;
  readonly #wakeFd: number;
  readonly #memory: { readonly address: bigint; readonly view: Uint8Array };
  readonly #watched = new Map<number, () => void>();
  readonly #waiting: Promise<void>;
  #closed = false;

  static readonly #maxFds = 16;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#wakeFd = libc.eventfd(0, 0o4000 | 0o2000000);
    if (this.#wakeFd < 0) throw new Error(`eventfd failed with errno ${libc.errno()}`);
    this.#memory = libc.allocate(8 * Poller.#maxFds);
    this.#waiting = this.#run();
  }

  /** @throws RangeError when too many descriptors are watched. */
  watch(fd: number, readable: () => void): void {
    if (this.#watched.size + 2 > Poller.#maxFds) throw new RangeError('too many file descriptors to wait for');
    this.#watched.set(fd, readable);
    this.#wake();
  }

  /** Not to be called with another descriptor than the callback's own: what is ready already would still be called. */
  unwatch(fd: number): void {
    this.#watched.delete(fd);
  }

  /** Resolves when no thread waits any more; then descriptors may be closed. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    await this.#waiting;
    this.#libc.close(this.#wakeFd);
  }

  #wake(): void {
    this.#libc.write(this.#wakeFd, one, 8);
  }

  async #run(): Promise<void> {
    const view = new DataView(this.#memory.view.buffer, this.#memory.view.byteOffset);
    const drained = new Uint8Array(8);
    while (!this.#closed) {
      const fds = [this.#wakeFd, ...this.#watched.keys()];
      fds.forEach((fd, i) => {
        view.setInt32(8 * i, fd, true);
        view.setInt16(8 * i + 4, POLLIN, true);
        view.setInt16(8 * i + 6, 0, true);
      });
      await new Promise<void>((resolve, reject) => {
        this.#libc.pollAsync(this.#memory.address, fds.length, -1, (error) => (error ? reject(error) : resolve()));
      });
      if (this.#closed) return;
      if (view.getInt16(6, true) !== 0) this.#libc.read(this.#wakeFd, drained, 8);
      for (let i = 1; i < fds.length; i++) if (view.getInt16(8 * i + 6, true) !== 0) this.#watched.get(fds[i]!)?.();
    }
  }
}

const one = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);
