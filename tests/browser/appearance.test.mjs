// Every page as it is seen: both languages, desktop and phone, light and dark; photographed into target/screenshots.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { desktop, phone } from './chromium.mjs';
import { Stage } from './stage.mjs';

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
});
