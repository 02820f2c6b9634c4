// One Chromium for a test file, and the people who sit at it; whatever the browser complains about fails their test.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import axe from 'axe-core';
import { chromium } from 'playwright-core';

export const desktop = { viewport: { width: 1280, height: 860 } };
export const phone = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

const screenshots = process.env.SCREENSHOTS;

export class Chromium {
  static async start() {
    const one = new Chromium();
    one.browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      chromiumSandbox: false,
      args: ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
    return one;
  }

  stop() {
    return this.browser.close();
  }

  /** Somebody with a browser profile of their own, who leaves when the test `t` ends. */
  async person(t, { locale = 'en-US', ...settings } = desktop) {
    // Nobody is photographed, and no colour measured, halfway through a transition.
    const context = await this.browser.newContext({ locale, reducedMotion: 'reduce', ...settings });
    context.setDefaultTimeout(10_000);
    const one = new Person(context, await context.newPage());
    t.after(() => one.leave());
    return one;
  }
}

export class Person {
  constructor(context, page) {
    Object.assign(this, { context, page, complaints: [] });
    // Violations of the content security policy arrive here too. A page with an error status is no complaint: it may be
    // what the test asked for; a missing style sheet or picture is one.
    context.on('console', (message) => {
      const text = message.text();
      if (message.type() === 'error' && !text.startsWith('Failed to load resource')) this.complaints.push(`${text} (${page.url()})`);
    });
    context.on('weberror', (error) => this.complaints.push(String(error.error())));
    context.on('response', (response) => {
      if (response.status() >= 400 && !response.request().isNavigationRequest()) this.complaints.push(`${response.status()} ${response.url()}`);
      if (response.status() >= 500) this.complaints.push(`${response.status()} ${response.url()}`);
    });
  }

  async leave() {
    await this.context.close();
    assert.deepEqual(this.complaints, [], 'the browser complained');
  }

  /** Presses a button and waits for the page that it leads to. */
  async press(selector) {
    await Promise.all([this.page.waitForEvent('framenavigated'), this.page.click(selector)]);
    await this.page.waitForLoadState();
  }

  /** Types a name and a password into the sign-in page and presses its button. */
  async signIn({ username, password }) {
    await this.page.fill('#username', username);
    await this.page.fill('#password', password);
    await this.press('#sign-in');
  }

  has(selector) {
    return this.page.locator(selector).count().then((count) => count > 0);
  }

  /** Fails unless the page speaks this language and no other, save where it says that it does (WCAG 3.1.2). */
  async reads(language) {
    const { lang, words } = await this.page.evaluate(() => {
      let words = document.body.innerText;
      for (const other of document.body.querySelectorAll('[lang]')) words = words.replace(other.textContent, '');
      return { lang: document.documentElement.lang, words };
    });
    assert.equal(lang, language, this.page.url());
    assert.equal(/[가-힣]/.test(words), language === 'ko', `${this.page.url()} in ${language} says: ${words}`);
  }

  /** No violation of WCAG 2.2, levels A and AA, as far as axe can tell. */
  async isAccessible(name) {
    await this.page.evaluate(axe.source);
    const { violations } = await this.page.evaluate(() => {
      const levels = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'];
      return window.axe.run(document, { runOnly: { type: 'tag', values: levels } });
    });
    const found = violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 160)} ${node.failureSummary.replace(/\s+/g, ' ')}`));
    assert.deepEqual(found, [], `${name} is not accessible`);
  }

  /** Nothing is wider than the window. */
  async fitsTheWindow(name) {
    // The window's width and not the document's: a page that does not adapt to phones is laid out wider than they are.
    const wide = await this.page.evaluate((width) => {
      const { scrollWidth } = document.documentElement;
      if (scrollWidth <= width) return [];
      const out = [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > width + 1);
      return [`${scrollWidth} > ${width}`, ...out.map((one) => one.outerHTML.slice(0, 120))];
    }, this.page.viewportSize().width);
    assert.deepEqual(wide, [], `${name} scrolls sideways`);
  }

  async photograph(...name) {
    const file = path.join(screenshots, `${name.join('/')}.png`);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    await this.page.screenshot({ path: file, fullPage: true });
  }
}
