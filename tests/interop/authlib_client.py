"""Authlib (PyPI) as a Flask app, as a session of its own and as a machine; authlib.test.mjs says which and starts it."""

import json
import os
import sys
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

# Authlib refuses plain http otherwise; everything here stays on 127.0.0.1.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.discovery import OpenIDProviderMetadata
from flask import Flask, session, url_for
from joserfc import jwt
from joserfc.jwk import KeySet


class Form(HTMLParser):
    """The one form of a page that has the wanted button: its action, and what a browser would send."""

    def __init__(self, page, button):
        super().__init__()
        self.action, self.fields, self.button = page.url, {}, None
        self.found, self.open, self.ids = False, False, set()
        self.wanted = button
        self.feed(page.text)

    def handle_starttag(self, tag, attributes):
        has = dict(attributes)
        self.ids.add(has.get("id"))
        if tag == "form" and not self.found:
            self.open, self.action, self.fields = True, has.get("action"), {}
        elif self.open and tag in ("input", "button"):
            kind = has.get("type", "submit" if tag == "button" else "text")
            if has.get("id") == self.wanted:
                self.found, self.button = True, has
            elif kind != "submit" and (kind != "checkbox" or "checked" in has) and has.get("name"):
                self.fields[has["name"]] = has.get("value", "")

    def handle_endtag(self, tag):
        if tag == "form":
            self.open = False


class Person:
    """Someone with a browser: signs in on the pages, by the element ids that they promise."""

    def __init__(self, facts):
        self.facts = facts
        self.browser = requests.Session()
        self.browser.headers["Accept-Language"] = "en"

    def go(self, method, url, callback, **sent):
        """Follows redirects until one leads to the app; returns that address, or the page where it ended."""
        answer = self.browser.request(method, url, allow_redirects=False, timeout=20, **sent)
        while answer.is_redirect:
            url = urljoin(answer.url, answer.headers["Location"])
            if url.startswith(callback):
                return url
            answer = self.browser.get(url, allow_redirects=False, timeout=20)
        return answer

    def press(self, page, button, callback, **fill):
        form = Form(page, button)
        assert form.found, f"no button #{button} on {page.url}: {page.text[:2000]}"
        sent = {**form.fields, **fill}
        if form.button.get("name"):
            sent[form.button["name"]] = form.button.get("value", "")
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
        return self.go("POST", urljoin(page.url, form.action), callback, data=sent, headers={"Origin": origin})

    def sign_in(self, url, callback):
        at = self.go("GET", url, callback)
        for _ in range(5):
            if isinstance(at, str):
                return at
            ids = Form(at, None).ids
            if "consent-allow" in ids:
                at = self.press(at, "consent-allow", callback)
            elif "username" in ids:
                credentials = {name: self.facts[name] for name in ("username", "password")}
                at = self.press(at, "sign-in", callback, **credentials)
            else:
                break
        raise AssertionError(f"the sign-in ended at {at.status_code} {at.url}: {at.text[:2000]}")


def metadata_of(facts):
    url = facts["issuer"] + "/.well-known/openid-configuration"
    return OpenIDProviderMetadata(requests.get(url, timeout=20).json())


def flask_app(facts):
    """The way most people use Authlib: a registry that finds everything by the metadata URL."""
    app = Flask(__name__)
    app.secret_key = "only for this test"
    registry = OAuth(app)
    registry.register(
        "gatepass",
        client_id=facts["client_id"],
        client_secret=facts["client_secret"],
        server_metadata_url=facts["issuer"] + "/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
    )

    @app.get("/login")
    def login():
        return registry.gatepass.authorize_redirect(url_for("callback", _external=True))

    @app.get("/callback")
    def callback():
        # Checks state, redeems the code with the verifier, and the ID Token's signature, iss, aud, exp and nonce.
        token = registry.gatepass.authorize_access_token()
        session["sub"] = token["userinfo"]["sub"]
        return registry.gatepass.userinfo(token=token)

    browser, base = app.test_client(), "http://127.0.0.1:8402"
    start = browser.get("/login", base_url=base)
    back = Person(facts).sign_in(start.location, base + "/callback")
    answer = browser.get(back, base_url=base)
    assert answer.status_code == 200, answer.text
    assert answer.json["sub"] and answer.json["email"], answer.json
    with browser.session_transaction(base_url=base) as kept:
        assert kept["sub"] == answer.json["sub"]


def oauth_session(facts):
    """The lower level: code, ID Token by the published keys, UserInfo, two refreshes, introspection, revocation."""
    metadata, callback = metadata_of(facts), "http://127.0.0.1:8402/callback"
    metadata.validate_response_types_supported()
    metadata.validate_subject_types_supported()
    metadata.validate_id_token_signing_alg_values_supported()
    session_ = OAuth2Session(
        facts["client_id"],
        facts["client_secret"],
        scope="openid profile email",
        redirect_uri=callback,
        token_endpoint_auth_method=facts["auth_method"],
        revocation_endpoint_auth_method=facts["auth_method"],
        introspection_endpoint_auth_method=facts["auth_method"],
        code_challenge_method="S256",
        token_endpoint=metadata["token_endpoint"],
    )
    verifier = "v" * 20 + os.urandom(20).hex()
    url, state = session_.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce="a nonce")
    back = Person(facts).sign_in(url, callback)
    assert parse_qs(urlsplit(back).query)["iss"] == [facts["issuer"]]
    token = session_.fetch_token(authorization_response=back, state=state, code_verifier=verifier)

    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=20).json())
    read = jwt.decode(token["id_token"], keys, algorithms=metadata["id_token_signing_alg_values_supported"])
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": facts["issuer"]},
        aud={"essential": True, "value": facts["client_id"]},
        nonce={"essential": True, "value": "a nonce"},
        exp={"essential": True},
    ).validate(read.claims)

    person = session_.get(metadata["userinfo_endpoint"]).json()
    assert person["sub"] == read.claims["sub"]
    second = session_.refresh_token(metadata["token_endpoint"])
    third = session_.refresh_token(metadata["token_endpoint"])
    if facts["auth_method"] == "none":
        # RFC 7662 §2.1: asking about a token takes credentials, and this client has none.
        assert len({token["refresh_token"], second["refresh_token"], third["refresh_token"]}) == 3
    else:
        asked = session_.introspect_token(metadata["introspection_endpoint"], token=third["access_token"])
        assert asked.json()["active"] is True, asked.text
    gone = session_.revoke_token(metadata["revocation_endpoint"], token=third["refresh_token"])
    assert gone.status_code == 200, gone.text
    try:
        session_.refresh_token(metadata["token_endpoint"], refresh_token=third["refresh_token"])
    except OAuthError as refused:
        assert refused.error == "invalid_grant", refused
    else:
        raise AssertionError("a revoked refresh token was taken")


def machine(facts):
    """client_credentials, and the token on the Authorization header of a request."""
    metadata = metadata_of(facts)
    session_ = OAuth2Session(facts["client_id"], facts["client_secret"], scope="api", token_endpoint=metadata["token_endpoint"])
    token = session_.fetch_token(grant_type="client_credentials")
    assert token["token_type"].lower() == "bearer" and "refresh_token" not in token
    refused = session_.get(metadata["userinfo_endpoint"])
    assert refused.status_code in (401, 403), "a machine's token tells of no person"


if __name__ == "__main__":
    {"flask_app": flask_app, "oauth_session": oauth_session, "machine": machine}[sys.argv[1]](json.load(sys.stdin))
