import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import type { KubevidenceError } from '../../src/model/index.ts';
import type { PlannedListing } from '../../src/sources/index.ts';
import { pem } from './tls.ts';
import { type Handler, Pages, directory, open, page, pods, read, runUuid, send, serve, status } from './live-server.ts';

describe('paging', () => {
  it('follows continue with limit=500 and records what was read', async () => {
    const asked: string[] = [];
    const { record, outcome, feed, source } = await read((_request, response, url) => {
      asked.push(url.search);
      const token = url.searchParams.get('continue');
      send(response, 200, token === null ? page([1, 2], 'a/+=') : token === 'a/+=' ? page([3], 'b') : page([4]), {
        date: 'Wed, 01 Jul 2026 00:00:00 GMT',
      });
    });
    expect(asked).toEqual(['?limit=500', '?limit=500&continue=a%2F%2B%3D', '?limit=500&continue=b']);
    expect(outcome.gaps).toEqual([]);
    expect(feed.items).toEqual([1, 2, 3, 4]);
    expect(record).toEqual({
      auditId: `${runUuid}-1`,
      path: '/api/v1/pods?limit=500',
      accept: 'application/json',
      status: 200,
      startedAt: '2026-07-01T00:00:00.000Z',
      endedAt: '2026-07-01T00:00:00.000Z',
      serverDate: 'Wed, 01 Jul 2026 00:00:00 GMT',
      resourceVersion: '7',
      pages: 3,
      items: 4,
      bytes: page([1, 2], 'a/+=').length + page([3], 'b').length + page([4]).length,
      attempts: 3,
      consistency: 'consistent',
    });
    expect(source.stats).toMatchObject({ requests: 3, connections: 1 });
  });

  it('waits for the parser where the metadata comes last, as for custom resources', async () => {
    const { feed, record } = await read((_request, response, url) => {
      const more = url.searchParams.has('continue') ? {} : { continue: 'x' };
      send(response, 200, JSON.stringify({ apiVersion: 'v1', items: [1], kind: 'ThingList', metadata: { resourceVersion: '9', ...more } }));
    });
    expect(feed.items).toEqual([1, 1]);
    expect(record).toMatchObject({ pages: 2, resourceVersion: '9' });
  });

  it('is a gap when the head of a page and the parsed page disagree', async () => {
    const body = page([1]).replace('"items"', '"items":[],"metadata":{"continue":"hidden"},"items"');
    const { gap } = await read((_request, response) => send(response, 200, body));
    expect(gap).toMatchObject({ reason: 'error', detail: expect.stringContaining('two different things') });
  });

  it('ends a list that gives the same page for ever', async () => {
    const { gap, record } = await read((_request, response) => send(response, 200, page([1], 'same')));
    expect(gap).toMatchObject({ reason: 'error', detail: expect.stringContaining('twice') });
    expect(record?.pages).toBe(2);
  });

  it('asks once, without a limit, where it is not paged', async () => {
    const { record } = await read((_request, response) => send(response, 200, page([1], 'ignored')), {
      kind: 'k8s.pods/pods',
      requests: [{ path: '/x', paged: false, what: 'x' }],
    });
    expect(record).toMatchObject({ path: '/x', pages: 1, attempts: 1 });
  });

  it('reads gzip and hands over a buffer that can be transferred', async () => {
    const items = Array.from({ length: 5000 }, (_, index) => ({ name: `pod-${index}` }));
    const asked: (string | string[] | undefined)[] = [];
    const handler: Handler = (request, response) => {
      asked.push(request.headers['accept-encoding']);
      send(response, 200, gzipSync(page(items)), { 'content-encoding': 'gzip' });
    };
    const { feed, record } = await read(handler);
    expect(feed.items).toEqual(items);
    expect(record?.bytes).toBe(page(items).length);
    expect(asked).toEqual(['gzip']);
  });
});

