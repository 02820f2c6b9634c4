// The main job in a real Chromium: sign in, agree, use the app, see the devices, end one, and the app is refused.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { desktop, phone } from './chromium.mjs';
import { Stage } from './stage.mjs';

describe('someone at a browser', () => {
  const stage = Stage.set();

  const walks = [
    ['in English', 'anna', 'en', 'en-US', {}],
    ['in Korean by Accept-Language', 'minho', 'ko', 'ko-KR', {}],
    ['in Korean by ui_locales', 'sora', 'ko', 'en-US', { ui_locales: 'ko' }],
  ];
  for (const [how, name, language, locale, parameters] of walks) {
    it(`signs in, agrees, and loses the app when the device is ended, ${how}`, async (t) => {
      const who = stage.registered(name);
      const laptop = await stage.chromium.person(t, { ...desktop, locale });
      await laptop.page.goto(stage.shop.entrance(parameters));
      await laptop.reads(language);
      await laptop.signIn(who);
      await laptop.page.waitForSelector('#consent-allow');
      await laptop.reads(language);
      assert.match(await laptop.page.innerText('body'), /127\.0\.0\.1/, 'the consent page says where it will send them');
      await laptop.press('#consent-allow');
      await laptop.page.waitForSelector('#outcome');
      const { tokens, parameters: answered } = stage.shop.last;
      assert.ok(tokens, JSON.stringify(stage.shop.last));
      assert.equal(answered.iss, stage.gatepass.issuer);
      stage.gatepass.handedOut(answered.code, tokens.access_token, tokens.refresh_token, tokens.id_token);
      const renewed = await stage.shop.refresh(tokens);

      const mobile = await stage.signedIn(t, who, { ...phone, locale });
      if (!parameters.ui_locales) await mobile.reads(language);
      const others = mobile.page.locator('[id^="device-"]:not(:has(#this-device)) [id^="end-device-"]');
      assert.equal(await others.count(), 1, 'the laptop is the one other device');
      await mobile.press(`#${await others.getAttribute('id')}`);
      assert.equal(await others.count(), 0, 'it is gone from the list');

      await assert.rejects(stage.shop.refresh(renewed), { error: 'invalid_grant' });
      await laptop.page.goto(stage.shop.entrance({ prompt: 'none' }));
      await laptop.page.waitForSelector('#outcome');
      assert.equal(stage.shop.last.error, 'login_required');
      await laptop.page.goto(`${stage.gatepass.issuer}/account`);
      assert.ok(await laptop.has('#username'), 'the ended device has to sign in again');
      await mobile.page.reload();
      assert.ok(await mobile.has('#this-device'), 'the device that ended the other stays');
    });
  }

  it('goes through all of it without JavaScript', async (t) => {
    const who = stage.registered('jonas');
    const person = await stage.chromium.person(t, { ...desktop, javaScriptEnabled: false });
    await person.page.goto(stage.shop.entrance());
    await person.signIn(who);
    await person.press('#consent-allow');
    await person.page.waitForSelector('#outcome');
    assert.ok(stage.shop.last.tokens, JSON.stringify(stage.shop.last));

    await person.page.goto(stage.shop.entrance({ response_mode: 'form_post' }));
    // Without script nothing posts the form by itself: the page has a button for it.
    await person.press('main form button');
    assert.ok(await person.has('#outcome'), person.page.url());
    assert.ok(stage.shop.last.tokens, JSON.stringify(stage.shop.last));
    assert.equal(stage.shop.last.method, 'POST');

    const { refresh_token } = stage.shop.last.tokens;
    await person.page.goto(`${stage.gatepass.issuer}/account`);
    await person.press(`#remove-app-${stage.gatepass.demo.client_id}`);
    assert.equal(await person.has(`#app-${stage.gatepass.demo.client_id}`), false);
    await assert.rejects(stage.shop.refresh({ refresh_token }), { error: 'invalid_grant' });
    await person.press('#sign-out');
    await person.page.goto(`${stage.gatepass.issuer}/account`);
    assert.ok(await person.has('#username'));
  });

  it('signs in by the keyboard alone', async (t) => {
    const who = stage.registered('karin');
    const { page } = await stage.chromium.person(t);
    const focused = () => page.evaluate(() => document.activeElement.id);
    const seen = () => page.evaluate(() => {
      const style = getComputedStyle(document.activeElement);
      return style.outlineStyle !== 'none' || style.boxShadow !== 'none';
    });
    async function tabTo(id) {
      for (let presses = 0; (await focused()) !== id; presses += 1) {
        assert.ok(presses < 30, `#${id} is not reached by Tab`);
        await page.keyboard.press('Tab');
      }
      assert.ok(await seen(), `the focus on #${id} is seen`);
    }
    await page.goto(stage.shop.entrance());
    await tabTo('username');
    await page.keyboard.type(who.username);
    await tabTo('password');
    await page.keyboard.type(who.password);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#consent-allow');
    await tabTo('consent-deny');
    await page.keyboard.press('Shift+Tab');
    await tabTo('consent-allow');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#outcome');
    assert.ok(stage.shop.last.tokens, JSON.stringify(stage.shop.last));
  });

  it('is brought back by a posted form, without pressing anything', async (t) => {
    const person = await stage.chromium.person(t);
    await person.page.goto(stage.shop.entrance({ response_mode: 'form_post' }));
    await person.signIn(stage.registered('paula'));
    await person.press('#consent-allow');
    await person.page.waitForSelector('#outcome');
    assert.equal(stage.shop.last.method, 'POST');
    assert.ok(stage.shop.last.tokens, JSON.stringify(stage.shop.last));
  });

  it('is asked nothing at the second visit', async (t) => {
    const person = await stage.chromium.person(t);
    await person.page.goto(stage.shop.entrance());
    await person.signIn(stage.registered('rosa'));
    await person.press('#consent-allow');
    await person.page.waitForSelector('#outcome');
    const first = stage.shop.last.tokens.claims();
    await person.page.goto(stage.shop.entrance());
    await person.page.waitForSelector('#outcome');
    const second = stage.shop.last.tokens.claims();
    assert.deepEqual([second.sub, second.auth_time], [first.sub, first.auth_time]);
  });
});
