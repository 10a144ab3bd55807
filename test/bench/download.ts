/**
 * The floor of the benchmark, run in a process of its own: downloads the pages that a collection reads, over kept-alive connections, and
 * does nothing with them but find the next page's token. Prints one line of JSON. Arguments: kubeconfig (JSON), `gzip` or `identity`,
 * the number of connections, then the paths.
 */
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:https';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

const [file = '', encoding = 'identity', connections = '1', ...paths] = process.argv.slice(2);
const { clusters, users } = JSON.parse(readFileSync(file, 'utf8')) as {
  clusters: [{ cluster: Record<string, string> }];
  users: [{ user: Record<string, string> }];
};
const server = clusters[0].cluster['server'] ?? '';
const decode = (text: string | undefined) => Buffer.from(text ?? '', 'base64');
const agent = new Agent({
  keepAlive: true,
  maxSockets: Number(connections),
  ca: decode(clusters[0].cluster['certificate-authority-data']),
  cert: decode(users[0].user['client-certificate-data']),
  key: decode(users[0].user['client-key-data']),
});
const unzip = promisify(gunzip);

function download(path: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    get(`${server}${path}`, { agent, headers: { accept: 'application/json', 'accept-encoding': encoding } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(chunks);
        if (response.headers['content-encoding'] === 'gzip') unzip(body).then(resolve, reject);
        else resolve(body);
      });
    }).on('error', reject);
  });
}

let bytes = 0;
let pages = 0;
const queue = paths.values();
const started = performance.now();
await Promise.all(
  Array.from({ length: Number(connections) }, async () => {
    for (const path of queue) {
      for (let token = ''; ; ) {
        const body = await download(`${path}?limit=500${token === '' ? '' : `&continue=${encodeURIComponent(token)}`}`);
        bytes += body.length;
        pages += 1;
        token = /"continue":"([^"]+)"/.exec(body.toString('latin1', 0, 4096))?.[1] ?? '';
        if (token === '') break;
      }
    }
  }),
);
process.stdout.write(`${JSON.stringify({ ms: performance.now() - started, bytes, pages })}\n`);
agent.destroy();
