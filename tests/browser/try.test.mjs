// `gatepass try`, the app that needs no code: what an operator sees who asks whether an installation works.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { desktop, phone } from './chromium.mjs';
import { Stage } from './stage.mjs';

describe('gatepass try', () => {
  const stage = Stage.set();
  let app;
  before(async () => (app = await stage.gatepass.tryOut()));
  after(() => app?.stop());

  async function signIn(person, who) {
    await person.page.goto(app.url);
    await person.press('#try-sign-in');
    await person.signIn(who);
    await person.press('#consent-allow');
    await person.page.waitForSelector('#try-id-token');
  }

  const shown = async (person, id) => JSON.parse(await person.page.innerText(`#try-${id}`));

  it('signs in, shows the tokens, calls UserInfo, refreshes and signs out', async (t) => {
    const person = await stage.chromium.person(t);
    const who = stage.registered('olga');
    await signIn(person, who);
    const told = await shown(person, 'id-token');
    assert.equal(told.iss, stage.gatepass.issuer);
    assert.deepEqual([told.aud].flat(), [stage.gatepass.demo.client_id]);
    const first = await shown(person, 'access-token');
    assert.equal(first.sub, told.sub);
    assert.equal(first.client_id, stage.gatepass.demo.client_id);

    await person.press('#try-userinfo');
    const answered = await shown(person, 'user-info');
    assert.deepEqual([answered.sub, answered.email], [told.sub, 'olga@example.test']);
    await person.press('#try-refresh');
    assert.ok(await person.has('.notice.good'), await person.page.innerText('.notice'));
    const second = await shown(person, 'access-token');
    assert.notEqual(second.jti, first.jti);

    await person.press('#try-sign-out');
    if (await person.has('#logout-confirm')) await person.press('#logout-confirm');
    await person.page.waitForSelector('#try-sign-in');
    assert.ok(person.page.url().startsWith(app.url), `it is back at the app, but at ${person.page.url()}`);
    await person.press('#try-sign-in');
    assert.ok(await person.has('#username'), 'the server has forgotten the browser too');
  });

  it('shows that a refresh is refused when the session was ended at the server', async (t) => {
    const who = stage.registered('petra');
    const person = await stage.chromium.person(t);
    await signIn(person, who);
    const other = await stage.signedIn(t, who, phone);
    await other.press('#end-other-devices');
    await person.press('#try-refresh');
    assert.match(await person.page.innerText('[role=alert]'), /invalid_grant/);
    await person.press('#try-userinfo');
    assert.match(await person.page.innerText('[role=alert]'), /401/);
  });

  it('watches its API refuse at once when the session was ended in another window', async (t) => {
    const who = stage.registered('rosa');
    const person = await stage.chromium.person(t);
    await signIn(person, who);
    await person.press('#try-fill');
    assert.match(await person.page.innerText('#try-basket'), /Tea/);
    await person.press('#try-call');
    // The page looks again by itself, and without script too.
    await person.page.waitForFunction(() => Number(document.querySelector('#try-accepted')?.textContent) > 5);
    const other = await stage.signedIn(t, who, phone);
    await other.press('#end-other-devices');
    await person.page.waitForSelector('#try-took');
    const took = await person.page.innerText('#try-took');
    assert.ok(Number.parseInt(took, 10) < 1000, took);
    assert.match(await person.page.innerText('#try-trace'), /401 Unauthorized/);
    await person.isAccessible('the trace');
  });

  it('is told when the person says no', async (t) => {
    const person = await stage.chromium.person(t);
    await person.page.goto(app.url);
    await person.press('#try-sign-in');
    await person.page.click('#sign-in-cancel');
    await person.page.waitForSelector('#try-failure');
    assert.match(await person.page.innerText('#try-failure'), /access_denied/);
  });

  for (const [device, settings] of [['desktop', desktop], ['phone', phone]]) {
    it(`fits a ${device} and is readable in light and dark`, async (t) => {
      const person = await stage.chromium.person(t, settings);
      async function look(name) {
        for (const colorScheme of ['light', 'dark']) {
          await person.page.emulateMedia({ colorScheme });
          await person.fitsTheWindow(`${name} (${device}, ${colorScheme})`);
          await person.isAccessible(`${name} (${device}, ${colorScheme})`);
          await person.photograph('en', device, colorScheme === 'dark' ? `${name}-dark` : name);
        }
      }
      await person.page.goto(app.url);
      await look('try');
      await signIn(person, stage.registered(`taster-${device}`));
      await person.press('#try-userinfo');
      await look('try-signed-in');
      await person.press('#try-call');
      await look('try-trace');
    });
  }
});
