// Verifies Gatepass's access tokens, and refuses those that have been ended meanwhile (../PROTOCOL.md).
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';

const algorithms = ['ES256', 'EdDSA', 'RS256', 'PS256'];
const leeway = 60; // seconds that clocks may lie apart; the feed keeps its entries as long
const recording = 30; // a server time further from ours is no word of the server
const silence = 6_000; // ms after which a connection that says nothing is given up
const largest = 1 << 20; // characters of one event
// Which claim each member of an entry is compared with.
const cuts = ['jti', 'grant_id', 'sid', 'sub', 'client_id'] as const;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** `status` is the HTTP status, `error` the code of RFC 6750 (none: the token may be good, try again later). */
export class Refused extends Error {
  constructor(readonly status: 401 | 403 | 503, readonly error: string | undefined, description: string) {
    super(description);
  }
}

type Cut = { forgetAt: number; issuedBefore: number };
type Stage = 'nameless' | 'behind' | 'current';

export class Guard {
  readonly #ended = new Map<string, Cut>();
  readonly #instance = crypto.randomUUID();
  readonly #stop = new AbortController();
  #applied = 0;
  #position: number | undefined;
  #freshAt: number | undefined;
  #newest = 0;
  #confirmed: number | undefined;
  #confirming = false;
  #pause = 1_000;

  private constructor(readonly issuer: string, readonly audience: string, private readonly credential: string,
    private readonly keys: JWTVerifyGetKey, private readonly silentAfter: number) {}

