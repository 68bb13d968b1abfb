import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Where a process and its children listen, such as `127.0.0.1:4566`; undefined where there is no /proc to ask. */
export function listeningOf(pid: number): string[] | undefined {
  if (process.platform !== 'linux') return undefined;
  const processes = [pid, ...descendantsOf(pid)];
  const sockets = new Set(processes.flatMap(socketsOf));
  return ['tcp', 'tcp6'].flatMap(protocol =>
    readFileSync(`/proc/net/${protocol}`, 'utf8')
      .split('\n')
      .slice(1)
      .map(line => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === LISTEN && sockets.has(String(inode)))
      .map(([, address]) => readable(String(address))),
  );
}

/** https://docs.kernel.org/networking/proc_net_tcp.html */
const LISTEN = '0A';

/** The address is in the machine's byte order, which is little-endian wherever we run; the port is not. */
function readable(address: string): string {
  const [host = '', port = ''] = address.split(':');
  const bytes = (host.match(/../g) ?? []).map(byte => Number.parseInt(byte, 16));
  return `${bytes.length === 4 ? bytes.reverse().join('.') : host}:${Number.parseInt(port, 16)}`;
}

function socketsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`)) ?? [];
      return inode ?? [];
    });
  } catch {
    return []; // it has ended meanwhile
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Of a process; none where there is no /proc to ask. */
export function descendantsOf(pid: number): number[] {
  if (process.platform !== 'linux') return [];
  const parents = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => ({ pid: Number(name), parent: parentOf(name) }));
  const children = parents.filter(({ parent }) => parent === pid).map(child => child.pid);
  return children.flatMap(child => [child, ...descendantsOf(child)]);
}

function parentOf(pid: string): number | undefined {
  try {
    // What follows the name, which may have anything in it.
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1]);
  } catch {
    return undefined;
  }
}