describe('a list that expires', () => {
  const expired = (more?: string) =>
    status(410, 'The provided continue parameter is too old', { reason: 'Expired', metadata: { ...(more && { continue: more }) } });

  it('is started again once', async () => {
    let first = true;
    const { feed, record, outcome } = await read((_request, response, url) => {
      if (!url.searchParams.has('continue')) return send(response, 200, page([1], 'a'));
      if (!first) return send(response, 200, page([2]));
      first = false;
      return send(response, 410, expired('late'));
    });
    expect(feed.log).toEqual(['page 0', 'restart 0', 'page 0', 'page 0']);
    expect(feed.items).toEqual([1, 2]);
    expect(record).toMatchObject({ pages: 2, items: 2, attempts: 4, consistency: 'consistent', status: 200 });
    expect(outcome.gaps).toEqual([]);
  });

  it('is continued inconsistently when it expires again', async () => {
    const { feed, record, outcome } = await read((_request, response, url) => {
      const token = url.searchParams.get('continue');
      if (token === null) return send(response, 200, page([1], 'a'));
      return token === 'a' ? send(response, 410, expired('late')) : send(response, 200, page([2], undefined, '8'));
    });
    expect(feed.items).toEqual([1, 2]);
    expect(record).toMatchObject({ pages: 2, consistency: 'inconsistent', resourceVersion: '7' });
    expect(outcome.gaps).toEqual([]);
  });

  it('is a gap when there is no way on', async () => {
    const { gap } = await read((_request, response, url) =>
      url.searchParams.has('continue') ? send(response, 410, expired()) : send(response, 200, page([1], 'a')),
    );
    expect(gap).toMatchObject({ reason: 'error', what: 'pods', detail: expect.stringMatching(/410.*too old/) });
  });

  it('starts all requests of its listing again, because they are dropped together', async () => {
    let expire = true;
    const planned: PlannedListing = {
      kind: 'k8s.pods/pods',
      requests: ['a', 'b'].map((name) => ({ path: `/api/v1/namespaces/${name}/pods`, paged: true, what: name })),
    };
    const { feed, outcome } = await read((_request, response, url) => {
      const name = url.pathname.split('/')[4];
      if (name === 'a') return send(response, 200, page(['a']));
      if (!url.searchParams.has('continue')) return send(response, 200, page(['b1'], 'x'));
      if (!expire) return send(response, 200, page(['b2']));
      expire = false;
      return send(response, 410, expired());
    }, planned);
    expect(feed.log).toEqual(['page 0', 'page 1', 'restart 0', 'restart 1', 'page 0', 'page 1', 'page 1']);
    expect(feed.items).toEqual(['a', 'b1', 'b2']);
    expect(outcome.requests.map((each) => each.attempts)).toEqual([2, 4]);
  });
});

