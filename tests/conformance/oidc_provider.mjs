// npm's oidc-provider as an identity provider on the loopback, for oidc_logins.py:
//
//     node oidc_provider.mjs MODULES PORT KEYS
//
// KEYS is a file with a set of private keys. Everybody may sign in, with any password: as `anna`, who is
// in the group platform, or as anybody else, who is in none. What it was told is forgotten when it ends.
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const [modules, port, keys] = process.argv.slice(2)
const { Provider } = await import(pathToFileURL(`${modules}/oidc-provider/lib/index.js`))
const redirect = 'http://127.0.0.1:9/callback'
const ours = 'ops:read ops:run'

const person = (id) => ({
  email: `${id}@example.com`,
  email_verified: true,
  groups: id === 'anna' ? ['platform'] : [],
})

const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: JSON.parse(readFileSync(keys, 'utf8')),
  clients: [
    // A machine, and a program for people that was registered beforehand.
    { client_id: 'nightly', client_secret: 'nightly-secret', grant_types: ['client_credentials'],
      redirect_uris: [], response_types: [], scope: ours },
    { client_id: 'desk', application_type: 'native', token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [redirect],
      scope: `openid offline_access ${ours}` },
  ],
  scopes: ['openid', 'offline_access', ...ours.split(' ')],
  cookies: { keys: ['conformance'] },
  pkce: { required: () => true },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...person(id) }) }),
  extraTokenClaims: (_, token) => (token.accountId ? person(token.accountId) : {}),
  features: {
    clientCredentials: { enabled: true },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => ({
        audience: resource, scope: ours, accessTokenFormat: 'jwt', accessTokenTTL: 600,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
})
provider.listen(Number(port), '127.0.0.1', () => console.log('listening'))
