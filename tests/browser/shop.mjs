// A little app of another company: it signs people in through Gatepass and remembers what it was answered.
import http from 'node:http';
import * as client from 'openid-client';

export class Shop {
  #started = new Map();

  /** Every answer at the callback, oldest first: { tokens } or { error }, with the parameters it arrived with. */
  answers = [];

  static async start(gatepass, registered = gatepass.demo) {
    const one = new Shop();
    const options = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] };
    const authentication = client.ClientSecretBasic(registered.client_secret);
    one.config = await client.discovery(new URL(gatepass.issuer), registered.client_id, undefined, authentication, options);
    one.server = http.createServer((request, response) => {
      one.#serve(request, response).catch((error) => response.writeHead(500).end(String(error.stack)));
    });
    await new Promise((resolve) => one.server.listen(0, '127.0.0.1', resolve));
    one.home = `http://127.0.0.1:${one.server.address().port}`;
    return one;
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  /** Where its "Sign in" button leads; the parameters go into the authorization request. */
  entrance(parameters = {}) {
    return `${this.home}/start?${new URLSearchParams(parameters)}`;
  }

  get last() {
    return this.answers.at(-1);
  }

  refresh(tokens) {
    return client.refreshTokenGrant(this.config, tokens.refresh_token);
  }

  async #serve(request, response) {
    const url = new URL(request.url, this.home);
    if (url.pathname === '/start') {
      response.writeHead(303, { location: await this.#begin(url.searchParams) }).end();
    } else if (url.pathname === '/callback') {
      const answer = await this.#finish(url, request);
      const outcome = answer.tokens ? `signed in as ${answer.tokens.claims().sub}` : answer.error;
      this.#page(response, `<h1>Shop</h1><p id="outcome">${outcome}</p>`);
    } else if (url.pathname === '/favicon.ico') {
      response.writeHead(204).end();
    } else {
      this.#page(response, `<h1>Shop</h1><p id="front"><a id="enter" href="/start">Sign in</a></p>`);
    }
  }

  #page(response, body) {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    response.end(`<!doctype html><html lang="en"><title>Shop</title>${body}</html>`);
  }

  async #begin(parameters) {
    const checks = {
      pkceCodeVerifier: client.randomPKCECodeVerifier(),
      expectedState: client.randomState(),
      expectedNonce: client.randomNonce(),
      idTokenExpected: true,
    };
    this.#started.set(checks.expectedState, checks);
    return client.buildAuthorizationUrl(this.config, {
      redirect_uri: `${this.home}/callback`,
      scope: 'openid profile email',
      code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: checks.expectedState,
      nonce: checks.expectedNonce,
      ...Object.fromEntries(parameters),
    }).href;
  }

  async #finish(url, request) {
    let body = '';
    for await (const part of request) body += part;
    const fields = request.method === 'POST' ? new URLSearchParams(body) : url.searchParams;
    const posted = new Request(url, { method: 'POST', body: fields });
    const answer = { method: request.method, parameters: Object.fromEntries(fields) };
    const checks = this.#started.get(fields.get('state'));
    this.answers.push(answer);
    if (!checks) return Object.assign(answer, { error: 'a state that the shop never sent' });
    try {
      answer.tokens = await client.authorizationCodeGrant(this.config, request.method === 'POST' ? posted : url, checks);
    } catch (error) {
      answer.error = error.error ?? `${error.message}: ${error.cause?.message}`;
    }
    return answer;
  }
}
