#!/usr/bin/env python3
"""Sets up a glewlwyd with one client in $SCRATCH (`glewlwyd.py prepare`), or runs it (`glewlwyd.py serve`)."""

import http.cookiejar
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

scratch = Path(os.environ["SCRATCH"])
configuration, database = scratch / "glewlwyd.conf", scratch / "glewlwyd.db"
address = "http://127.0.0.1:18084"
command = ["/usr/bin/glewlwyd", "--config-file", str(configuration)]


def configure():
    text = Path("/etc/glewlwyd/glewlwyd.conf").read_text()
    text = re.sub(r"(?m)^port=.*$", "port=18084\nbind_address=\"127.0.0.1\"", text)
    text = re.sub(r"(?m)^external_url=.*$", f'external_url="{address}/"', text)
    text = re.sub(r"(?m)^log_mode=.*$", 'log_mode="console"', text)
    text = re.sub(r"(?m)^log_level=.*$", 'log_level="ERROR"', text)
    text = re.sub(r"(?m)^@include.*$", f'database = {{ type = "sqlite3"; path = "{database}"; }};', text)
    configuration.write_text(text)
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3").read_text())


def set_up(call):
    key = subprocess.run(["openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout"], check=True, capture_output=True).stdout
    public = subprocess.run(["openssl", "ec", "-pubout"], input=key, check=True, capture_output=True).stdout
    call("POST", "/api/auth/", {"username": "admin", "password": "password"})
    call("POST", "/api/mod/plugin/", {
        "module": "oidc", "name": "oidc", "display_name": "OIDC", "order_rank": 0,
        "parameters": {
            "iss": f"{address}/api/oidc", "jwt-type": "ecdsa", "jwt-key-size": "256", "key": key.decode(), "cert": public.decode(),
            "access-token-duration": 600, "refresh-token-duration": 1209600, "code-duration": 60, "refresh-token-rolling": True,
            "refresh-token-one-use": "always", "allow-non-oidc": True, "auth-type-code-enabled": True, "auth-type-code-revoke-replayed": True,
            "auth-type-token-enabled": False, "auth-type-implicit-enabled": False, "auth-type-password-enabled": False,
            "auth-type-client-enabled": True, "auth-type-device-enabled": False, "auth-type-refresh-enabled": True, "auth-type-none-enabled": False,
            "pkce-allowed": True, "pkce-method-plain-allowed": False, "introspection-revocation-allowed": True,
            "introspection-revocation-allow-target-client": True, "subject-type": "public", "scope": [], "additional-parameters": [],
            "name-claim": "on-demand", "email-claim": "on-demand", "scope-claim": "no", "claims": [],
        },
    })
    call("POST", "/api/client/", {
        "client_id": "load", "password": "a-secret-of-the-load-driver-0123456789", "name": "Load", "enabled": True, "confidential": True,
        "client_secret": "a-secret-of-the-load-driver-0123456789", "scope": ["openid"], "redirect_uri": ["https://app.example/callback"],
        "authorization_type": ["code", "refresh_token", "client_credentials"], "token_endpoint_auth_method": ["client_secret_basic"],
    })
    call("POST", "/api/user/", {"username": "load", "password": "a-password-of-the-load-driver", "name": "Load", "enabled": True, "scope": ["openid", "g_profile"]})
    call("DELETE", "/api/auth/")
    call("POST", "/api/auth/", {"username": "load", "password": "a-password-of-the-load-driver"})
    call("PUT", "/api/auth/grant/load", {"scope": "openid"})


def prepare():
    configure()
    server = subprocess.Popen(command)
    jar = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def call(method, path, body=None):
        request = urllib.request.Request(address + path, method=method, headers={"Content-Type": "application/json"})
        with jar.open(request, data=json.dumps(body).encode() if body else None, timeout=5) as answer:
            return answer.read()

    try:
        for _ in range(200):
            try:
                call("GET", "/config")
                break
            except OSError:
                time.sleep(0.05)
        set_up(call)
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.url} answered {error.code}: {error.read().decode()}")
    finally:
        server.terminate()
        server.wait()


if sys.argv[1] == "prepare":
    prepare()
else:
    os.execv(command[0], command)
