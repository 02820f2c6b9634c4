// Authlib (PyPI) signs people in: authlib_client.py is the client, this file starts the server it talks to.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Gatepass } from './gatepass.mjs';

const script = fileURLToPath(new URL('authlib_client.py', import.meta.url));
const callback = 'http://127.0.0.1:8402/callback';

describe('Authlib', () => {
  let gatepass;
  before(async () => (gatepass = await Gatepass.start()));
  after(() => gatepass.stop());

  function run(scenario, client) {
    const { issuer, username, password } = gatepass.demo;
    const facts = { issuer, username, password, client_id: client.client_id, client_secret: client.client_secret ?? null, auth_method: client.method };
    const done = spawnSync(process.env.INTEROP_PYTHON, [script, scenario], { input: JSON.stringify(facts), encoding: 'utf8', timeout: 60_000 });
    assert.equal(done.status, 0, `${done.error ?? ''}${done.stdout}${done.stderr}`);
  }

  it('signs in as a Flask app that knows only the metadata URL', () => {
    run('flask_app', gatepass.addClient('Flask app', '--redirect-uri', callback));
  });

  for (const method of ['client_secret_basic', 'client_secret_post', 'none']) {
    it(`signs in, refreshes twice and revokes as an OAuth2Session with ${method}`, () => {
      const settings = method === 'none' ? ['--public'] : ['--auth-method', method];
      run('oauth_session', { ...gatepass.addClient(`Session with ${method}`, '--redirect-uri', callback, ...settings), method });
    });
  }

  it('acts for itself by client_credentials', () => {
    run('machine', gatepass.addClient('Machine', '--grant-type', 'client_credentials', '--scope', 'api'));
  });
});
