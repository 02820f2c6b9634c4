// The verifiers of guard/python and guard/typescript: APIs in other languages that verify by themselves, follow the
// revocation feed and refuse what has ended.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Gatepass } from './gatepass.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const guards = path.join(here, '..', '..', 'guard');
const resource = 'https://orders.example';

/** An API in TypeScript, compiled as anybody would. `answer(token)` gives the status. */
async function inTypeScript(issuer, { client_id, client_secret }) {
  const out = fs.mkdtempSync(path.join(os.tmpdir(), 'gatepass-guard-'));
  const source = path.join(out, 'source');
  fs.cpSync(path.join(guards, 'typescript'), source, { recursive: true });
  fs.symlinkSync(path.join(here, '..', 'node_modules'), path.join(out, 'node_modules'));
  execFileSync(process.execPath, [path.join(here, '..', 'node_modules', 'typescript', 'bin', 'tsc'), '-p', source, '--outDir', out]);
  fs.writeFileSync(path.join(out, 'package.json'), '{"type":"module"}');
  const { Guard, Refused } = await import(pathToFileURL(path.join(out, 'guard.js')));
  const guard = await Guard.start(issuer, resource, client_id, client_secret);
  const answer = async (token, scope) => {
    try {
      await guard.verify(token, scope);
      return 200;
    } catch (why) {
      if (why instanceof Refused) return why.status;
      throw why;
    }
  };
  const stop = () => {
    guard.stop();
    fs.rmSync(out, { recursive: true });
  };
  return { answer, stop };
}

/** An API in Python, over HTTP. */
async function inPython(issuer, { client_id, client_secret }) {
  const environment = { ...process.env, ISSUER: issuer, AUDIENCE: resource, CLIENT_ID: client_id, CLIENT_SECRET: client_secret, PYTHONDONTWRITEBYTECODE: '1' };
  const api = spawn(process.env.INTEROP_PYTHON, [path.join(guards, 'python', 'orders.py')], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await once(api.stdout, 'data');
  const url = said.toString().split('\n')[0];
  const answer = async (token) => (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status;
  return { answer, stop: () => api.kill('SIGKILL') };
}

for (const [language, start] of [['TypeScript', inTypeScript], ['Python', inPython]]) {
  describe(`an API in ${language}`, () => {
    let gatepass;
    let api;
    let machine;
    before(async () => {
      gatepass = await Gatepass.start();
      const credential = gatepass.addClient('Orders API', '--resource', resource, '--grant-type', 'client_credentials');
      machine = gatepass.addClient('Machine', '--grant-type', 'client_credentials', '--audience', resource, '--scope', 'api');
      api = await start(gatepass.issuer, credential);
    });
    after(async () => {
      api?.stop();
      await gatepass.stop();
    });

    async function token(client = machine) {
      const authorization = `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}`;
      const form = new URLSearchParams({ grant_type: 'client_credentials' });
      const answer = await fetch(`${gatepass.issuer}/token`, { method: 'POST', headers: { authorization }, body: form });
      const { access_token: issued } = await answer.json();
      gatepass.handedOut(issued);
      return issued;
    }

    async function revoke(ended) {
      const authorization = `Basic ${btoa(`${machine.client_id}:${machine.client_secret}`)}`;
      const answer = await fetch(`${gatepass.issuer}/revoke`, { method: 'POST', headers: { authorization }, body: new URLSearchParams({ token: ended }) });
      assert.equal(answer.status, 200);
    }

    /** Milliseconds until the API gives `status`. */
    async function until(presented, status) {
      const began = performance.now();
      let answered;
      while ((answered = await api.answer(presented)) !== status) {
        assert.ok(performance.now() - began < 10_000, `it still answers ${answered}`);
        await sleep(5);
      }
      return performance.now() - began;
    }

    it('accepts a good token as soon as it knows what has ended', async () => {
      await until(await token(), 200);
    });

    it('refuses a token within a second of its end, and no other', async () => {
      const [ended, spared] = [await token(), await token()];
      await until(ended, 200);
      await revoke(ended);
      const took = await until(ended, 401);
      assert.ok(took < 1000, `it took ${took} ms`);
      assert.equal(await api.answer(spared), 200);
    });

    it('confirms what it refuses', async () => {
      await revoke(await token());
      const began = performance.now();
      let said;
      do {
        assert.ok(performance.now() - began < 5000, JSON.stringify(said));
        await sleep(100);
        said = gatepass.command('feed', 'followers');
      } while (said.followers[0]?.applied !== 2);
      assert.deepEqual([said.newest, said.followers.length, said.followers[0].behind], [2, 1, 0]);
    });

    it('refuses what is forged, for others, or no access token', async () => {
      const good = await token();
      const [header, claims, signature] = good.split('.');
      const renamed = (changed) => Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(header, 'base64url')), ...changed })).toString('base64url');
      const other = gatepass.addClient('Elsewhere', '--grant-type', 'client_credentials', '--scope', 'api');
      for (const bad of [
        'no.jwt.',
        `${header}.${claims}.${signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))}`,
        `${renamed({ alg: 'none' })}.${claims}.`,
        `${renamed({ alg: 'HS256' })}.${claims}.${signature}`,
        `${renamed({ typ: 'JWT' })}.${claims}.${signature}`,
        `${renamed({ kid: 'nobody' })}.${claims}.${signature}`,
        await token(other),
      ]) {
        assert.equal(await api.answer(bad), 401, bad);
      }
    });
  });
}
