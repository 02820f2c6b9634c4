// Every page as it is seen: both languages, desktop and phone, light and dark; photographed into target/screenshots.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { desktop, phone } from './chromium.mjs';
import { Shop } from './shop.mjs';
import { Stage } from './stage.mjs';

const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" width="56" height="56"><rect width="56" height="56" fill="#0a7c66"/>
<circle cx="28" cy="28" r="16" fill="#ffd166"/></svg>`;

describe('every page', () => {
  const stage = Stage.set();

  const claims = { name: 'Alexandria Montgomery-Featherstonehaugh', email: 'alexandria.montgomery.featherstonehaugh@a-long-name.example.test', locale: 'en' };

  for (const [language, locale] of [['en', 'en-US'], ['ko', 'ko-KR']]) {
    for (const [device, settings] of [['desktop', desktop], ['phone', phone]]) {
      it(`in ${language} on a ${device} is readable, fits the window and keeps to its policy`, async (t) => {
        const who = stage.registered(`viewer-${language}-${device}`, claims);
        const person = await stage.chromium.person(t, { ...settings, locale });
        const { page } = person;

        async function look(name) {
          await person.reads(language);
          assert.ok((await page.title()).trim(), `${name} has a title`);
          assert.equal(await page.locator('h1').count(), 1, `${name} has one h1`);
          const shades = [];
          for (const colorScheme of ['light', 'dark']) {
            await page.emulateMedia({ colorScheme });
            await person.fitsTheWindow(`${name} (${device}, ${colorScheme})`);
            await person.isAccessible(`${name} (${device}, ${colorScheme})`);
            await person.photograph(language, device, colorScheme === 'dark' ? `${name}-dark` : name);
            shades.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor + getComputedStyle(document.documentElement).backgroundColor));
          }
          assert.notEqual(shades[0], shades[1], `${name} has a dark mode`);
          await page.emulateMedia({ colorScheme: 'light' });
          if (device !== 'phone') return;
          // WCAG 1.4.10: 320 CSS pixels are enough.
          await page.setViewportSize({ width: 320, height: 640 });
          await person.fitsTheWindow(`${name} (320 pixels)`);
          await page.setViewportSize(settings.viewport);
        }

        await page.goto(stage.shop.entrance({ login_hint: who.username }));
        assert.equal(await page.inputValue('#username'), who.username, 'login_hint fills in the name');
        await look('sign-in');
        await person.signIn({ ...who, password: 'certainly not the password' });
        await page.waitForSelector('[role=alert]');
        await look('sign-in-refused');
        await person.signIn(who);
        await page.waitForSelector('#consent-allow');
        await look('consent');
        await person.press('#consent-allow');
        await page.waitForSelector('#outcome');

        await page.goto(`${stage.gatepass.issuer}/account`);
        await page.waitForSelector('#this-device');
        await look('account');
        await page.click('summary');
        await page.fill('[name=website]', 'javascript:alert(1)');
        await person.press('#save-profile');
        await look('account-refused');
        await page.goto(`${stage.gatepass.issuer}/logout`);
        await page.waitForSelector('#logout-confirm');
        await look('sign-out');
        await person.press('#logout-confirm');
        await look('signed-out');
        await page.goto(`${stage.gatepass.issuer}/account`);
        await page.waitForSelector('#username');
        await look('sign-in-to-account');
        await page.goto(`${stage.gatepass.issuer}/authorize?client_id=unknown&redirect_uri=http://127.0.0.1/&response_type=code`);
        await page.waitForSelector('#error-code');
        await look('error');
        await page.goto(`${stage.gatepass.issuer}/no-such-page`);
        await look('not-found');
      });
    }
  }

  for (const [language, locale, device, settings] of [['en', 'en-US', 'desktop', desktop], ['ko', 'ko-KR', 'phone', phone]]) {
    it(`shows an app's picture, its links and the whole of its long name in ${language} on a ${device}`, async (t) => {
      const name = '<b>Aurora</b> & 오로라: the long-named portal for all employees of the northern region';
      const aurora = 'https://aurora.example';
      const links = ['--logo-uri', `${aurora}/logo.svg`, '--policy-uri', `${aurora}/privacy`, '--tos-uri', `${aurora}/terms`];
      const registered = stage.gatepass.addClient(name, '--redirect-uri', 'http://127.0.0.1/callback', ...links);
      const portal = await Shop.start(stage.gatepass, registered);
      t.after(() => portal.stop());
      const person = await stage.chromium.person(t, { ...settings, locale });
      // The policy of the page is asked before this is.
      await person.page.route(`${aurora}/logo.svg`, (route) => route.fulfill({ contentType: 'image/svg+xml', body: LOGO }));
      async function look(page) {
        assert.ok((await person.page.innerText('main')).includes(name), 'the name is text');
        assert.equal(await person.page.locator('main img.picture').evaluate((picture) => picture.naturalWidth), 56, 'the picture is there');
        assert.equal(await person.page.locator('.links a[rel~=noopener]').count(), 2);
        await person.fitsTheWindow(page);
        await person.isAccessible(page);
        await person.photograph(language, device, page);
      }
      await person.page.goto(portal.entrance());
      await look('sign-in-to-a-portal');
      await person.signIn(stage.registered(`clerk-${language}`));
      await person.page.waitForSelector('#consent-allow');
      await look('consent-to-a-portal');
      await person.press('#consent-allow');
      await person.page.waitForSelector('#outcome');
      await person.page.goto(`${stage.gatepass.issuer}/account`);
      await person.fitsTheWindow('the account with a portal');
      await person.photograph(language, device, 'account-with-a-portal');
    });
  }
});
