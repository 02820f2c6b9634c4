// What a person meets when something is refused: by them, by the server, or because they went back.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Stage } from './stage.mjs';

describe('a refusal', () => {
  const stage = Stage.set();

  function deniedWithStateAndIssuer() {
    const { error, parameters } = stage.shop.last;
    assert.equal(error, 'access_denied', JSON.stringify(stage.shop.last));
    assert.ok(parameters.state, 'the state came back: the shop knew it');
    assert.equal(parameters.iss, stage.gatepass.issuer);
    assert.equal(parameters.code, undefined);
  }

  it('by Cancel on the sign-in page sends access_denied to the app', async (t) => {
    const { page } = await stage.chromium.person(t);
    await page.goto(stage.shop.entrance());
    await page.click('#sign-in-cancel');
    await page.waitForSelector('#outcome');
    deniedWithStateAndIssuer();
  });

  it('by Deny on the consent page sends access_denied to the app', async (t) => {
    const person = await stage.chromium.person(t);
    await person.page.goto(stage.shop.entrance({ prompt: 'consent' }));
    await person.signIn(stage.gatepass.demo);
    await person.press('#consent-deny');
    deniedWithStateAndIssuer();
  });

  it('to be the one who is signed in leads to a sign-in as somebody else', async (t) => {
    const person = await stage.chromium.person(t);
    await person.page.goto(stage.shop.entrance({ prompt: 'consent' }));
    await person.signIn(stage.registered('sister'));
    await person.press('.who a');
    await person.signIn(stage.registered('brother'));
    assert.match(await person.page.innerText('.who'), /brother/);
    await person.press('#consent-allow');
    await person.page.waitForSelector('#outcome');
    const { tokens } = stage.shop.last;
    const answer = await fetch(stage.shop.config.serverMetadata().userinfo_endpoint, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    assert.equal((await answer.json()).name, 'brother');
  });

  it('of a wrong password says so, keeps the name, and says the same to a name that nobody has', async (t) => {
    const person = await stage.chromium.person(t);
    const said = [];
    for (const username of [stage.gatepass.demo.username, 'nobody-has-this-name']) {
      await person.page.goto(stage.shop.entrance());
      await person.signIn({ username, password: 'certainly not the password' });
      said.push(await person.page.innerText('[role=alert]'));
      assert.equal(await person.page.inputValue('#username'), username);
      assert.equal(await person.page.inputValue('#password'), '');
    }
    assert.equal(said[0], said[1]);
    assert.ok(said[0].trim().length > 10, said[0]);
    await person.signIn(stage.gatepass.demo);
    await person.page.waitForSelector('#consent-allow');
  });

  it('of too many attempts says how long to wait, and the others get in meanwhile', async (t) => {
    const tried = stage.registered('tried');
    const person = await stage.chromium.person(t);
    await person.page.goto(stage.shop.entrance());
    let said = '';
    for (let attempt = 0; attempt < 7 && !/\d/.test(said); attempt += 1) {
      await person.signIn({ ...tried, password: `wrong ${attempt}` });
      said = await person.page.innerText('[role=alert]');
    }
    assert.match(said, /\d/, 'the message names the waiting time');
    await person.photograph('en', 'desktop', 'sign-in-throttled');
    await person.isAccessible('the throttled sign-in');
    await person.signIn(tried);
    assert.ok(await person.has('#username'), 'even the right password has to wait');
    await person.signIn(stage.registered('untried'));
    await person.page.waitForSelector('#consent-allow');
  });

  it('of an unproven redirect URI stays here and links nowhere', async (t) => {
    const { page } = await stage.chromium.person(t);
    const answers = stage.shop.answers.length;
    await page.goto(stage.shop.entrance({ redirect_uri: 'http://127.0.0.1:9/elsewhere' }));
    await page.waitForSelector('#error-code');
    assert.equal(new URL(page.url()).origin, stage.gatepass.issuer);
    assert.equal((await page.content()).includes('127.0.0.1:9/'), false, 'the page neither shows nor links the address');
    assert.equal(stage.shop.answers.length, answers);
  });

  it('after going back from the app is a page, not a fault, and hands out nothing', async (t) => {
    const person = await stage.chromium.person(t);
    await person.page.goto(stage.shop.entrance());
    await person.signIn(stage.registered('back'));
    await person.press('#consent-allow');
    await person.page.waitForSelector('#outcome');
    const answers = stage.shop.answers.length;
    await person.page.goBack();
    await person.page.waitForLoadState();
    if (await person.has('#consent-allow')) {
      // The page of before, out of the browser's memory: agreeing once more must not make a second code of the first request.
      await person.press('#consent-allow');
    }
    const second = stage.shop.answers.slice(answers).filter((one) => one.parameters.code);
    assert.deepEqual(second, []);
    await person.page.goto(stage.shop.entrance());
    await person.page.waitForSelector('#outcome');
    assert.ok(stage.shop.last.tokens, 'and the next sign-in works');
  });

  it('of a form that another site sends changes nothing', async (t) => {
    const person = await stage.signedIn(t, stage.gatepass.demo);
    // localhost is another site than 127.0.0.1, and the same machine.
    const elsewhere = stage.shop.home.replace('127.0.0.1', 'localhost');
    await person.page.route(`${elsewhere}/**`, (route) =>
      route.fulfill({ contentType: 'text/html', body: `<form method="post" action="${stage.gatepass.issuer}/account/devices/end-others"><button id="go">go</button></form>` }),
    );
    await person.page.goto(`${elsewhere}/trap`);
    const [answer] = await Promise.all([person.page.waitForResponse((one) => one.request().method() === 'POST'), person.press('#go')]);
    assert.ok(answer.status() === 403 || (await person.has('#username')), `answered ${answer.status()} at ${person.page.url()}`);
  });
});
