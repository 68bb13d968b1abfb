import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { MiniStack } from '../../local/ministack/ministack';

interface Received {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An HTTPS server on loopback that stands for a CRM and for a dead-man's switch. It answers 200 to every request. */
export async function startReceiver({ tls }: Pick<MiniStack, 'tls'>) {
  const received: Received[] = [];
  const server = createServer(tls, async (request, response) => {
    const body = await text(request);
    received.push({ method: request.method, path: request.url, headers: request.headers, body });
    response.end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://localhost:${port}`,
    at: (path: string) => received.filter(one => one.path === path),
    async close() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;
