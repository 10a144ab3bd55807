import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentRule, credentialRule, credentialRules, nameRule, suggestsCredential } from '../../src/sources/scrub/credential-rules.ts';

// Put together here, so that no scanner takes this file for a leak.
const long = 'aB3'.repeat(30);
const contents: readonly (readonly [rule: string, text: string])[] = [
  ['private-key', ['-----BEGIN RSA PRIVATE', 'KEY-----'].join(' ')],
  ['private-key', ['-----BEGIN', 'PRIVATE KEY-----'].join(' ')],
  ['aws-access-key-id', ['id=AKIA', 'ABCDEFGH234567XY'].join('')],
  ['github-token', `ghp_${long.slice(0, 36)}`],
  ['gitlab-token', `glpat-${long.slice(0, 20)}`],
  ['slack-token', `xoxb-${long.slice(0, 20)}`],
  ['slack-webhook', `https://hooks.slack.com/services/${long.slice(0, 9)}/x`],
  ['stripe-key', `sk_live_${long.slice(0, 24)}`],
  ['google-api-key', `AIza${long.slice(0, 35)}`],
  ['npm-token', `npm_${long.slice(0, 36)}`],
  ['jwt', `eyJ${long.slice(0, 20)}.eyJ${long.slice(0, 20)}.${long.slice(0, 20)}`],
  ['authorization-header', `curl -H "Authorization: Bearer ${long.slice(0, 20)}"`],
  ['url-with-password', 'postgres://app:hunter2@db.clinic:5432/app'],
  ['assigned-password', 'Server=db;Password=hunter2;'],
  ['assigned-password', 'mysqldump --password=hunter2 all'],
  ['assigned-token', 'export API_KEY=abcdefghijklmnop'],
  ['written-password', 'db:\n  host: db.clinic\n  password: hunter2\n'],
  ['written-password', '{"user":"app","db_password":"hunter2","port":1}'],
  ['written-password', 'spring.datasource.password: "hunter2"'],
  ['written-token', `- client_secret: ${long.slice(0, 20)}7`],
  ['written-token', `{"apiKey": "${long.slice(0, 20)}7"}`],
];

describe('content', () => {
  test.each(contents)('%s', (rule, text) => {
    expect(contentRule(text)).toBe(rule);
    expect(credentialRules.has(rule)).toBe(true);
  });

  test.each([
    'http://svc.clinic.svc:8080/path?x=1',
    'postgres://app:$(DB_PASSWORD)@db:5432/app',
    'https://user@host/path',
    '--config=/etc/app/config.yaml',
    'PASSWORD=$PASSWORD',
    'password=${DB_PASSWORD}',
    '--token=/var/run/secrets/token',
    'sha256:0b80642f9ff0bb4a9504b3fa70cebc3d6b5cf14614306b4f19414032392e6f91',
    'kube-system/extension-apiserver-authentication',
    '{"env":[{"name":"PASSWORD","valueFrom":{"secretKeyRef":{"key":"password","name":"db"}}}]}',
    'password: ${DB_PASSWORD}',
    'password: {{ .Values.password }}',
    'properties:\n  password:\n    type: string\n',
    'password: required',
    'password: must have at least 12 characters',
    'passwordSecretRef: hunter2',
    'existingSecret: clinic-database-secret-2',
    'token: /var/run/secrets/token-Of-A-Pod-7',
    '',
  ])('is none: %s', (text) => {
    expect(contentRule(text)).toBeUndefined();
  });

  test('hostile text does not stall it', () => {
    // A rule that goes back over what it read would outlast this test's time limit.
    for (const unit of [
      'eyJ-',
      'a://',
      'a://:',
      'password=',
      '-----BEGIN A ',
      'xox',
      'Bearer ',
      'AKIA',
      'a.',
      ' = ',
      ',password:',
      '\npassword',
      'password: x',
      'token:Aa1',
      '-',
    ])
      expect(() => contentRule(unit.repeat(300_000))).not.toThrow();
  });
});

describe('names', () => {
  test.each([
    'DB_PASSWORD',
    'password',
    'dbPassword',
    'API_KEY',
    'api-key',
    'apiKey',
    'CLIENT_SECRET',
    'clientSecret',
    'GITHUB_TOKEN',
    'DB_PASS',
    'JWT_SECRET_VALUE',
    'Authorization',
    'AWS_SECRET_ACCESS_KEY',
    'requirepass',
    'REDIS_REQUIREPASS',
    'masterauth',
    'masterpass',
  ])('%s suggests one', (name) => {
    expect(suggestsCredential(name)).toBe(true);
    expect(credentialRule('hunter2hunter2', name)).toBe(nameRule);
  });

  test.each([
    'DB_HOST',
    'PASSWORD_FILE',
    'TOKEN_TTL',
    'SECRET_NAME',
    'tokenUrl',
    'KEYCLOAK_HOST',
    'MAX_TOKENS',
    'COMPASS',
    'PATH',
    'BYPASS_CACHE',
    'secret-field-selector',
    'SECRET_SELECTORS',
  ])('%s does not', (name) => {
    expect(suggestsCredential(name)).toBe(false);
  });

  test.each([
    '',
    'true',
    'false',
    '/var/run/secrets/db',
    './secret',
    '$(OTHER)',
    '${OTHER}',
    '<from-vault>',
    'https://sso.example.com/token',
    '{{ .Values.x }}',
  ])('a value that is none, under a name that suggests one: %s', (value) => {
    expect(credentialRule(value, 'API_TOKEN')).toBeUndefined();
  });

  test('numbers count only where the name says password', () => {
    expect(credentialRule('3600', 'AUTH_TOKEN')).toBeUndefined();
    expect(credentialRule('1234', 'DB_PASSWORD')).toBe(nameRule);
  });

  test('any text gives a known rule or none', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.string({ maxLength: 40 }), (value, name) => {
        const rule = credentialRule(value, name);
        expect(rule === undefined || credentialRules.has(rule)).toBe(true);
      }),
    );
  });
});
