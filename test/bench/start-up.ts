/** How long a collection takes until it asks its first question: a server that refuses everybody notes when that question comes. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { measure } from './measure.ts';

/** Milliseconds from before the start of the process to its first request. `work` is a directory with a configuration and keys. */
export async function measureStartUp(cli: readonly string[], work: string, env: NodeJS.ProcessEnv = {}): Promise<number> {
  let first = 0;
  const server = createServer((_request, response) => {
    first ||= performance.now();
    response.writeHead(401, { 'content-type': 'application/json', connection: 'close' }).end('{"kind":"Status","status":"Failure"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const kubeconfig = join(work, 'nobody.conf');
    const cluster = { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'nobody', cluster }],
      users: [{ name: 'nobody', user: { token: 'nobody' } }],
      contexts: [{ name: 'test', context: { cluster: 'nobody', user: 'nobody' } }],
      'current-context': 'test',
    };
    writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 });
    const started = performance.now();
    const { code, stderr } = await measure([...cli, 'collect'], { cwd: work, env: { ...env, KUBECONFIG: kubeconfig } });
    if (first === 0) throw new Error(`the collection asked nothing (exit ${code}): ${stderr}`);
    return first - started;
  } finally {
    server.close();
  }
}