describe('retries', () => {
  const cases: [string, number, Record<string, string>, (ms: number) => boolean][] = [
    ['429 for as long as the server says', 429, { 'retry-after': '3' }, (ms) => ms === 3000],
    ['429 until the date the server says', 429, { 'retry-after': 'Wed, 01 Jul 2026 00:00:04 GMT' }, (ms) => ms === 4000],
    ['429 never longer than 30 s', 429, { 'retry-after': '86400' }, (ms) => ms === 30_000],
    ['503 with a growing pause', 503, {}, (ms) => ms >= 250 && ms <= 750],
    ['500 with a pause although the header is nonsense', 500, { 'retry-after': 'soon' }, (ms) => ms >= 250 && ms <= 750],
  ];
  it.each(cases)('%s', async (_name, code, headers, fits) => {
    let asked = 0;
    const { record, source, outcome } = await read((_request, response) =>
      ++asked === 1 ? send(response, code, status(code, 'busy'), headers) : send(response, 200, page([1])),
    );
    expect(outcome.gaps).toEqual([]);
    expect(record).toMatchObject({ attempts: 2, pages: 1, auditId: `${runUuid}-2` });
    expect(source.slept).toHaveLength(1);
    expect(source.slept.every(fits)).toBe(true);
    expect(source.events[0]).toMatchObject({ type: 'retry', path: '/api/v1/pods', attempt: 1, why: `the server answered ${code}` });
  });

  it('give up after five attempts, each with its own Audit-ID', async () => {
    const ids: unknown[] = [];
    const { record, gap, source } = await read((request, response) => {
      ids.push(request.headers['audit-id']);
      send(response, 500, status(500, 'broken\u001b[31m'));
    });
    expect(ids).toEqual([1, 2, 3, 4, 5].map((n) => `${runUuid}-${n}`));
    expect(record).toMatchObject({ attempts: 5, status: 500, pages: 0 });
    expect(gap).toEqual({ reason: 'error', what: 'pods', detail: '500: broken\\u{1b}[31m' });
    expect(source.slept).toHaveLength(4);
  });

  it('never wait beyond the deadline of the run', async () => {
    const { source, gap } = await read((_request, response) => send(response, 429, status(429, 'busy'), { 'retry-after': '20' }), pods, {
      deadlineMs: 10_000,
    });
    expect(source.slept).toEqual([]);
    expect(gap).toMatchObject({ reason: 'error', detail: '429: busy' });
  });

  it('renew refused credentials once', async () => {
    const tokenFile = join(directory, 'token');
    writeFileSync(tokenFile, 'old');
    const seen: unknown[] = [];
    const port = await serve((request, response) => {
      seen.push(request.headers.authorization);
      writeFileSync(tokenFile, 'new');
      send(response, request.headers.authorization === 'Bearer new' ? 200 : 401, page([]));
    });
    const source = await open(port, {}, { tokenFile });
    expect((await source.get('/version')).status).toBe(200);
    expect(seen).toEqual(['Bearer old', 'Bearer new']);
  });

  it('do not repeat a 401 where there are no other credentials', async () => {
    const { gap, record } = await read((_request, response) => send(response, 401, status(401, 'Unauthorized')));
    expect(gap).toMatchObject({ reason: 'error', detail: '401: Unauthorized' });
    expect(record?.attempts).toBe(1);
  });
});

