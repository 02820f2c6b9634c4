// Debian's libapache2-mod-auth-openidc guards a page: signing in, what the page is told, and signing out through it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gatepass } from './gatepass.mjs';
import { Page, Visitor } from './visitor.mjs';

const modules = '/usr/lib/apache2/modules';

function freePort() {
  return new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** An Apache of this test alone: its own configuration, documents and port. */
class Apache {
  constructor(port) {
    this.home = `http://127.0.0.1:${port}`;
    this.port = port;
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'gatepass-apache-'));
    // Apache gives up root for its worker processes, which must still reach their documents.
    fs.chmodSync(this.dir, 0o755);
  }

  async start(gatepass, client) {
    const pages = path.join(this.dir, 'pages');
    fs.mkdirSync(path.join(pages, 'private'), { recursive: true });
    fs.writeFileSync(path.join(pages, 'signed-out.html'), '<p id="signed-out">Signed out of the app</p>');
    const shown = ['REMOTE_USER', 'OIDC_CLAIM_sub', 'OIDC_CLAIM_email', 'OIDC_CLAIM_name', 'OIDC_CLAIM_iss'];
    fs.writeFileSync(path.join(pages, 'private', 'index.html'), shown.map((name) => `${name}=<!--#echo var="${name}" -->\n`).join(''));
    fs.writeFileSync(path.join(this.dir, 'apache.conf'), this.#configuration(pages, gatepass, client));
    this.process = spawn('/usr/sbin/apache2', ['-d', this.dir, '-f', 'apache.conf', '-DFOREGROUND'], { stdio: 'inherit' });
    this.ended = new Promise((resolve) => this.process.on('exit', resolve).on('error', resolve));
    for (let tries = 0; tries < 100 && this.process.exitCode === null; tries += 1) {
      if (await this.#answers()) return;
      await sleep(100);
    }
    throw new Error(`apache2 did not start:\n${this.log}`);
  }

  #configuration(pages, gatepass, client) {
    const load = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'dir', 'include', 'auth_openidc'];
    return `
      ServerName 127.0.0.1
      Listen 127.0.0.1:${this.port}
      PidFile ${this.dir}/apache.pid
      DefaultRuntimeDir ${this.dir}
      ErrorLog ${this.dir}/error.log
      LogLevel warn auth_openidc:info
      ${load.map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`).join('\n      ')}
      User www-data
      Group www-data
      StartServers 1
      DocumentRoot ${pages}
      DirectoryIndex index.html
      <Directory ${pages}>
        ForceType text/html
        Options +Includes
        SetOutputFilter INCLUDES
        Require all granted
      </Directory>
      OIDCProviderMetadataURL ${gatepass.issuer}/.well-known/openid-configuration
      OIDCClientID ${client.client_id}
      OIDCClientSecret ${client.client_secret}
      OIDCProviderTokenEndpointAuth client_secret_basic
      OIDCRedirectURI ${this.home}/callback
      OIDCCryptoPassphrase ${randomBytes(24).toString('hex')}
      OIDCPKCEMethod S256
      OIDCScope "openid profile email"
      OIDCRemoteUserClaim preferred_username
      <Location /callback>
        AuthType openid-connect
        Require valid-user
      </Location>
      <Location /private>
        AuthType openid-connect
        Require valid-user
      </Location>
    `;
  }

  get log() {
    const file = path.join(this.dir, 'error.log');
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '(no log)';
  }

  #answers() {
    return new Promise((resolve) => {
      const request = http.get(`${this.home}/signed-out.html`, (answer) => resolve(answer.resume().statusCode === 200));
      request.on('error', () => resolve(false));
    });
  }

  async stop() {
    this.process?.kill('SIGTERM');
    await this.ended;
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

describe('mod_auth_openidc', () => {
  let gatepass;
  let apache;
  before(async () => {
    gatepass = await Gatepass.start();
    apache = new Apache(await freePort());
    const addresses = ['--redirect-uri', `${apache.home}/callback`, '--post-logout-redirect-uri', `${apache.home}/signed-out.html`];
    await apache.start(gatepass, gatepass.addClient('Intranet', ...addresses));
  });
  after(async () => {
    await apache?.stop();
    await gatepass.stop();
  });

  it('lets a person in, tells the page who it is, and signs the person out everywhere', async () => {
    const password = randomBytes(12).toString('hex');
    gatepass.addUser('mina', password, { preferred_username: 'mina', name: 'Mina Kim', email: 'mina@example.test', email_verified: true });
    const visitor = new Visitor();
    const arrived = await visitor.signIn(`${apache.home}/private/`, { username: 'mina', password, until: `${apache.home}/callback` });
    const page = await visitor.open(arrived);
    assert.equal(page.status, 200, `${page.words}\n${apache.log}`);
    const told = Object.fromEntries(page.body.trim().split('\n').map((line) => line.split('=')));
    assert.equal(told.REMOTE_USER, 'mina');
    assert.equal(told.OIDC_CLAIM_email, 'mina@example.test');
    assert.equal(told.OIDC_CLAIM_name, 'Mina Kim');
    assert.equal(told.OIDC_CLAIM_iss, gatepass.issuer);

    const leave = new URL(`${apache.home}/callback`);
    leave.searchParams.set('logout', `${apache.home}/signed-out.html`);
    let left = await visitor.open(leave);
    if (left.has('logout-confirm')) left = await visitor.press(left, 'logout-confirm');
    assert.ok(left.has('signed-out'), `${left.words}\n${apache.log}`);
    const again = await visitor.open(`${apache.home}/private/`);
    assert.ok(again instanceof Page && again.has('username'), `the page asks for a new sign-in, but there was ${again.words}`);
  });
});
