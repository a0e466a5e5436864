import type koffi from 'koffi';

/** The calls into libc that the agent needs, through a foreign-function library: no compiler on the hosts. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, length: number): number;
  /** `length` holds the room in `value` and then what was written, as a native 32-bit number. */
  getsockopt(fd: number, level: number, option: number, value: Uint8Array, length: Uint8Array): number;
  /** `-1` on error; then `errno()` tells. */
  sendto(
    fd: number,
    bytes: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array,
    addressLength: number,
  ): number;
  send(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  recv(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  /** Pointers inside the message header make plain buffers useless here: give the address of native memory. */
  recvmmsg(fd: number, messages: bigint, count: number, flags: number): number;
  close(fd: number): number;
  eventfd(initial: number, flags: number): number;
  read(fd: number, bytes: Uint8Array, length: number): number;
  write(fd: number, bytes: Uint8Array, length: number): number;
  /** Blocks a thread of the pool, not the caller. */
  pollAsync(fds: bigint, count: number, timeoutMs: number, done: (error: Error | null, ready: number) => void): void;
  errno(): number;
  /** Native memory at a fixed address, and a view on it. */
  allocate(bytes: number): { readonly address: bigint; readonly view: Uint8Array };
}

/** The same on x86-64 and arm64 (asm-generic). */
export const AF_INET = 2;
export const AF_NETLINK = 16;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const MSG_DONTWAIT = 0x40;
export const MSG_TRUNC = 0x20;
export const POLLIN = 1;
export const EAGAIN = 11;
export const ENOBUFS = 105;

/** @throws Error with a sentence for people where the library or libc cannot be loaded. */
export async function loadLibc(): Promise<Libc> {
  let ffi: typeof koffi;
  try {
    ffi = (await import('koffi')).default;
  } catch (cause) {
    throw new Error('the optional package koffi is not installed: raw sockets and netlink are out of reach', { cause });
  }
  const library = ffi.load('libc.so.6');
  const poll = library.func('int poll(void *fds, unsigned long n, int timeout)');
  return {
    socket: library.func('int socket(int domain, int type, int protocol)'),
    bind: library.func('int bind(int fd, void *address, uint32_t length)'),
    setsockopt: library.func('int setsockopt(int fd, int level, int option, void *value, uint32_t length)'),
    getsockopt: library.func('int getsockopt(int fd, int level, int option, _Out_ void *value, _Inout_ void *length)'),
    sendto: library.func(
      'long sendto(int fd, void *bytes, unsigned long length, int flags, void *address, uint32_t addressLength)',
    ),
    send: library.func('long send(int fd, void *bytes, unsigned long length, int flags)'),
    recv: library.func('long recv(int fd, _Out_ void *bytes, unsigned long length, int flags)'),
    recvmmsg: bindRecvmmsg(
      library.func('int recvmmsg(int fd, void *messages, uint32_t count, int flags, void *timeout)'),
    ),
    close: library.func('int close(int fd)'),
    eventfd: library.func('int eventfd(uint32_t initial, int flags)'),
    read: library.func('long read(int fd, _Out_ void *bytes, unsigned long length)'),
    write: library.func('long write(int fd, void *bytes, unsigned long length)'),
    pollAsync: (fds, count, timeoutMs, done) => {
      poll.async(fds, count, timeoutMs, done);
    },
    errno: () => ffi.errno(),
    allocate: (bytes) => {
      const pointer = ffi.alloc('uint8_t', bytes) as object;
      const view = new Uint8Array(ffi.view(pointer, bytes));
      view.fill(0);
      return { address: BigInt(ffi.address(pointer)), view };
    },
  };
}

function bindRecvmmsg(call: (...args: unknown[]) => number): Libc['recvmmsg'] {
  return (fd, messages, count, flags) => call(fd, messages, count, flags, null);
}
