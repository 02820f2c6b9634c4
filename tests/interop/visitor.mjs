// A person at a browser without script: follows redirects, keeps cookies, fills in the forms that the pages offer.
import http from 'node:http';

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

function decode(text) {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (name) return ENTITIES[name] ?? whole;
    return String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal));
  });
}

function attributes(tag) {
  const found = {};
  for (const [, name, double, single, bare] of tag.matchAll(/([\w:-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)) {
    found[name.toLowerCase()] ??= decode(double ?? single ?? bare ?? '');
  }
  return found;
}

/** What a page offers: its forms with the fields and buttons a browser would send. */
export class Page {
  constructor(url, status, headers, body) {
    Object.assign(this, { url, status, headers, body });
    this.ids = new Set();
    this.forms = [];
    let open = null;
    for (const [, closing, name, rest] of body.matchAll(/<(\/?)([a-z][a-z0-9]*)\b((?:[^>"']|"[^"]*"|'[^']*')*)>/gi)) {
      const tag = name.toLowerCase();
      const has = attributes(rest);
      if (closing) {
        if (tag === 'form') open = null;
        continue;
      }
      if (has.id) this.ids.add(has.id);
      if (tag === 'form') {
        open = { id: has.id, action: new URL(has.action || url, url), method: (has.method ?? 'get').toUpperCase(), fields: [], buttons: [] };
        this.forms.push(open);
      } else if (tag === 'input' || tag === 'button' || tag === 'textarea') {
        const form = has.form ? this.forms.find((one) => one.id === has.form) : open;
        const type = (has.type ?? (tag === 'button' ? 'submit' : 'text')).toLowerCase();
        if (!form || 'disabled' in has) continue;
        if (type === 'submit') form.buttons.push(has);
        else if ((type !== 'checkbox' && type !== 'radio') || 'checked' in has) form.fields.push({ value: '', ...has });
      }
    }
  }

  has(id) {
    return this.ids.has(id);
  }

  /** The words on the page, for assertion messages. */
  get words() {
    const text = this.body.replace(/<(style|script)\b[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]*>/g, ' ');
    return `${this.status} ${this.url}: ${decode(text).replace(/\s+/g, ' ').trim().slice(0, 400)}`;
  }
}

export class Visitor {
  #cookies = new Map();

  constructor({ language = 'en', userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0' } = {}) {
    this.headers = { 'accept-language': language, 'user-agent': userAgent, accept: 'text/html' };
  }

  /**
   * Opens an address and follows redirects. A redirect to an address that begins with `until` is not followed: it is
   * returned as a URL, as the app that listens there would see it. Anything else comes back as a Page.
   */
  async open(address, { until, method = 'GET', body, from } = {}) {
    let url = new URL(address);
    for (let hop = 0; hop < 20; hop += 1) {
      const answer = await this.#send(url, method, body, from);
      const location = answer.headers.location;
      if (!location || answer.status < 300 || answer.status > 399) {
        return new Page(url, answer.status, answer.headers, answer.body);
      }
      const next = new URL(location, url);
      if (until && next.href.startsWith(until)) return next;
      if (answer.status !== 307 && answer.status !== 308) [method, body] = ['GET', undefined];
      url = next;
    }
    throw new Error(`more than 20 redirects from ${address}`);
  }

  /** Presses the button with this element id, after filling in fields by their element ids. */
  async press(page, id, { fill = {}, until } = {}) {
    const form = page.forms.find((one) => one.buttons.some((button) => button.id === id));
    if (!form) throw new Error(`there is no button #${id} on ${page.words}`);
    for (const wanted of Object.keys(fill)) {
      if (!form.fields.some((field) => field.id === wanted)) throw new Error(`there is no field #${wanted} on ${page.words}`);
    }
    const button = form.buttons.find((one) => one.id === id);
    const sent = new URLSearchParams();
    for (const field of [...form.fields.map((one) => ({ ...one, value: fill[one.id] ?? one.value })), button]) {
      if (field.name) sent.append(field.name, field.value ?? '');
    }
    const method = (button.formmethod ?? form.method).toUpperCase();
    const action = new URL(button.formaction || form.action, page.url);
    if (until && action.href.startsWith(until)) return { posted: action, fields: sent };
    if (method === 'GET') action.search = sent.toString();
    return this.open(action, { until, method, body: method === 'POST' ? sent.toString() : undefined, from: page.url });
  }

  /** Signs in, agrees if asked, and returns the address at which the app is called back. */
  async signIn(address, { username, password, until }) {
    let at = await this.open(address, { until });
    for (let step = 0; step < 5 && at instanceof Page; step += 1) {
      if (at.has('consent-allow')) at = await this.press(at, 'consent-allow', { until });
      else if (at.has('username')) at = await this.press(at, 'sign-in', { fill: { username, password }, until });
      else break;
    }
    if (at instanceof Page) throw new Error(`the sign-in did not arrive at ${until}, but at ${at.words}`);
    return at;
  }

  #send(url, method, body, from) {
    const headers = { ...this.headers };
    const cookies = [...this.#cookies.values()].filter((one) => one.host === url.hostname && url.pathname.startsWith(one.path));
    if (cookies.length) headers.cookie = cookies.map((one) => `${one.name}=${one.value}`).join('; ');
    if (body !== undefined) {
      headers['content-type'] = 'application/x-www-form-urlencoded';
      headers['content-length'] = Buffer.byteLength(body);
      headers.origin = from.origin;
      headers['sec-fetch-site'] = from.origin === url.origin ? 'same-origin' : 'same-site';
    }
    return new Promise((resolve, reject) => {
      const request = http.request(url, { method, headers, timeout: 20_000 }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (part) => (text += part));
        answer.on('error', reject);
        answer.on('end', () => {
          for (const line of answer.headers['set-cookie'] ?? []) this.#keep(url, line);
          resolve({ status: answer.statusCode, headers: answer.headers, body: text });
        });
      });
      request.on('error', reject);
      request.on('timeout', () => request.destroy(new Error(`no answer from ${url}`)));
      request.end(body);
    });
  }

  #keep(url, line) {
    const [pair, ...rest] = line.split(';').map((part) => part.trim());
    const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
    const says = Object.fromEntries(rest.map((part) => [part.split('=')[0].toLowerCase(), part.slice(part.indexOf('=') + 1)]));
    const path = says.path ?? '/';
    // Cookies know hosts and no ports: two servers on 127.0.0.1 share one jar, as in every browser.
    const key = `${url.hostname} ${path} ${name}`;
    const over = Number(says['max-age'] ?? 1) <= 0 || (says.expires && Date.parse(says.expires) <= Date.now());
    if (over) this.#cookies.delete(key);
    else this.#cookies.set(key, { host: url.hostname, path, name, value });
  }
}
