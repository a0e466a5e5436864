import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** How long answers that are on their way may take when the server stops. */
const GRACE_MS = 5_000;

/**
 * Node's `close` ends connections that are idle after a request, and waits for ever for one that was opened ahead of any:
 * browsers and connection pools do that. Those end at once, what is left after a while with them.
 */
export function endConnectionsOnClose(app: FastifyInstance): void {
  const sockets = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  app.addHook('preClose', (done) => {
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    const timer = setTimeout(() => app.server.closeAllConnections(), GRACE_MS);
    app.server.once('close', () => clearTimeout(timer));
    done();
  });
}
