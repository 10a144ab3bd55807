import { describe, expect, test } from 'vitest';
import { readMemberships } from '../../src/access/index.ts';

const scim = (...resources: unknown[]) =>
  JSON.stringify({ schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'], Resources: resources });

describe('memberships', () => {
  test.each<[string, string, readonly string[], readonly string[]]>([
    ['CSV with a header', 'user,group\nalice,dev\r\nbob, dev \nalice,ops\n', ['dev', 'ops'], ['alice', 'bob']],
    [
      'CSV without one, with quotes and a mark',
      '\ufeff"alice","dev"\n"bob","dev"\nalice,"a ""b"", c"',
      ['dev', 'a "b", c'],
      ['alice', 'bob'],
    ],
    ['CSV as a German Excel writes it', 'alice;dev\nbob;dev\n\nalice;dev\n', ['dev'], ['alice', 'bob']],
    ['SCIM groups', scim({ displayName: 'dev', members: [{ value: '1', display: 'alice' }, { value: 'bob' }] }), ['dev'], ['alice', 'bob']],
    [
      'SCIM groups whose members are users by id',
      scim(
        { id: '1', userName: 'alice' },
        { id: '2', userName: 'bob' },
        { displayName: 'dev', members: [{ value: '1', display: 'Alice A.' }, { value: '2' }] },
      ),
      ['dev'],
      ['alice', 'bob'],
    ],
    [
      'SCIM users with groups',
      JSON.stringify([
        { userName: 'alice', groups: [{ value: 'g', display: 'dev' }] },
        { userName: 'bob', groups: [{ value: 'dev' }] },
      ]),
      ['dev'],
      ['alice', 'bob'],
    ],
  ])('%s', (_name, text, groups, members) => {
    const memberships = readMemberships(text, 'm');
    expect([memberships.groupsOf('alice'), memberships.membersOf('dev')]).toEqual([groups, members]);
    expect([memberships.groupsOf('nobody'), memberships.membersOf('__proto__')]).toEqual([[], []]);
  });

  test.each<[string, string, object]>([
    ['nothing', '', {}],
    ['a header alone', 'user,group\n', {}],
    ['one column', 'user,group\nalice,dev\nbob\n', { line: 3 }],
    ['three columns', 'alice,dev,ops\n', { line: 1 }],
    ['no user', 'alice,dev\n,dev\n', { line: 2 }],
    ['an open quotation mark', 'alice,dev\n"bob,dev\n', { line: 2 }],
    ['a line behind one of two lines', '"al\nice",dev\nbob\n', { line: 3 }],
    ['no JSON', '{"Resources": [', {}],
    ['no resources', '{"Resources": []}', { key: 'Resources' }],
    ['neither user nor group', scim({ id: '1' }), { key: 'Resources[0]' }],
    ['a null', scim(null), { key: 'Resources[0]' }],
    ['a member without a name', scim({ displayName: 'dev', members: [{ value: 'a' }, {}] }), { key: 'Resources[0].members[1]' }],
    ['a group without a name', scim({ userName: 'alice', groups: [{}] }), { key: 'Resources[0].groups[0]' }],
    ['groups in groups', scim({ displayName: 'dev', members: [{ value: 'x', type: 'Group' }] }), { key: 'Resources[0].members[0]' }],
  ])('refused: %s', (_name, text, place) => {
    expect(() => readMemberships(text, 'people.csv')).toThrow(
      expect.objectContaining({ code: 'input', place: { file: 'people.csv', ...place } }) as Error,
    );
  });
});
