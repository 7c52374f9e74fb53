import { createServer, connect } from 'node:net';
import type { Server, Socket } from 'node:net';

/** A way to a server that can be cut: connections end at once, new ones are refused. */
export type CuttableProxy = {
  readonly port: number;
  cut(): Promise<void>;
  mend(): Promise<void>;
};

export async function startProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<CuttableProxy> {
  const sockets = new Set<Socket>();
  let server: Server | null = null;
  let port = 0;

  async function mend(): Promise<void> {
    const made = createServer((near) => {
      const far = connect(target);
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far).pipe(near);
    });
    await new Promise<void>((resolve, reject) => {
      made.once('error', reject);
      made.listen(port, '127.0.0.1', resolve);
    });
    const address = made.address();
    if (address !== null && typeof address === 'object') ({ port } = address);
    server = made;
  }

  await mend();
  return {
    port,
    mend,
    async cut() {
      const cut = server;
      server = null;
      const closed = new Promise<void>((resolve) => {
        if (cut === null) resolve();
        else cut.close(() => resolve());
      });
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
