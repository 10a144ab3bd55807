/**
 * A key service for the API server (KMS v2, k8s.io/kms apis/v2): gRPC over HTTP/2 on a unix socket, with messages written by hand, because
 * there are three of them. It encrypts nothing: what a test looks at is which prefix is written and which key id was told.
 */
import { rmSync } from 'node:fs';
import { createServer, type ServerHttp2Stream } from 'node:http2';

export interface KmsPlugin {
  readonly endpoint: string;
  /** The id of the key that it tells from now on. */
  keyId: string;
  /** How often it was asked for its status. */
  asked: number;
  close(): void;
}

/** A field of wire type 2: bytes below 16 KiB. */
function field(number: number, value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value as string);
  const length = bytes.length < 0x80 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}

/** The bytes of one field of a message that has fields of wire type 2 alone. */
function readField(message: Buffer, wanted: number): Buffer {
  for (let at = 0; at < message.length; ) {
    const number = (message[at++] ?? 0) >> 3;
    let [length, shift] = [0, 0];
    for (let byte = 0x80; byte & 0x80; shift += 7) {
      byte = message[at++] ?? 0;
      length |= (byte & 0x7f) << shift;
    }
    if (number === wanted) return message.subarray(at, at + length);
    at += length;
  }
  return Buffer.alloc(0);
}

export async function startKmsPlugin(socket: string): Promise<KmsPlugin> {
  const server = createServer();
  const answer = (path: string, message: Buffer): Buffer => {
    if (path.endsWith('/Status')) {
      plugin.asked += 1;
      return Buffer.concat([field(1, 'v2'), field(2, 'ok'), field(3, plugin.keyId)]);
    }
    if (path.endsWith('/Encrypt'))
      return Buffer.concat([field(1, Buffer.concat([Buffer.from('sealed'), readField(message, 1)])), field(2, plugin.keyId)]);
    return field(1, readField(message, 1).subarray('sealed'.length));
  };
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', () => undefined);
    stream.on('end', () => {
      const body = answer(headers[':path'] ?? '', Buffer.concat(chunks).subarray(5));
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      const head = Buffer.alloc(5);
      head.writeUInt32BE(body.length, 1);
      stream.end(Buffer.concat([head, body]));
    });
  });
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => sessions.add(session));
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const plugin: KmsPlugin = {
    endpoint: `unix://${socket}`,
    keyId: 'key-1',
    asked: 0,
    close() {
      for (const session of sessions) session.destroy();
      server.close();
      rmSync(socket, { force: true });
    },
  };
  return plugin;
}
