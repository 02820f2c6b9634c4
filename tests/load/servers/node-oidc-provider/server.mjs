// node-oidc-provider as it comes, in memory, with what the workloads need turned on. RESOURCE tokens are ES256 JWTs.
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const jwk = (type, options, extra) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), use: 'sig', ...extra });
const issuer = 'http://127.0.0.1:18083';
const api = 'urn:example:api';

const provider = new Provider(issuer, {
  jwks: { keys: [jwk('ec', { namedCurve: 'P-256' }, { alg: 'ES256' }), jwk('rsa', { modulusLength: 2048 }, { alg: 'RS256' })] },
  clients: [
    {
      client_id: 'load',
      client_secret: 'a-secret-of-the-load-driver-0123456789',
      redirect_uris: ['https://app.example/callback'],
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      id_token_signed_response_alg: 'ES256',
      scope: 'openid profile email offline_access',
    },
  ],
  cookies: { keys: ['a-key-of-the-load-driver'] },
  claims: { profile: ['name'], email: ['email'] },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, name: 'Load', email: 'load@example.com' }) }),
  rotateRefreshToken: true,
  clientBasedCORS: () => false,
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: () => ({ scope: '', audience: api, accessTokenFormat: 'jwt', accessTokenTTL: 600, jwt: { sign: { alg: 'ES256' } } }),
      useGrantedResource: () => false,
    },
  },
});
provider.listen(18083, '127.0.0.1');
