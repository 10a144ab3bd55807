/** Free loopback ports below the range that the kernel hands out for outgoing connections, so that nobody takes them between two starts. */
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { randomInt } from 'node:crypto';
import type { Ports } from './settings.ts';
import { portNames } from './settings.ts';

export async function choosePorts(): Promise<Ports> {
  const held: Server[] = [];
  const chosen: [string, number][] = [];
  try {
    for (let tries = 0; chosen.length < portNames.length; tries++) {
      if (tries > 200) throw new Error('no free ports between 20000 and 32000 on 127.0.0.1');
      const port = randomInt(20_000, 32_000);
      const server = await hold(port);
      if (!server) continue;
      held.push(server);
      chosen.push([portNames[chosen.length] ?? '', port]);
    }
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
  return Object.fromEntries(chosen) as Ports;
}

function hold(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
