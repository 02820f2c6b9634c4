// What every file of browser tests plays on: a Gatepass, a shop that trusts it, and a Chromium.
import { after, before } from 'node:test';
import { Gatepass } from '../interop/gatepass.mjs';
import { Chromium } from './chromium.mjs';
import { Shop } from './shop.mjs';

export class Stage {
  /** Called inside `describe`: everything is there before its first test and gone after its last. */
  static set(settings = {}) {
    const one = new Stage();
    before(async () => {
      one.gatepass = await Gatepass.start('SQLite', settings);
      [one.chromium, one.shop] = await Promise.all([Chromium.start(), Shop.start(one.gatepass)]);
    });
    after(async () => {
      await one.chromium?.stop();
      await one.shop?.stop();
      await one.gatepass?.stop();
    });
    return one;
  }

  /** Somebody of one test alone: nobody else's consents and devices stand on their account page. */
  registered(username, claims = { name: username, email: `${username}@example.test`, email_verified: true }) {
    const password = `correct horse of ${username}`;
    this.gatepass.addUser(username, password, claims);
    return { username, password };
  }

  /** Somebody with a browser, signed in and at the account page. */
  async signedIn(t, who, settings) {
    const person = await this.chromium.person(t, settings);
    await person.page.goto(`${this.gatepass.issuer}/account`);
    await person.signIn(who);
    await person.page.waitForSelector('#this-device');
    return person;
  }
}
