"""The OpenID provider of tests/servers/openid.mjs, and a server that answers what it is told to."""

import base64
import http.client
import http.server
import json
import pathlib
import subprocess
import threading
import urllib.parse

SERVERS = pathlib.Path(__file__).resolve().parents[1] / "servers"
SECRET = "gateway:secret/with+signs"


class Provider:
    """A running provider. `issuer` is its address; `people`, a JSON file, has the claims of each user."""

    def __init__(self, people=None):
        command = ["node", str(SERVERS / "openid.mjs"), *([str(people)] if people else [])]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        line = self.process.stdout.readline()
        assert line, "the OpenID provider did not start: run `tests/prepare node`"
        self.port = int(line)
        self.issuer = f"http://127.0.0.1:{self.port}"

    def do(self, what, **more):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("POST", "/_test", json.dumps(dict(more, do=what)))
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert answer.status == 200, text
        return json.loads(text)

    def token(self, user="alice", **more):
        asked = dict({"scope": "orders:read", "audience": "urn:orders"}, **more)
        return self.do("token", user=user, **asked)["token"]

    def introspections(self):
        return self.do("count").get("/token/introspection", 0)

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()


class Canaille:
    """The provider of tests/servers/iam.py: Canaille, which shares no code with the other one."""

    def __init__(self):
        python = SERVERS.parent / ".venv" / "bin" / "python"
        self.process = subprocess.Popen(
            [str(python), str(SERVERS / "iam.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        line = self.process.stdout.readline()
        assert line, "Canaille did not start: run `tests/prepare python`"
        port, said = line.split(" ", 1)
        self.port, self.tokens = int(port), json.loads(said)["tokens"]
        self.issuer = f"http://localhost:{self.port}"

    def revoke(self, token):
        """Ends a token, as its client asks for (RFC 7009)."""
        connection = http.client.HTTPConnection("localhost", self.port, timeout=30)
        basic = base64.b64encode(b"plain:secret").decode("ascii")
        fields = {"Authorization": "Basic " + basic, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/oauth/revoke", urllib.parse.urlencode({"token": token}), fields)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert answer.status == 200, text

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=10)

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()


class Answering:
    """An HTTP server that gives one answer to everybody and keeps what it was asked."""

    def __init__(self, status=200, body=b"", content_type="application/json", headers=()):
        self.answer = (status, body, content_type, headers)
        self.asked = []
        # Called between the question and its answer.
        self.meanwhile = lambda: None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                length = int(self.headers.get("Content-Length") or 0)
                fields = {name.lower(): value for name, value in self.headers.items()}
                outer.asked.append((self.path, fields, self.rfile.read(length)))
                status, body, content_type, headers = outer.answer
                outer.meanwhile()
                body = json.dumps(body).encode() if isinstance(body, dict) else body
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
