// A provider that nobody here wrote, over TLS: npm's oidc-provider with its own pages to sign in on.
// It reads one line of JSON: module (where the package is), issuer, host, port, key, certificate, client, secret, callback,
// algorithm, and people, claims by login. It writes "ready" once it listens, and ends with its standard input.
import { once } from 'node:events';
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const lines = createInterface({ input: process.stdin });
const given = JSON.parse((await once(lines, 'line'))[0]);
const { Provider } = await import(pathToFileURL(`${given.module}/lib/index.js`));

const provider = new Provider(given.issuer, {
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  clients: [{
    client_id: given.client,
    client_secret: given.secret,
    id_token_signed_response_alg: given.algorithm,
    redirect_uris: [given.callback],
  }],
  conformIdTokenClaims: false, // as Google, Cognito and Keycloak do: the ID token says who it is
  cookies: { keys: ['not a secret'] },
  findAccount: (_context, login) => ({
    accountId: login,
    claims: () => ({ sub: login, ...given.people[login] }),
  }),
  pkce: { required: () => true },
  ...(given.keys ? { jwks: given.keys } : {}),
});

const server = createServer({ key: given.key, cert: given.certificate }, provider.callback());
server.listen(given.port, given.host, () => console.log('ready'));
lines.on('close', () => process.exit());