describe('the run', () => {
  it('presents the client certificate, and a new one on a new connection', async () => {
    const names: unknown[] = [];
    const port = await serve(
      (request, response) => {
        names.push((request.socket as unknown as { getPeerCertificate(): { subject?: { CN?: string } } }).getPeerCertificate().subject?.CN);
        send(response, names.length === 2 ? 401 : 200, '{}');
      },
      { requestCert: true, rejectUnauthorized: false, ca: pem.ca },
    );
    const [certFile, keyFile] = [join(directory, 'rotating.crt'), join(directory, 'rotating.key')];
    writeFileSync(certFile, pem.clientCert);
    writeFileSync(keyFile, pem.clientKey);
    const source = await open(port, {}, { 'client-certificate': certFile, 'client-key': keyFile });
    await source.get('/version');
    writeFileSync(certFile, pem.serverCert);
    writeFileSync(keyFile, pem.serverKey);
    await source.get('/version');
    expect(names).toEqual(['test-client', 'test-client', 'test-server']);
    expect(source.stats.connections).toBe(2);
  });

  it('sends questions with body, agent and a unique Audit-ID', async () => {
    const seen: unknown[] = [];
    const port = await serve((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        seen.push([
          request.method,
          request.url,
          request.headers['user-agent'],
          request.headers['audit-id'],
          request.headers['content-type'],
          body,
        ]);
        send(response, 201, '{}');
      });
    });
    const source = await open(port);
    const answer = await source.post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { spec: {} });
    expect(answer).toMatchObject({ status: 201, auditId: `${runUuid}-1` });
    await source.get('/readyz', { query: { verbose: '' }, accept: 'text/plain' });
    expect(seen).toEqual([
      [
        'POST',
        '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        'kubevidence/test',
        `${runUuid}-1`,
        'application/json',
        '{"spec":{}}',
      ],
      ['GET', '/readyz?verbose=', 'kubevidence/test', `${runUuid}-2`, undefined, ''],
    ]);
  });

  const many = (count: number): PlannedListing[] =>
    Array.from({ length: count }, (_, n) => ({ kind: `x/l${n}` as const, requests: [{ path: `/l${n}`, paged: true, what: `l${n}` }] }));

  it('never has more than four requests under way, and closes each listing once', async () => {
    let now = 0;
    let most = 0;
    const ids = new Set<unknown>();
    const port = await serve((request, response) => {
      ids.add(request.headers['audit-id']);
      most = Math.max(most, ++now);
      setTimeout(() => {
        now--;
        send(response, 200, page([1]));
      }, 2);
    });
    const source = await open(port);
    const feed = new Pages();
    await Promise.all([source.readAll(many(20), feed), ...many(10).map((each) => source.get(each.requests[0]?.path ?? '/'))]);
    expect(most).toBe(4);
    expect(ids.size).toBe(30);
    expect(source.stats).toMatchObject({ requests: 30, connections: 4 });
    expect(feed.closed.map(([kind]) => kind).sort()).toEqual(
      many(20)
        .map((each) => each.kind)
        .sort(),
    );
  });

  it('downloads the next page while one is parsed, and none beyond the room there is', async () => {
    let outstanding = 0;
    let most = 0;
    let served = 0;
    const releases: (() => void)[] = [];
    const waiting: (() => void)[] = [];
    class Slow extends Pages {
      override async page(...page: Parameters<Pages['page']>) {
        most = Math.max(most, ++outstanding);
        await new Promise<void>((resolve) => releases.push(resolve));
        const result = await super.page(...page);
        outstanding--;
        waiting.shift()?.();
        return result;
      }
      override async room() {
        if (outstanding >= 2) await new Promise<void>((resolve) => waiting.push(resolve));
      }
    }
    const port = await serve((_request, response) => send(response, 200, page([1], ++served < 6 ? `t${served}` : undefined)));
    const source = await open(port);
    const reading = source.readListing(pods, new Slow());
    await vi.waitFor(() => expect(releases).toHaveLength(2), { interval: 1 });
    // Two pages are being parsed and none of them has ended: nothing else may be asked for.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(served).toBe(2);
    const release = setInterval(() => releases.shift()?.(), 1);
    const { requests } = await reading;
    clearInterval(release);
    expect(requests).toMatchObject([{ pages: 6, items: 6 }]);
    expect(most).toBe(2);
  });

  it('ends at its deadline with a gap for everything that was not read', async () => {
    const port = await serve((_request, response, url) => (url.pathname === '/l0' ? send(response, 200, page([1])) : undefined));
    const source = await open(port, { deadlineMs: 500, clock: () => new Date(), concurrency: 2 });
    const feed = new Pages();
    await source.readAll(many(6), feed);
    expect(feed.closed).toHaveLength(6);
    const gaps = feed.closed.flatMap(([, outcome]) => outcome.gaps);
    expect(gaps).toHaveLength(5);
    expect(gaps.every((gap) => gap.reason === 'error' && /deadline of 0\.5 s/.test(gap.detail ?? ''))).toBe(true);
    await expect(source.get('/version')).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('deadline') });
  });

  it('can be interrupted', async () => {
    const stop = new AbortController();
    const port = await serve(() => stop.abort());
    const source = await open(port, { signal: stop.signal });
    const { gaps } = await source.readListing(pods, new Pages());
    expect(gaps).toEqual([{ reason: 'error', what: 'pods', detail: 'the run was interrupted before this was read' }]);
  });

  it('shows no credential in what goes wrong', async () => {
    const port = await serve((_request, response) => response.destroy());
    const source = await open(port, {}, { token: 'canary' });
    const failure = (await source.get('/version').catch((error: unknown) => error)) as KubevidenceError;
    expect(`${failure.message} ${failure.next} ${failure.stack} ${String(failure.cause)}`).not.toContain('canary');
  });
});