  /** `silentAfter`: seconds without a word of the feed after which every token is answered with 503. */
  static async start(issuer: string, audience: string, clientId: string, secret: string, silentAfter = 10): Promise<Guard> {
    const { origin, pathname, protocol, hostname } = new URL(issuer);
    if (protocol !== 'https:' && !['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) throw new Error('the issuer is no https URL');
    const place = `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`;
    const metadata = await (await fetch(place, { redirect: 'error' })).json();
    if (metadata.issuer !== issuer) throw new Error(`the server calls itself ${metadata.issuer}`);
    // Anybody can name a key that nobody has: the server is asked once in 10 seconds.
    const keys = createRemoteJWKSet(new URL(metadata.jwks_uri), { cooldownDuration: 10_000, cacheMaxAge: 3_600_000 });
    const credential = btoa(`${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`);
    const guard = new Guard(issuer, audience, credential, keys, silentAfter);
    void guard.#follow();
    return guard;
  }

  stop(): void {
    this.#stop.abort();
  }

  /** The claims of a good token that has every scope of `scope`; throws Refused. */
  async verify(token: string, scope = ''): Promise<JWTPayload> {
    const { issuer, audience } = this;
    const requiredClaims = ['iss', 'aud', 'exp', 'iat', 'sub', 'jti', 'client_id'];
    const rules = { issuer, audience, algorithms, requiredClaims, typ: 'at+jwt', clockTolerance: leeway };
    const { payload } = await jwtVerify(token, this.keys, rules).catch((why: unknown) => {
      throw why instanceof errors.JOSEError ? new Refused(401, 'invalid_token', why.message) : why;
    });
    const dead = cuts.some((name) => payload.iat! < (this.#ended.get(`${name} ${payload[name]}`)?.issuedBefore ?? 0));
    if (dead || payload.cnf !== undefined || payload.iat! > Date.now() / 1000 + leeway) {
      throw new Refused(401, 'invalid_token', 'it was ended, is bound to a key, or comes from the future');
    }
    if (this.feedAge() > this.silentAfter) throw new Refused(503, undefined, 'the revocation feed is silent');
    const granted = typeof payload.scope === 'string' ? payload.scope.split(' ') : [];
    if (!scope.split(' ').every((one) => one === '' || granted.includes(one))) {
      throw new Refused(403, 'insufficient_scope', `it has not the scope ${scope}`);
    }
    return payload;
  }

  /** Seconds since the server last said that everything was told; infinite before the first time. */
  feedAge(): number {
    return this.#freshAt === undefined ? Infinity : (performance.now() - this.#freshAt) / 1000;
  }

  async #follow(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#readFeed().catch((why: Error) => console.error(`the revocation feed was left: ${why.message}`));
      await sleep(this.#pause * (0.25 + 0.75 * Math.random()));
      this.#pause = Math.min(this.#pause * 2, 15_000);
    }
  }

  #request(path: string, init: RequestInit & { headers?: Record<string, string> }): Promise<Response> {
    const headers = { authorization: `Basic ${this.credential}`, ...init.headers };
    // The credential goes nowhere else.
    return fetch(this.issuer.replace(/\/$/, '') + path, { ...init, headers, redirect: 'error' });
  }

  async #readFeed(): Promise<void> {
    const line = new AbortController();
    const end = () => line.abort();
    this.#stop.signal.addEventListener('abort', end);
    let watchdog = setTimeout(end, silence);
    try {
      const headers: Record<string, string> = this.#position === undefined ? {} : { 'last-event-id': `${this.#position}` };
      const answer = await this.#request(`/revocations?instance=${this.#instance}`, { headers, signal: line.signal });
      if (!answer.ok || !answer.body) throw new Error(`the server answers ${answer.status}`);
      let [text, stage] = ['', 'nameless' as Stage];
      const decoder = new TextDecoder();
      for (const reader = answer.body.getReader(); ;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(watchdog);
        watchdog = setTimeout(end, silence);
        const events = (text + decoder.decode(value, { stream: true })).split('\n\n');
        text = events.pop()!;
        if (text.length > largest) throw new Error('an event is too large');
        for (const event of events) stage = this.#hear(event, stage);
      }
    } finally {
      clearTimeout(watchdog);
      this.#stop.signal.removeEventListener('abort', end);
    }
  }

  #hear(event: string, stage: Stage): Stage {
    const fields = Object.fromEntries(event.split('\n').map((line) => line.split(/: ?(.*)/s)));
    const kind: string = fields.event;
    if (!['hello', 'revocation', 'current', 'heartbeat', 'reset'].includes(kind)) return stage;
    const data = JSON.parse(fields.data);
    if (kind === 'hello') {
      if (data.issuer !== this.issuer) throw new Error("it is another issuer's");
      return 'behind';
    }
    if (stage === 'nameless') throw new Error('it does not say whose it is');
    if (kind === 'reset') {
      [this.#applied, this.#position, this.#freshAt] = [0, undefined, undefined];
      return 'behind';
    }
    const number = Number.parseInt(fields.id, 10);
    if (!Number.isSafeInteger(number)) throw new Error('an event has no number');
    // Once it was current no number may be missing: come back and ask for it.
    if (stage === 'current' && number > this.#applied + Number(kind === 'revocation')) throw new Error('an entry is missing');
    if (kind === 'revocation' && number > this.#applied) this.#apply(data);
    if (kind === 'current' || (kind === 'heartbeat' && stage === 'current')) {
      [stage, this.#pause] = ['current', 1_000];
      const now = Date.now() / 1000;
      if (Math.abs(now - data.at) <= recording && data.at > this.#newest) {
        [this.#newest, this.#freshAt] = [data.at, performance.now()];
      }
      for (const [name, { forgetAt }] of this.#ended) if (forgetAt <= now) this.#ended.delete(name);
    }
    if (kind !== 'heartbeat') this.#applied = this.#position = Math.max(number, this.#applied);
    if (stage === 'current') void this.#confirm();
    return stage;
  }

  #apply(entry: Record<string, unknown>): void {
    const named = cuts.flatMap((name) => ((entry[name] ?? []) as string[]).map((value) => [name, value] as const));
    const forgetAt = entry.forget_at;
    if (named.length === 0 || typeof forgetAt !== 'number') throw new Error('an entry cannot be read');
    for (const [name, value] of named) {
      const timely = (name === 'sub' || name === 'client_id') && typeof entry.issued_before === 'number';
      const kept = this.#ended.get(`${name} ${value}`) ?? { forgetAt: 0, issuedBefore: 0 };
      const issuedBefore = Math.max(kept.issuedBefore, timely ? (entry.issued_before as number) : Infinity);
      this.#ended.set(`${name} ${value}`, { forgetAt: Math.max(kept.forgetAt, forgetAt), issuedBefore });
    }
  }

  /** The newest number, one request at a time; what fails goes with the next heartbeat. */
  async #confirm(): Promise<void> {
    const applied = this.#applied;
    if (this.#confirming || this.#confirmed === applied) return;
    this.#confirming = true;
    const body = new URLSearchParams({ instance: this.#instance, applied: `${applied}` });
    const answer = await this.#request('/revocations/receipts', { method: 'POST', body }).catch(() => undefined);
    if (answer?.ok) this.#confirmed = applied;
    this.#confirming = false;
    if (answer?.ok && this.#applied !== applied) void this.#confirm();
  }
}
