// openid-client (npm), a certified relying party, signs people in through Gatepass as it is published.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Gatepass } from './gatepass.mjs';
import { Page, Visitor } from './visitor.mjs';
import * as client from 'openid-client';

const callback = 'http://127.0.0.1:8400/callback';
const signedOut = 'http://127.0.0.1:8400/signed-out';

const absent = !process.env.TEST_POSTGRES_URL && 'TEST_POSTGRES_URL names no server';

describe('openid-client, on SQLite', () => walkThrough('SQLite'));
describe('openid-client, on PostgreSQL', { skip: absent }, () => walkThrough('PostgreSQL'));

function walkThrough(store) {
  let gatepass;
  before(async () => (gatepass = await Gatepass.start(store)));
  after(() => gatepass.stop());

  /** The client's configuration, by discovery; every ID Token is then checked against the published keys as well. */
  async function discover(registered, authentication) {
    const secure = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] };
    return client.discovery(new URL(gatepass.issuer), registered.client_id, registered.client_secret, authentication, secure);
  }

  async function request(config, parameters = {}) {
    const verifier = client.randomPKCECodeVerifier();
    const checks = { pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce(), idTokenExpected: true };
    const address = client.buildAuthorizationUrl(config, {
      redirect_uri: callback,
      scope: 'openid profile email',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state: checks.expectedState,
      nonce: checks.expectedNonce,
      ...parameters,
    });
    return { address, checks };
  }

  /** The whole sign-in of the demo user, up to the tokens. */
  async function signIn(config, visitor = new Visitor()) {
    const { address, checks } = await request(config);
    const { username, password } = gatepass.demo;
    const arrived = await visitor.signIn(address, { username, password, until: callback });
    const tokens = await client.authorizationCodeGrant(config, arrived, checks);
    gatepass.handedOut(arrived.searchParams.get('code'), tokens.access_token, tokens.refresh_token, tokens.id_token);
    return { tokens, visitor, arrived, checks };
  }

  for (const [method, settings, authentication] of [
    ['client_secret_basic', ['--auth-method', 'client_secret_basic'], client.ClientSecretBasic],
    ['client_secret_post', ['--auth-method', 'client_secret_post'], client.ClientSecretPost],
    ['no secret', ['--public'], client.None],
  ]) {
    it(`signs in, reads UserInfo and refreshes twice with ${method}`, async () => {
      const registered = gatepass.addClient(`Shop with ${method}`, '--redirect-uri', callback, ...settings);
      const config = await discover(registered, authentication(registered.client_secret));
      const { tokens } = await signIn(config);
      const claims = tokens.claims();
      assert.equal(claims.iss, gatepass.issuer);
      assert.equal(tokens.token_type.toLowerCase(), 'bearer');

      const person = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
      assert.ok(person.name, 'UserInfo has the claims of the profile scope');
      assert.ok(person.email, 'UserInfo has the claims of the email scope');

      const second = await client.refreshTokenGrant(config, tokens.refresh_token);
      assert.notEqual(second.refresh_token, tokens.refresh_token, 'the refresh token rotates');
      const third = await client.refreshTokenGrant(config, second.refresh_token);
      assert.notEqual(third.refresh_token, second.refresh_token, 'the refresh token rotates again');
      assert.equal((await client.fetchUserInfo(config, third.access_token, claims.sub)).sub, claims.sub);
    });
  }

  it('is told by the issuer in the answer who answered, and refuses the answer of another', async () => {
    const config = await discover(gatepass.demo, client.ClientSecretBasic(gatepass.demo.client_secret));
    assert.equal(config.serverMetadata().authorization_response_iss_parameter_supported, true);
    const { address, checks } = await request(config);
    const arrived = await new Visitor().signIn(address, { ...gatepass.demo, until: callback });
    assert.equal(arrived.searchParams.get('iss'), gatepass.issuer);
    const mixedUp = new URL(arrived);
    mixedUp.searchParams.set('iss', 'http://127.0.0.1:1');
    await assert.rejects(client.authorizationCodeGrant(config, mixedUp, checks), (error) => /"iss"/.test(error.cause.message));
  });

  it('gets nothing for a code that was redeemed before', async () => {
    const config = await discover(gatepass.demo, client.ClientSecretBasic(gatepass.demo.client_secret));
    const { tokens, arrived, checks } = await signIn(config);
    await assert.rejects(client.authorizationCodeGrant(config, arrived, checks), { error: 'invalid_grant', status: 400 });
    await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' });
  });

  it('asks about a token and revokes it', async () => {
    const config = await discover(gatepass.demo, client.ClientSecretBasic(gatepass.demo.client_secret));
    const { tokens } = await signIn(config);
    const known = await client.tokenIntrospection(config, tokens.access_token);
    assert.equal(known.active, true);
    assert.equal(known.client_id, gatepass.demo.client_id);
    assert.equal(known.sub, tokens.claims().sub);
    await client.tokenRevocation(config, tokens.refresh_token, { token_type_hint: 'refresh_token' });
    assert.equal((await client.tokenIntrospection(config, tokens.refresh_token)).active, false);
    assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, false);
    await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' });
  });

  it('acts for itself by client_credentials', async () => {
    const registered = gatepass.addClient('Nightly job', '--grant-type', 'client_credentials', '--scope', 'api');
    const config = await discover(registered, client.ClientSecretBasic(registered.client_secret));
    const tokens = await client.clientCredentialsGrant(config, { scope: 'api' });
    gatepass.handedOut(registered.client_secret, tokens.access_token);
    assert.equal(tokens.refresh_token, undefined);
    assert.equal(tokens.id_token, undefined);
    assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, true);
  });

  it('signs the person out, after which prompt=none says login_required', async () => {
    const registered = gatepass.addClient('Leaving', '--redirect-uri', callback, '--post-logout-redirect-uri', signedOut);
    const config = await discover(registered, client.ClientSecretBasic(registered.client_secret));
    const { tokens, visitor } = await signIn(config);

    const silent = await request(config, { prompt: 'none' });
    const still = await visitor.open(silent.address, { until: callback });
    assert.ok(still instanceof URL, still.words);
    const again = await client.authorizationCodeGrant(config, still, silent.checks);
    assert.equal(again.claims().sub, tokens.claims().sub);
    assert.equal(again.claims().auth_time, tokens.claims().auth_time);

    const leave = client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: signedOut, state: 'bye & "thanks"' });
    let left = await visitor.open(leave, { until: signedOut });
    // A server may ask even with a valid hint; the person then says yes.
    if (left instanceof Page && left.has('logout-confirm')) left = await visitor.press(left, 'logout-confirm', { until: signedOut });
    assert.ok(left instanceof URL, left.words);
    assert.equal(left.searchParams.get('state'), 'bye & "thanks"');

    const gone = await request(config, { prompt: 'none' });
    const refused = await visitor.open(gone.address, { until: callback });
    assert.ok(refused instanceof URL, refused.words);
    await assert.rejects(client.authorizationCodeGrant(config, refused, gone.checks), { error: 'login_required' });
    await assert.rejects(client.refreshTokenGrant(config, again.refresh_token), { error: 'invalid_grant' });
  });

  it('signs its requests and its proof of who it is, and verifies a signed UserInfo', async () => {
    const { publicKey, privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
    const jwk = { ...(await crypto.subtle.exportKey('jwk', publicKey)), kid: 'own', alg: 'ES256', use: 'sig', key_ops: undefined, ext: undefined };
    const jwks = path.join(gatepass.dataDir, 'jwks.json');
    fs.writeFileSync(jwks, JSON.stringify({ keys: [jwk] }));
    const settings = ['--auth-method', 'private_key_jwt', '--jwks-file', jwks, '--require-signed-request-object', '--userinfo-alg', 'RS256'];
    const { client_id } = gatepass.addClient('Signing', '--redirect-uri', callback, ...settings);
    const key = { key: privateKey, kid: 'own' };
    const secure = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] };
    const metadata = { userinfo_signed_response_alg: 'RS256' };
    const config = await client.discovery(new URL(gatepass.issuer), client_id, metadata, client.PrivateKeyJwt(key), secure);

    const { address, checks } = await request(config, { max_age: 3600, claims: JSON.stringify({ id_token: { acr: null } }) });
    const signed = await client.buildAuthorizationUrlWithJAR(config, address.searchParams, key);
    assert.deepEqual([...signed.searchParams.keys()].sort(), ['client_id', 'request']);
    const arrived = await new Visitor().signIn(signed, { ...gatepass.demo, until: callback });
    const tokens = await client.authorizationCodeGrant(config, arrived, { ...checks, maxAge: 3600 });
    gatepass.handedOut(arrived.searchParams.get('code'), tokens.access_token, tokens.refresh_token, tokens.id_token);
    assert.equal(tokens.claims().acr, '1');
    const person = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
    assert.deepEqual([person.iss, person.aud], [gatepass.issuer, client_id]);
    assert.ok(person.email);

    // What anybody could have written is no request of this client.
    const refused = await new Visitor().open(address, { until: callback });
    assert.equal(refused.searchParams.get('error'), 'invalid_request');
  });

  it('reads an answer that is posted as a form', async () => {
    const config = await discover(gatepass.demo, client.ClientSecretBasic(gatepass.demo.client_secret));
    const visitor = new Visitor();
    await signIn(config, visitor);
    const { address, checks } = await request(config, { response_mode: 'form_post' });
    const page = await visitor.open(address, { until: callback });
    assert.ok(page instanceof Page);
    const [form] = page.forms;
    assert.ok(form.action.href.startsWith(callback), page.words);
    const fields = new URLSearchParams(form.fields.map((one) => [one.name, one.value]));
    const posted = new Request(form.action, { method: 'POST', body: fields });
    const tokens = await client.authorizationCodeGrant(config, posted, checks);
    assert.equal(tokens.claims().nonce, checks.expectedNonce);
  });
}
