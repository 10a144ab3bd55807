import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isBroken, readRequestLine } from '../../../src/app/audit/request-line.ts';

const get = { verb: 'get', resource: 'secrets' };
const read = (line: object) => readRequestLine(JSON.stringify(line));
const empty = { apiGroup: '', subresource: '', namespace: '', name: '' };

describe('a request', () => {
  test.each<[string, object, object]>([
    ['nobody, nothing but the resource', get, { user: null, groups: [], ...get, ...empty }],
    ['null is absent', { ...get, user: null, groups: null, namespace: null }, { user: null, groups: [], ...get, ...empty }],
    ['groups make somebody', { ...get, groups: ['dev'] }, { user: '', groups: ['dev'] }],
    ['a version says nothing', { ...get, apiVersion: 'v1' }, { resource: 'secrets' }],
    ['a subresource in the name', { verb: 'create', resource: 'pods/exec' }, { resource: 'pods', subresource: 'exec' }],
    ['a Namespace is in itself', { verb: 'get', resource: 'namespaces', name: 'shop' }, { namespace: 'shop', name: 'shop' }],
    ['and what is below it', { verb: 'update', resource: 'namespaces', subresource: 'finalize', name: 'shop' }, { namespace: 'shop' }],
    ['but not a list of them', { verb: 'list', resource: 'namespaces', name: 'shop' }, { namespace: '' }],
    ['nor one of another group', { verb: 'get', apiGroup: 'example.com', resource: 'namespaces', name: 'shop' }, { namespace: '' }],
    ['a verb may be empty, as that of OPTIONS', { ...get, verb: '' }, { verb: '' }],
    ['a path', { user: 'alice', verb: 'get', path: '/healthz' }, { user: 'alice', groups: [], verb: 'get', path: '/healthz' }],
    ['a path of discovery', { verb: 'get', path: '/apis/apps/v1' }, { path: '/apis/apps/v1' }],
    ['a path with a slash at the end', { verb: 'get', path: '/api/v1/' }, { path: '/api/v1/' }],
  ])('%s', (_name, line, expected) => {
    expect(read(line)).toMatchObject(expected);
  });

  test.each(['', '  ', '\t\r'])('no line: %j', (text) => expect(readRequestLine(text)).toBeNull());
});

describe('broken', () => {
  test.each<[string, string | object, string]>([
    ['no JSON', '{', ''],
    ['no object', '[]', ''],
    ['a number', { ...get, user: 1 }, 'user'],
    ['groups that are text', { ...get, groups: 'dev' }, 'groups'],
    ['a group that is a number', { ...get, groups: ['dev', 1] }, 'groups'],
    ['no verb', { resource: 'secrets' }, 'verb'],
    ['a verb in upper case', { ...get, verb: 'GET' }, 'verb'],
    ['neither resource nor path', { verb: 'get' }, 'resource'],
    ['both', { ...get, path: '/healthz' }, 'resource'],
    ['a path in a namespace', { verb: 'get', path: '/healthz', namespace: 'a' }, 'namespace'],
    ['a path without /', { verb: 'get', path: 'healthz' }, 'path'],
    ['the path of a resource', { verb: 'get', path: '/api/v1/secrets' }, 'path'],
    ['of a resource behind more slashes', { verb: 'get', path: '//api/v1/secrets/' }, 'path'],
    ['of one in a group', { verb: 'get', path: '/apis/apps/v1/deployments' }, 'path'],
    ['more below', { verb: 'get', resource: 'pods/proxy/x' }, 'resource'],
    ['two subresources', { verb: 'get', resource: 'pods/log', subresource: 'exec' }, 'resource'],
    ['a key that there is not', { ...get, subResource: 'x' }, 'subResource'],
  ])('%s', (_name, line, key) => {
    const request = typeof line === 'string' ? readRequestLine(line) : read(line);
    expect(request).toMatchObject({ key });
  });

  test('whatever the line, it is a request, blank, or a phrase without control characters', () => {
    const keys = fc.constantFrom('user', 'groups', 'verb', 'resource', 'path', 'name', 'namespace', 'other\u001b');
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .dictionary(keys, fc.oneof(fc.string(), fc.constant(null), fc.array(fc.string()), fc.integer()))
        .map((each) => JSON.stringify(each)),
    );
    fc.assert(
      fc.property(line, (text) => {
        const request = readRequestLine(text);
        if (request === null || !isBroken(request)) return;
        expect(`${request.key}${request.message}`).not.toMatch(/\p{Cc}/u);
        expect(request.message).not.toBe('');
      }),
    );
  });
});
