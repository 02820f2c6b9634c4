// The conformance tool of the Model Context Protocol looks at Gatepass as MCP clients do: metadata, then a sign-in.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Gatepass } from './gatepass.mjs';
import { Visitor } from './visitor.mjs';

const here = path.dirname(new URL(import.meta.url).pathname);
// The tool needs a newer Node than Debian 12 has, so that one comes along.
const node = path.join(here, 'mcp', 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
const tool = path.join(here, 'mcp', 'node_modules', '@modelcontextprotocol', 'conformance', 'dist', 'index.js');
const resource = 'https://mcp.example/mcp';

describe('an MCP client', () => {
  let gatepass;
  before(async () => {
    gatepass = await Gatepass.start();
    gatepass.addClient('MCP server', '--resource', resource, '--grant-type', 'client_credentials');
  });
  after(() => gatepass.stop());

  /** Runs `conformance authorization` and returns what it checked. */
  async function conformance(...args) {
    const results = fs.mkdtempSync(path.join(gatepass.dataDir, 'mcp-'));
    const run = spawn(node, [tool, 'authorization', '--url', gatepass.issuer, '--output-dir', results, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const late = setTimeout(() => run.kill(), 60_000);
    let said = '';
    let visit;
    run.stdout.setEncoding('utf8').on('data', (part) => {
      said += part;
      const address = /^(http\S+\/authorize\?\S+)$/m.exec(said)?.[1];
      visit ??= address && arrive(address);
    });
    const [code] = await once(run, 'exit');
    clearTimeout(late);
    await visit;
    assert.equal(code, 0, said);
    const files = fs.readdirSync(results).map((folder) => path.join(results, folder, 'checks.json'));
    return files.flatMap((file) => JSON.parse(fs.readFileSync(file, 'utf8')));
  }

  /** The person who is sent to sign in, and who brings the answer to the tool. */
  async function arrive(address) {
    const until = new URL(address).searchParams.get('redirect_uri');
    const arrived = await new Visitor().signIn(address, { ...gatepass.demo, until });
    gatepass.handedOut(arrived.searchParams.get('code'));
    await fetch(arrived);
  }

  function passes(checks, ...ids) {
    assert.deepEqual(checks.filter((check) => check.status !== 'SUCCESS'), []);
    for (const id of ids) assert.ok(checks.some((check) => check.id === id), `${id} was checked`);
  }

  it('finds the metadata, and that documents of clients are read', async () => {
    const checks = await conformance('--scenario', 'authorization-server-metadata-endpoint');
    passes(checks, 'authorization-server-metadata', 'authorization-server-metadata-cimd');
  });

  for (const [how, ...args] of [['for the MCP server that it names', '--resource', resource], ['for no API at all']]) {
    it(`registers itself and gets a token ${how}`, async () => {
      const port = await freePort();
      const registration = await fetch(`${gatepass.issuer}/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ redirect_uris: [`http://127.0.0.1:${port}/callback`], token_endpoint_auth_method: 'none' }),
      });
      const { client_id } = await registration.json();
      passes(await conformance('--client-id', client_id, '--port', port, ...args), 'authorization-code-grant');
    });
  }

  it('gets a token without any registration, by the document at its client_id', async () => {
    const port = await freePort();
    const host = http.createServer((request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({
        client_id: `http://127.0.0.1:${host.address().port}${request.url}`,
        client_name: 'MCP conformance',
        redirect_uris: ['http://127.0.0.1/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      }));
    });
    host.listen(0, '127.0.0.1');
    await once(host, 'listening');
    const client = `http://127.0.0.1:${host.address().port}/client.json`;
    const checks = await conformance('--client-id', client, '--port', port, '--resource', resource);
    host.close();
    passes(checks, 'authorization-code-grant');
    assert.ok(gatepass.command('client', 'list').some((one) => one.client_id === client), 'the operator sees it');
    assert.throws(() => gatepass.command('client', 'update', client, '--name', 'Ours'), /can only be disabled or removed/);
    assert.equal(gatepass.command('client', 'update', client, '--disable').status, 'disabled');
  });
});

async function freePort() {
  const server = http.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return String(port);
}
