// How apps hear through the browser that somebody has signed out: frames on the way out (Front-Channel Logout), and a
// frame that they ask (Session Management).
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Shop } from './shop.mjs';
import { Stage } from './stage.mjs';

describe('someone who signs out', () => {
  const stage = Stage.set({ GATEPASS_SIGN_IN__FRONTCHANNEL_LOGOUT: 'true', GATEPASS_SIGN_IN__SESSION_MANAGEMENT: 'true' });

  /** A shop that wants to hear of it. */
  async function listening(t) {
    const shop = await Shop.registering(stage.gatepass, (home) => ({
      frontchannel_logout_uri: `${home}/out`,
      frontchannel_logout_session_required: true,
      post_logout_redirect_uris: [`${home}/`],
    }));
    t.after(() => shop.stop());
    return shop;
  }

  async function enter(person, shop, who) {
    await person.page.goto(shop.entrance());
    if (await person.has('#username')) await person.signIn(who);
    await person.page.click('#consent-allow');
    await person.page.waitForSelector('#outcome');
    assert.ok(shop.last.tokens, JSON.stringify(shop.last));
    return shop.last.tokens.claims().sid;
  }

  it('is signed out of every app of the session, and comes back to the one that began it', async (t) => {
    const who = stage.registered('frida');
    const person = await stage.chromium.person(t);
    const shops = [await listening(t), await listening(t)];
    const sids = [];
    for (const shop of shops) sids.push(await enter(person, shop, who));
    await person.page.goto(shops[0].exit());
    if (await person.has('#logout-confirm')) await person.page.click('#logout-confirm');
    await person.page.waitForSelector('#front');
    assert.equal(person.page.url(), `${shops[0].home}/`);
    for (const [at, shop] of shops.entries()) {
      assert.deepEqual(shop.signedOut, [{ iss: stage.gatepass.issuer, sid: sids[at] }]);
    }
    await person.page.goto(shops[1].entrance());
    assert.ok(await person.has('#username'));
  });

  it('is noticed by an app that watches, and nobody else is', async (t) => {
    const who = stage.registered('walter');
    const person = await stage.chromium.person(t);
    const shop = await listening(t);
    await enter(person, shop, who);
    assert.ok(shop.last.parameters.session_state);
    await person.page.goto(`${shop.home}/watch`);
    const says = (word) => person.page.waitForFunction((expected) => document.querySelector('#session').textContent === expected, word);
    await says('unchanged');

    const tab = await person.context.newPage();
    await tab.goto(`${stage.gatepass.issuer}/account`);
    await Promise.all([tab.waitForEvent('framenavigated'), tab.click('#sign-out')]);
    await tab.waitForLoadState();
    await says('changed');
  });
});
