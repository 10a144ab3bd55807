import { describe, expect, test } from 'vitest';
import { everywhere, holdMostAddresses, holdMostPorts, networksOf, portsBetween } from '../../src/populations/network/spans.ts';

describe('networks', () => {
  const most = (...cidrs: readonly string[]) => holdMostAddresses(cidrs.map((cidr) => networksOf(cidr)));

  test.each<[readonly string[], boolean]>([
    [['0.0.0.0/0'], true],
    [['10.1.2.3/0'], true],
    [['0.0.0.0/1'], true],
    [['0.0.0.0/2', '64.0.0.0/3'], false],
    [['0.0.0.0/2', '64.0.0.0/3', '96.0.0.0/3'], true],
    [['0.0.0.0/2', '0.0.0.0/2', '32.0.0.0/3'], false],
    [['000.0.0.0/00'], true],
    [['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'], false],
    [['::/0'], true],
    [['::/1'], true],
    [['8000::/1'], false],
    [['2000::/3'], true],
    [['2000::/4', '3000::/4'], true],
    [['2000::/5', '3000::/6'], false],
    [['2000:0:0:0:0:0:0.0.0.0/3'], true],
    [['fc00::/7', 'fe80::/10', '::ffff:0:0/96'], false],
    [['0.0.0.0/2', '2000::/5'], false],
  ])('%j', (cidrs, expected) => {
    expect(most(...cidrs)).toBe(expected);
  });

  test.each([
    '',
    '/0',
    '0.0.0.0',
    '0.0.0.0/33',
    '0.0.0/0',
    '0.0.0.256/0',
    '::/129',
    ':::/0',
    '1::2::3/0',
    '1:2:3:4:5:6:7:8:9/0',
    '::1.2.3/0',
    'g::/0',
    '1:2:3:4:5:6:7::8/x',
  ])('%j is no network', (cidr) => {
    expect(networksOf(cidr)).toEqual({ v4: [], v6: [] });
  });

  test.each<[string, readonly string[], boolean]>([
    ['0.0.0.0/0', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'], true],
    ['0.0.0.0/0', ['0.0.0.0/1'], true],
    ['0.0.0.0/0', ['0.0.0.0/1', '0.0.0.0/8'], true],
    ['0.0.0.0/0', ['0.0.0.0/1', '255.0.0.0/8'], false],
    ['0.0.0.0/0', ['0.0.0.0/1', '128.0.0.0/1'], false],
    ['0.0.0.0/0', ['::/0'], true],
    ['::/0', ['fc00::/7'], true],
    ['::/0', ['2000::/3'], false],
  ])('%s without %j', (cidr, except, expected) => {
    expect(holdMostAddresses([networksOf(cidr, except)])).toBe(expected);
  });

  test('what one excepts, another lets through', () => {
    expect(holdMostAddresses([networksOf('0.0.0.0/0', ['0.0.0.0/1', '128.0.0.0/2']), networksOf('128.0.0.0/2')])).toBe(true);
    expect(holdMostAddresses([everywhere])).toBe(true);
    expect(holdMostAddresses([])).toBe(false);
  });
});

test.each<[readonly (readonly [number, number])[], boolean]>([
  [[[1, 65_535]], true],
  [[[1, 32_767]], false],
  [[[1, 32_768]], true],
  [
    [
      [1, 21],
      [23, 65_535],
    ],
    true,
  ],
  [
    [
      [1, 20_000],
      [1, 20_000],
    ],
    false,
  ],
  [[[443, 443]], false],
])('ports %j', (ranges, expected) => {
  expect(holdMostPorts(ranges.map(([first, last]) => portsBetween(first, last)))).toBe(expected);
});
