// A running Gatepass for one test file: `serve --dev` on free ports, over a data directory that dies with it.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

// The clients want Web Crypto where browsers have it; Debian 12's Node 18 keeps it in a module.
globalThis.crypto ??= webcrypto;

const binary = process.env.TEST_BINARY;
if (!binary) throw new Error('TEST_BINARY must name the gatepass program: start these tests by the `run` script beside them');

// Whoever runs the tests may have settings of their own in the environment; they are not these tests'.
const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GATEPASS_')));

const settings = {
  // Everybody here signs in from 127.0.0.1.
  GATEPASS_SIGN_IN__ADDRESS_ATTEMPTS: '1000',
  GATEPASS_ISSUER__SCOPES: '{ api = "Call the API" }',
};

/** A database of its own in the PostgreSQL that TEST_POSTGRES_URL names. */
function postgres() {
  const url = new URL(process.env.TEST_POSTGRES_URL);
  const name = `interop_${randomBytes(6).toString('hex')}`;
  execFileSync('psql', ['--quiet', '--command', `CREATE DATABASE ${name}`, url.href]);
  url.pathname = `/${name}`;
  return url.href;
}

export class Gatepass {
  /** With its own SQLite database, or in PostgreSQL; `more` are settings, by their names in the environment. */
  static async start(store = 'SQLite', more = {}) {
    const one = new Gatepass();
    one.environment = { ...inherited, ...settings, ...more };
    if (store === 'PostgreSQL') one.environment.GATEPASS_DATABASE__URL = postgres();
    await one.#serve();
    return one;
  }

  constructor() {
    this.dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'gatepass-'));
    this.output = path.join(this.dataDir, 'output.log');
    this.issued = [];
  }

  async #serve() {
    const facts = path.join(this.dataDir, 'dev.json');
    const output = fs.openSync(this.output, 'w');
    this.process = spawn(binary, ['serve', '--dev', '--data-dir', this.dataDir, '--listen', '127.0.0.1:0'], {
      env: this.environment,
      cwd: this.dataDir,
      stdio: ['ignore', output, output],
    });
    fs.closeSync(output);
    this.ended = new Promise((resolve) => {
      this.process.on('error', (error) => resolve(String(error)));
      this.process.on('exit', (code, signal) => resolve(code ?? signal));
    });
    for (let waited = 0; waited < 20_000; waited += 50) {
      if (this.process.exitCode !== null) break;
      try {
        this.demo = JSON.parse(fs.readFileSync(facts, 'utf8'));
        const answer = await fetch(`${this.demo.issuer}/.well-known/openid-configuration`);
        if (answer.ok) return;
      } catch {
        // Not written, or not listening yet.
      }
      await sleep(50);
    }
    const log = this.log;
    await this.#remove();
    throw new Error(`gatepass did not become ready:\n${log}`);
  }

  get issuer() {
    return this.demo.issuer;
  }

  get log() {
    return fs.readFileSync(this.output, 'utf8');
  }

  /** Runs a command of the operator against the running server's data directory and returns what `--json` prints. */
  command(...args) {
    const input = typeof args.at(-1) === 'object' ? args.pop().input : '';
    const printed = execFileSync(binary, [...args, '--data-dir', this.dataDir, '--json'], { env: this.environment, cwd: this.dataDir, input, encoding: 'utf8' });
    return JSON.parse(printed);
  }

  /** Starts `gatepass try` beside the server, on a free port: its address, and a way to end it. */
  async tryOut() {
    const args = ['try', '--listen', '127.0.0.1:0', '--data-dir', this.dataDir, '--json'];
    const app = spawn(binary, args, { env: this.environment, cwd: this.dataDir, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => app.on('exit', (code, signal) => resolve(code ?? signal)).on('error', resolve));
    const [said] = await Promise.race([once(app.stdout, 'data'), ended.then((outcome) => [`ended with ${outcome}`])]);
    const { url } = JSON.parse(said);
    const stop = async () => {
      app.kill('SIGTERM');
      const outcome = await ended;
      if (outcome !== 0) throw new Error(`gatepass try ended with ${outcome}`);
    };
    return { url, stop };
  }

  addClient(name, ...args) {
    return this.command('client', 'add', '--name', name, ...args);
  }

  addUser(username, password, claims = {}) {
    const file = path.join(this.dataDir, `${username}.claims.json`);
    fs.writeFileSync(file, JSON.stringify(claims));
    return this.command('user', 'add', username, '--password-stdin', '--claims', file, { input: `${password}\n` });
  }

  /** Remembers secrets that must never stand in the log. */
  handedOut(...secrets) {
    this.issued.push(...secrets.filter((one) => typeof one === 'string' && one.length > 8));
  }

  /** Stops the server as an init system would, and holds it to a clean end and to a log without secrets. */
  async stop() {
    this.process.kill('SIGTERM');
    const late = sleep(10_000, 'still running after 10 s', { ref: false });
    const outcome = await Promise.race([this.ended, late]);
    const log = this.log;
    await this.#remove();
    if (outcome !== 0) throw new Error(`gatepass ended with ${outcome}:\n${log.slice(-4000)}`);
    const leaked = this.issued.find((secret) => log.includes(secret));
    if (leaked) throw new Error(`the log shows a secret that begins with ${leaked.slice(0, 6)}`);
  }

  async #remove() {
    this.process.kill('SIGKILL');
    await this.ended;
    fs.rmSync(this.dataDir, { recursive: true, force: true });
  }
}
