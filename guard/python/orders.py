"""An API that verifies by itself: ISSUER, AUDIENCE, CLIENT_ID and CLIENT_SECRET come from the environment."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gatepass_guard import Guard, Refused

guard = Guard(*(os.environ[name] for name in ("ISSUER", "AUDIENCE", "CLIENT_ID", "CLIENT_SECRET")))


class Orders(BaseHTTPRequestHandler):
    def do_GET(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise Refused(401, None, "there is no access token")
            self.answer(200, {}, {"customer": guard.verify(token, os.environ.get("SCOPE", ""))["sub"]})
        except Refused as why:
            challenge = f'Bearer error="{why.error}"' if why.error else "Bearer"
            header = {"Retry-After": "2"} if why.status == 503 else {"WWW-Authenticate": challenge}
            self.answer(why.status, header, {"error": why.error, "error_description": str(why)})

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Orders)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
