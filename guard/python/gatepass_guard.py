"""Verifies Gatepass's access tokens, and refuses those that have been ended meanwhile (../PROTOCOL.md)."""

import base64
import http.client
import json
import random
import secrets
import threading
import time
from urllib.parse import quote_plus, urlencode, urlsplit

import jwt

ALGORITHMS = ["ES256", "EdDSA", "RS256", "PS256"]
LEEWAY = 60  # seconds that clocks may lie apart; the feed keeps its entries as long
RECORDING = 30  # a server time further from ours is no word of the server
LARGEST = 1 << 20  # bytes of one line
# Which claim each member of an entry is compared with.
CUTS = ("jti", "grant_id", "sid", "sub", "client_id")


class Refused(Exception):
    """`status` is the HTTP status, `error` the code of RFC 6750 (None: the token may be good, try again later)."""

    def __init__(self, status, error, description):
        super().__init__(description)
        self.status, self.error = status, error


class Guard:
    """`silent_after`: seconds without a word of the feed after which every token is answered with 503."""

    def __init__(self, issuer, audience, client_id, secret, silent_after=10):
        self.issuer, self.audience, self.silent_after = issuer, audience, silent_after
        credential = f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()
        self._basic = "Basic " + base64.b64encode(credential).decode()
        self._instance = secrets.token_urlsafe(12)
        self._ended = {}  # (claim, value) -> (forget_at, issued_before)
        self._applied, self._position = 0, None
        self._fresh_at, self._newest = None, 0
        self._keys, self._keys_at, self._keys_lock = {}, -60.0, threading.Lock()
        self._news = threading.Event()
        self._fetch_keys()
        threading.Thread(target=self._follow, daemon=True).start()
        threading.Thread(target=self._send_receipts, daemon=True).start()

    def verify(self, token, scope=""):
        """The claims of a good token that has every scope of `scope`; raises Refused."""
        try:
            header = jwt.get_unverified_header(token)
            if str(header.get("typ")).lower() not in ("at+jwt", "application/at+jwt"):
                raise jwt.InvalidTokenError("it is no access token")
            key = self._key(header.get("kid"))
            if header["alg"] not in ALGORITHMS or key is None or key.algorithm_name != header["alg"]:
                raise jwt.InvalidTokenError("its key or algorithm is unknown")
            required = ["iss", "aud", "exp", "iat", "sub", "jti", "client_id"]
            claims = jwt.decode(token, key, [key.algorithm_name], {"require": required}, issuer=self.issuer,
                                audience=self.audience, leeway=LEEWAY)
        except jwt.PyJWTError as why:
            raise Refused(401, "invalid_token", str(why)) from None
        if "cnf" in claims or self._has_ended(claims):
            raise Refused(401, "invalid_token", "it was ended, or is bound to a key")
        if self.feed_age() is None or self.feed_age() > self.silent_after:
            raise Refused(503, None, "the revocation feed is silent")
        if not set(scope.split()) <= set(claims.get("scope", "").split()):
            raise Refused(403, "insufficient_scope", f"it has not the scope {scope}")
        return claims

    def feed_age(self):
        """Seconds since the server last said that everything was told; None: never."""
        return None if self._fresh_at is None else time.monotonic() - self._fresh_at

    def _has_ended(self, claims):
        cuts = (self._ended.get((name, claims.get(name))) for name in CUTS)
        return any(cut and claims["iat"] < cut[1] for cut in cuts)

    def _key(self, kid):
        with self._keys_lock:
            # Anybody can name a key that nobody has: the server is asked once in 10 seconds.
            if kid not in self._keys and time.monotonic() - self._keys_at > 10:
                self._fetch_keys()
            return self._keys.get(kid)

    def _fetch_keys(self):
        self._keys_at = time.monotonic()
        path = urlsplit(self.issuer).path.rstrip("/")
        metadata = json.loads(self._request("GET", f"/.well-known/oauth-authorization-server{path}").read(LARGEST))
        if metadata["issuer"] != self.issuer:
            raise ValueError(f"the server calls itself {metadata['issuer']}")
        jwks = json.loads(self._request("GET", urlsplit(metadata["jwks_uri"]).path).read(LARGEST))
        self._keys = {jwk["kid"]: jwt.PyJWK(jwk) for jwk in jwks["keys"] if jwk.get("alg") in ALGORITHMS}

    def _request(self, method, path, headers=None, form=None):
        """http.client follows no redirect: the credential goes nowhere else."""
        server = urlsplit(self.issuer)
        plain = server.scheme == "http" and server.hostname in ("127.0.0.1", "::1", "localhost")
        connection = http.client.HTTPConnection if plain else http.client.HTTPSConnection
        request = connection(server.hostname, server.port, timeout=6)
        body = None if form is None else urlencode(form)
        kind = {} if form is None else {"Content-Type": "application/x-www-form-urlencoded"}
        request.request(method, path, body, {**kind, **(headers or {})})
        answer = request.getresponse()
        if answer.status not in (200, 204):
            raise OSError(f"{path} answers {answer.status}")
        return answer

    def _authenticated(self, method, path, headers=None, form=None):
        path = urlsplit(self.issuer).path.rstrip("/") + path
        return self._request(method, path, {"Authorization": self._basic, **(headers or {})}, form)

    def _follow(self):
        self._pause = 1.0
        while True:
            try:
                self._read_feed()
            except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException) as why:
                print(f"the revocation feed was left: {why}", flush=True)
            time.sleep(random.uniform(self._pause / 4, self._pause))
            self._pause = min(self._pause * 2, 15.0)

    def _read_feed(self):
        position = {} if self._position is None else {"Last-Event-ID": str(self._position)}
        stream = self._authenticated("GET", f"/revocations?instance={self._instance}", position)
        event, stage = {}, "nameless"
        while line := stream.readline(LARGEST):
            name, _, value = line.decode().rstrip("\r\n").partition(":")
            if name:
                event[name] = value.removeprefix(" ")
            elif not line.strip():
                stage = self._hear(event, stage)
                event = {}

    def _hear(self, event, stage):
        kind, data = event.get("event"), json.loads(event.get("data", "{}"))
        if kind == "hello":
            if data["issuer"] != self.issuer:
                raise ValueError("it is another issuer's")
            return "behind"
        if kind not in ("revocation", "current", "heartbeat", "reset"):
            return stage
        if stage == "nameless":
            raise ValueError("it does not say whose it is")
        if kind == "reset":
            self._applied, self._position, self._fresh_at = 0, None, None
            return "behind"
        number = int(event["id"])
        # Once it was current no number may be missing: come back and ask for it.
        if stage == "current" and number > self._applied + (kind == "revocation"):
            raise ValueError("an entry is missing")
        if kind == "revocation" and number > self._applied:
            before, cuts = data.get("issued_before", float("inf")), [(n, v) for n in CUTS for v in data.get(n, [])]
            if not cuts or data["forget_at"] <= 0:
                raise ValueError("an entry cannot be read")
            for cut in cuts:
                kept = self._ended.get(cut, (0, 0))
                timely = before if cut[0] in ("sub", "client_id") else float("inf")
                self._ended[cut] = (max(kept[0], data["forget_at"]), max(kept[1], timely))
        elif kind == "current" or (kind == "heartbeat" and stage == "current"):
            stage, self._pause = "current", 1.0
            if abs(time.time() - data["at"]) <= RECORDING and data["at"] > self._newest:
                self._newest, self._fresh_at = data["at"], time.monotonic()
            self._ended = {cut: kept for cut, kept in self._ended.items() if kept[0] > time.time()}
        if kind != "heartbeat":
            self._applied = self._position = max(number, self._applied)
            if stage == "current":
                self._news.set()
        return stage

    def _send_receipts(self):
        while self._news.wait():
            self._news.clear()
            try:
                form = {"instance": self._instance, "applied": self._applied}
                self._authenticated("POST", "/revocations/receipts", form=form).read()
            except (OSError, http.client.HTTPException):
                time.sleep(1)
                self._news.set()
