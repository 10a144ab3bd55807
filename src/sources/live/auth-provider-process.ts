/**
 * A process of its own for client-node's auth-providers (docs/decisions/0005): its parent sends one user by IPC, gets the Authorization
 * header that client-node makes for it, and may end the process at any time. Nothing is printed, because what happens here is credentials;
 * a failure is a reason without any value of the user's configuration.
 */
import { setDefaultCACertificates } from 'node:tls';
import { KubeConfig } from '@kubernetes/client-node';

/** What the parent sends: the name and the settings of an `auth-provider`. */
export interface AuthProviderRequest {
  readonly name: string;
  readonly config: Readonly<Record<string, string>>;
  /** PEM: the only CA to trust for the issuer. Absent: those that the system trusts. */
  readonly issuerCa: string | undefined;
}

/** What it gets: `config` is the settings after a refresh, with new tokens and their expiry. */
export type AuthProviderAnswer =
  | { readonly authorization: string | undefined; readonly config: Readonly<Record<string, string>> }
  | { readonly failure: string };

async function askClientNode({ name, config, issuerCa }: AuthProviderRequest): Promise<AuthProviderAnswer> {
  // client-node's own `idp-certificate-authority` makes responses that openid-client refuses; its plain way is global fetch.
  if (issuerCa !== undefined) setDefaultCACertificates([issuerCa]);
  const issuer = config['idp-issuer-url'];
  // client-node hands this to openid-client as it is, which takes a URL and refuses text.
  const settings: Record<string, string | URL | string[] | undefined> = {
    ...config,
    ...(issuer !== undefined && { 'idp-issuer-url': new URL(issuer) }),
  };
  try {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromOptions({
      clusters: [{ name: 'cluster', server: 'https://localhost' }],
      users: [{ name: 'user', authProvider: { name, config: settings } }],
      contexts: [{ name: 'context', cluster: 'cluster', user: 'user' }],
      currentContext: 'context',
    });
    const options: { headers?: Record<string, string> } = {};
    await kubeConfig.applyToHTTPSOptions(options as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
    // What JSONPath finds is a list of one: String() is its text.
    const after = Object.entries(settings).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]]));
    return { authorization: options.headers?.['Authorization'], config: Object.fromEntries(after) as Record<string, string> };
  } catch (error) {
    return { failure: explain(error, config) };
  }
}

/** The messages of an error and its causes, an OAuth error's code included. */
function explain(error: unknown, config: AuthProviderRequest['config']): string {
  const parts: string[] = [];
  for (let next: unknown = error; next instanceof Error && parts.length < 5; next = next.cause) {
    const { message } = next;
    // The message of a SyntaxError quotes the text around it, which can be a token.
    if (next instanceof SyntaxError) parts.push('the answer was not JSON');
    else if (!parts.some((part) => part.includes(message))) parts.push(message);
    const { error: code, error_description: description } = next as { error?: unknown; error_description?: unknown };
    if (typeof code === 'string') parts.push(typeof description === 'string' ? `${code}: ${description}` : code);
  }
  const text = parts.join(': ') || 'no reason was given';
  return ['id-token', 'refresh-token', 'access-token', 'client-secret']
    .flatMap((key) => config[key] || [])
    .reduce((clean, secret) => clean.replaceAll(secret, '…'), text);
}

process.once('message', (request: AuthProviderRequest) => {
  // Exits at once: kept-alive connections to the issuer would hold the process.
  const reply = (answer: AuthProviderAnswer) => void process.send?.(answer, () => process.exit());
  askClientNode(request).then(reply, () => process.exit(1));
});
