// A little app of another company: it signs people in through Gatepass and remembers what it was answered.
import http from 'node:http';
import * as client from 'openid-client';

const trusting = [client.allowInsecureRequests, client.enableNonRepudiationChecks];

export class Shop {
  #started = new Map();

  /** Every answer at the callback, oldest first: { tokens } or { error }, with the parameters it arrived with. */
  answers = [];

  /** What it heard in frames about people who signed out (Front-Channel Logout). */
  signedOut = [];

  /** `execute` changes how its client behaves, as openid-client wants it. */
  static async start(gatepass, registered = gatepass.demo, execute = []) {
    const one = await Shop.#open();
    const authentication = client.ClientSecretBasic(registered.client_secret);
    const options = { execute: [...trusting, ...execute] };
    one.config = await client.discovery(new URL(gatepass.issuer), registered.client_id, undefined, authentication, options);
    return one;
  }

  /** A shop that registers itself; what it says of itself may depend on where it stands. */
  static async registering(gatepass, metadata = () => ({}), execute = []) {
    const one = await Shop.#open();
    // The method that openid-client uses where it is told none.
    const token_endpoint_auth_method = 'client_secret_post';
    const said = { client_name: 'Shop', redirect_uris: [`${one.home}/callback`], token_endpoint_auth_method, ...metadata(one.home) };
    const options = { execute: [...trusting, ...execute] };
    one.config = await client.dynamicClientRegistration(new URL(gatepass.issuer), said, undefined, options);
    return one;
  }

  static async #open() {
    const one = new Shop();
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

  /** Where its "Sign out" button leads. */
  exit() {
    const { tokens } = this.answers.findLast((answer) => answer.tokens);
    return client.buildEndSessionUrl(this.config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: `${this.home}/` }).href;
  }

  refresh(tokens) {
    return client.refreshTokenGrant(this.config, tokens.refresh_token);
  }

  async #serve(request, response) {
    const url = new URL(request.url, this.home);
    if (url.pathname === '/start') {
      response.writeHead(303, { location: await this.#begin(url.searchParams) }).end();
    } else if (url.pathname === '/callback' && request.method === 'GET' && !url.search) {
      this.#page(response, '<script>location.replace("/fragment?" + location.hash.slice(1))</script>');
    } else if (url.pathname === '/fragment') {
      const answer = await this.#finish(new URL(`/callback#${url.search.slice(1)}`, this.home), request);
      this.#page(response, `<h1>Shop</h1><p id="outcome">${answer.error ?? 'signed in'}</p>`);
    } else if (url.pathname === '/out') {
      this.signedOut.push(Object.fromEntries(url.searchParams));
      this.#page(response, '');
    } else if (url.pathname === '/watch') {
      this.#page(response, this.#watch());
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

  /** Session Management §3.1: a frame of the provider is asked whether anything has changed. */
  #watch() {
    const { issuer, check_session_iframe: frame } = this.config.serverMetadata();
    const question = `${this.config.clientMetadata().client_id} ${this.last.parameters.session_state}`;
    return `<p id="session"></p><iframe id="op" src="${frame}"></iframe><script>
      const op = document.querySelector('#op');
      const ask = () => op.contentWindow.postMessage(${JSON.stringify(question)}, ${JSON.stringify(issuer)});
      addEventListener('message', (event) => {
        if (event.origin === ${JSON.stringify(issuer)}) document.querySelector('#session').textContent = event.data;
      });
      op.onload = () => setInterval(ask, 100);
    </script>`;
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
    const inFragment = new URLSearchParams(url.hash.slice(1));
    const fields = request.method === 'POST' ? new URLSearchParams(body) : new URLSearchParams([...url.searchParams, ...inFragment]);
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
