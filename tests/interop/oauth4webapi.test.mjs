// oauth4webapi (npm), the strict low-level client, step by step: each answer is checked against its RFC as it arrives.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Gatepass } from './gatepass.mjs';
import { Visitor } from './visitor.mjs';
import * as oauth from 'oauth4webapi';

const callback = 'http://127.0.0.1:8401/callback';
const insecure = { [oauth.allowInsecureRequests]: true };

describe('oauth4webapi', () => {
  let gatepass;
  let server;
  before(async () => {
    gatepass = await Gatepass.start();
    const issuer = new URL(gatepass.issuer);
    server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
  });
  after(() => gatepass.stop());

  async function begin(client, parameters = {}) {
    const verifier = oauth.generateRandomCodeVerifier();
    const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
    const address = new URL(server.authorization_endpoint);
    address.search = new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: callback,
      response_type: 'code',
      scope: 'openid profile email',
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
      ...parameters,
    });
    return { address, verifier, state, nonce };
  }

  async function redeem(client, authentication, arrived, { verifier, state, nonce }, checks = {}) {
    const answer = oauth.validateAuthResponse(server, client, arrived, state);
    const response = await oauth.authorizationCodeGrantRequest(server, client, authentication, answer, callback, verifier, insecure);
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: nonce, requireIdToken: true, ...checks });
    await oauth.validateApplicationLevelSignature(server, response, insecure);
    gatepass.handedOut(arrived.searchParams.get('code'), tokens.access_token, tokens.refresh_token, tokens.id_token);
    return tokens;
  }

  async function signIn(client, authentication, parameters, visitor = new Visitor(), checks) {
    const started = await begin(client, parameters);
    const arrived = await visitor.signIn(started.address, { ...gatepass.demo, until: callback });
    return redeem(client, authentication, arrived, started, checks);
  }

  it('finds the same server by RFC 8414 as by OpenID Connect Discovery', async () => {
    const issuer = new URL(gatepass.issuer);
    const answer = await oauth.discoveryRequest(issuer, { ...insecure, algorithm: 'oauth2' });
    assert.deepEqual(await oauth.processDiscoveryResponse(issuer, answer), server);
    assert.ok(server.code_challenge_methods_supported.includes('S256'));
    assert.ok(!server.code_challenge_methods_supported.includes('plain'));
  });

  it('signs in with an ID Token whose signature, nonce, auth_time and hash are right', async () => {
    const client = { client_id: gatepass.demo.client_id, require_auth_time: true };
    const tokens = await signIn(client, oauth.ClientSecretBasic(gatepass.demo.client_secret), { max_age: '600' }, undefined, { maxAge: 600 });
    const claims = oauth.getValidatedIdTokenClaims(tokens);
    const answer = await oauth.userInfoRequest(server, client, tokens.access_token, insecure);
    const person = await oauth.processUserInfoResponse(server, client, claims.sub, answer);
    assert.ok(person.email);
    assert.equal(claims.email, undefined, 'the claims of a scope go to UserInfo, not into the ID Token');
  });

  it('hands out access tokens that an API verifies by itself (RFC 9068)', async () => {
    const client = { client_id: gatepass.demo.client_id };
    const tokens = await signIn(client, oauth.ClientSecretBasic(gatepass.demo.client_secret));
    const { aud } = JSON.parse(Buffer.from(tokens.access_token.split('.')[1], 'base64url'));
    const call = new Request('http://127.0.0.1/api', { headers: { authorization: `Bearer ${tokens.access_token}` } });
    const claims = await oauth.validateJwtAccessToken(server, call, [aud].flat()[0], insecure);
    assert.equal(claims.client_id, client.client_id);
    assert.equal(claims.iss, gatepass.issuer);
    assert.ok(claims.exp - claims.iat <= 600, 'it lives for ten minutes at most');
  });

  it('refreshes as a public client, and the ID Token keeps its subject and auth_time', async () => {
    const { client_id } = gatepass.addClient('Phone', '--redirect-uri', callback, '--public');
    const client = { client_id };
    const first = await signIn(client, oauth.None());
    const before = oauth.getValidatedIdTokenClaims(first);
    const answer = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), first.refresh_token, insecure);
    const second = await oauth.processRefreshTokenResponse(server, client, answer);
    const claims = oauth.getValidatedIdTokenClaims(second);
    assert.deepEqual([claims.sub, claims.auth_time, claims.aud], [before.sub, before.auth_time, before.aud]);
    assert.notEqual(second.refresh_token, first.refresh_token);
  });

  it('is refused with another verifier', async () => {
    const client = { client_id: gatepass.demo.client_id };
    const started = await begin(client);
    const arrived = await new Visitor().signIn(started.address, { ...gatepass.demo, until: callback });
    const stolen = { ...started, verifier: oauth.generateRandomCodeVerifier() };
    const attempt = redeem(client, oauth.ClientSecretBasic(gatepass.demo.client_secret), arrived, stolen);
    await assert.rejects(attempt, { error: 'invalid_grant', status: 400 });
  });

  it('is refused with a wrong secret', async () => {
    const client = { client_id: gatepass.demo.client_id };
    const attempt = signIn(client, oauth.ClientSecretBasic('not the secret of this client'));
    await assert.rejects(attempt, (error) => error.status === 401 && /basic/i.test(error.cause[0].scheme));
  });

  it('is told in the answer why a request without PKCE is refused', async () => {
    const client = { client_id: gatepass.demo.client_id };
    const { address, state } = await begin(client);
    for (const name of ['code_challenge', 'code_challenge_method']) address.searchParams.delete(name);
    const arrived = await new Visitor().open(address, { until: callback });
    assert.ok(arrived instanceof URL, arrived.words);
    assert.throws(() => oauth.validateAuthResponse(server, client, arrived, state), { error: 'invalid_request' });
  });

  it('asks about, and revokes, its own token; another client learns nothing', async () => {
    const client = { client_id: gatepass.demo.client_id };
    const authentication = oauth.ClientSecretBasic(gatepass.demo.client_secret);
    const tokens = await signIn(client, authentication);
    const ask = async (who, how) => {
      const answer = await oauth.introspectionRequest(server, who, how, tokens.refresh_token, insecure);
      return oauth.processIntrospectionResponse(server, who, answer);
    };
    assert.equal((await ask(client, authentication)).active, true);
    const stranger = gatepass.addClient('Stranger', '--redirect-uri', callback);
    assert.deepEqual(await ask(stranger, oauth.ClientSecretBasic(stranger.client_secret)), { active: false });
    const gone = await oauth.revocationRequest(server, client, authentication, tokens.refresh_token, insecure);
    await oauth.processRevocationResponse(gone);
    assert.deepEqual(await ask(client, authentication), { active: false });
  });

  it('acts for itself with client_secret_post', async () => {
    const settings = ['--grant-type', 'client_credentials', '--scope', 'api', '--auth-method', 'client_secret_post'];
    const client = gatepass.addClient('Nightly job', ...settings);
    const authentication = oauth.ClientSecretPost(client.client_secret);
    const answer = await oauth.clientCredentialsGrantRequest(server, client, authentication, { scope: 'api' }, insecure);
    const tokens = await oauth.processClientCredentialsResponse(server, client, answer);
    assert.equal(tokens.refresh_token, undefined);
  });
});
