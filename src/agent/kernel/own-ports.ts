import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * Ports of the netlink sockets of a protocol that this process holds, in its network namespace.
 *
 * @returns none where /proc cannot be read: what is ours then looks like somebody else's, and costs a comparison.
 */
export function ownNetlinkPorts(protocol: number): readonly number[] {
  try {
    const own = new Set(readdirSync('/proc/self/fd').map(socketInode));
    return portsOf(readFileSync('/proc/self/net/netlink', 'utf8'), protocol, own);
  } catch {
    return [];
  }
}

/** Reads /proc/net/netlink: `sk Eth Pid Groups … Inode`, `Eth` being the protocol and `Pid` the port. */
export function portsOf(table: string, protocol: number, inodes: ReadonlySet<string>): readonly number[] {
  return table.split('\n').flatMap((line) => {
    const words = line.trim().split(/\s+/);
    const port = Number(words[2]);
    return words[1] === String(protocol) && inodes.has(words.at(-1)!) && Number.isInteger(port) ? [port >>> 0] : [];
  });
}

function socketInode(fd: string): string {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? '';
  } catch {
    // Closed meanwhile.
    return '';
  }
}
