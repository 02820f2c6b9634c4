// Apps of other kinds than the shop of the main job, in a real Chromium: one that registers itself, one of the hybrid
// flow, and answers that a form posts.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as client from 'openid-client';
import { Shop } from './shop.mjs';
import { Stage } from './stage.mjs';

describe('an app of another kind', () => {
  const stage = Stage.set();

  async function enter(t, shop, parameters) {
    t.after(() => shop.stop());
    const who = stage.registered(`customer-${Math.random().toString(36).slice(2)}`);
    const person = await stage.chromium.person(t);
    await person.page.goto(shop.entrance(parameters));
    await person.signIn(who);
    await person.page.waitForSelector('#consent-allow');
    await person.page.click('#consent-allow');
    await person.page.waitForSelector('#outcome');
    const { tokens, parameters: answered } = shop.last;
    assert.ok(tokens, JSON.stringify(shop.last));
    stage.gatepass.handedOut(answered.code, tokens.access_token, tokens.refresh_token, tokens.id_token);
    return { person, who, tokens, answered };
  }

  it('registers itself, signs somebody in and refreshes', async (t) => {
    const shop = await Shop.registering(stage.gatepass, () => ({ grant_types: ['authorization_code', 'refresh_token'] }));
    const { tokens } = await enter(t, shop);
    assert.ok((await shop.refresh(tokens)).access_token);
    const { email } = await client.fetchUserInfo(shop.config, tokens.access_token, tokens.claims().sub);
    assert.match(email, /^customer-/);
  });

  it('registers itself and is told by a form, also when the person says no', async (t) => {
    const shop = await Shop.registering(stage.gatepass);
    const { person } = await enter(t, shop, { response_mode: 'form_post' });
    assert.equal(shop.last.method, 'POST');
    assert.equal(shop.last.parameters.iss, stage.gatepass.issuer);
    await person.page.goto(shop.entrance({ response_mode: 'form_post', prompt: 'consent' }));
    await person.page.click('#consent-deny');
    await person.page.waitForSelector('#outcome');
    assert.equal(shop.last.method, 'POST');
    assert.equal(shop.last.error, 'access_denied');
  });

  for (const response_mode of ['query', 'form_post']) {
    it(`registers itself, and nobody is sent on to it by ${response_mode} who does not want to go`, async (t) => {
      const shop = await Shop.registering(stage.gatepass);
      t.after(() => shop.stop());
      const person = await stage.chromium.person(t);
      await person.page.goto(shop.entrance({ scope: 'openid no-such-scope', response_mode }));
      await person.page.waitForSelector('#leave');
      assert.equal(new URL(person.page.url()).origin, stage.gatepass.issuer);
      assert.deepEqual(shop.answers, []);
      await person.isAccessible('the page before an unknown app');
      await person.photograph('en', 'desktop', `leaving-${response_mode}`);
      await person.page.click('#leave');
      await person.page.waitForSelector('#outcome');
      assert.equal(shop.last.error, 'invalid_scope');
    });
  }

  for (const response_mode of ['fragment', 'form_post']) {
    it(`of the hybrid flow gets code and ID Token together by ${response_mode}`, async (t) => {
      // A web client of this flow has no redirect URI on the person's own machine.
      const metadata = JSON.stringify({ application_type: 'native', redirect_uris: ['http://127.0.0.1/callback'], response_types: ['code id_token'] });
      const registered = stage.gatepass.addClient(`Hybrid by ${response_mode}`, '--profile', 'oidc-compat', '--metadata', '-', { input: metadata });
      const shop = await Shop.start(stage.gatepass, registered, [client.useCodeIdTokenResponseType]);
      const { tokens, answered } = await enter(t, shop, { response_mode });
      assert.ok(answered.code && answered.id_token, Object.keys(answered).join(' '));
      const early = JSON.parse(Buffer.from(answered.id_token.split('.')[1], 'base64url'));
      assert.equal(early.sub, tokens.claims().sub);
      assert.ok(early.c_hash);
    });
  }
});
