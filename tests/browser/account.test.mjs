// The account page in a real Chromium: profile, password, devices, apps.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { phone } from './chromium.mjs';
import { Stage } from './stage.mjs';

describe('the account page', () => {
  const stage = Stage.set();

  it('is where the bare address leads', async (t) => {
    const { page } = await stage.signedIn(t, stage.registered('ada'));
    await page.goto(stage.gatepass.issuer);
    assert.equal(new URL(page.url()).pathname, '/account');
  });

  it('changes a claim that the app then reads', async (t) => {
    const person = await stage.signedIn(t, stage.registered('bela'));
    await person.page.fill('[name=given_name]', 'Béla <b>"Ödön"</b> 벨라');
    await person.press('form:has([name=given_name]) .actions button');
    assert.equal(await person.page.inputValue('[name=given_name]'), 'Béla <b>"Ödön"</b> 벨라');
    await person.page.goto(stage.shop.entrance());
    await person.press('#consent-allow');
    await person.page.waitForSelector('#outcome');
    const { tokens } = stage.shop.last;
    const answer = await fetch(stage.shop.config.serverMetadata().userinfo_endpoint, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    assert.equal((await answer.json()).given_name, 'Béla <b>"Ödön"</b> 벨라');
  });

  it('changes the password: the new one works, the old one does not, and the other devices are signed out', async (t) => {
    const who = stage.registered('cora');
    const person = await stage.signedIn(t, who);
    const other = await stage.signedIn(t, who, phone);
    const change = async (current, password, again) => {
      await person.page.fill('[name=current_password]', current);
      await person.page.fill('[name=new_password]', password);
      await person.page.fill('[name=new_password_again]', again);
      await person.press('form:has([name=new_password]) button');
    };
    const next = 'a longer and newer horse 42';
    await change('not the current one', next, next);
    assert.ok(await person.has('[role=alert]'), 'a wrong current password is refused');
    await change(who.password, next, `${next}!`);
    assert.ok(await person.has('[role=alert]'), 'two different new passwords are refused');
    await change(who.password, next, next);
    assert.equal(await person.has('[role=alert]'), false, 'the change is taken');

    await other.page.reload();
    assert.ok(await other.has('#username'), 'the other device has to sign in again');
    await other.signIn(who);
    assert.ok(await other.has('[role=alert]'));
    await other.signIn({ ...who, password: next });
    assert.ok(await other.has('#this-device'));
  });

  it('signs out everywhere else', async (t) => {
    const who = stage.registered('dora');
    const person = await stage.signedIn(t, who);
    const others = [await stage.signedIn(t, who, phone), await stage.signedIn(t, who)];
    await person.page.reload();
    const devices = person.page.locator('[id^="end-device-"]');
    assert.equal(await devices.count(), 3);
    await person.press('#end-other-devices');
    assert.equal(await devices.count(), 1);
    assert.ok(await person.has('#this-device'));
    for (const other of others) {
      await other.page.reload();
      assert.ok(await other.has('#username'));
    }
  });

  it('removes an app, which loses its tokens and has to ask again', async (t) => {
    const person = await stage.signedIn(t, stage.registered('edda'));
    await person.page.goto(stage.shop.entrance());
    await person.press('#consent-allow');
    await person.page.waitForSelector('#outcome');
    const { tokens } = stage.shop.last;
    await person.page.goto(`${stage.gatepass.issuer}/account`);
    await person.press(`#remove-app-${stage.gatepass.demo.client_id}`);
    assert.equal(await person.has(`#app-${stage.gatepass.demo.client_id}`), false);
    await assert.rejects(stage.shop.refresh(tokens), { error: 'invalid_grant' });
    await person.page.goto(stage.shop.entrance());
    assert.ok(await person.has('#consent-allow'), 'the consent was taken back with the app');
  });

  it('signs out, after which Back shows nothing of the account', async (t) => {
    const person = await stage.signedIn(t, stage.registered('fine'));
    await person.press('#sign-out');
    await person.page.goBack();
    await person.page.waitForLoadState();
    assert.equal(await person.has('#this-device'), false, `Back led to ${person.page.url()}`);
  });
});
