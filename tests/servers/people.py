"""A service of an organisation's own, for the tests of the HTTP call-out: people by name, in JSON.

    people.py PEOPLE KEY        prints its port; PEOPLE is a JSON object, name -> person; KEY goes into X-Api-Key

    GET  /people/NAME           the person, or 404
    GET  /people?name=NAME      {"results": [...]}
    POST /search                {"query": {"name": NAME}} -> {"results": [...]}
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

file, key = sys.argv[1:]
with open(file, encoding="utf-8") as text:
    people = json.load(text)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def results(self, name):
        self.answer(200, {"results": [people[name]] if name in people else []})

    def handle_one(self, body):
        url = urlsplit(self.path)
        if self.headers.get("X-Api-Key") != key:
            return self.answer(401, {"error": "who are you?"})
        if self.command == "POST" and url.path == "/search":
            return self.results(json.loads(body)["query"]["name"])
        if url.path == "/people":
            return self.results(parse_qs(url.query, keep_blank_values=True)["name"][0])
        prefix, _, name = url.path.rpartition("/")
        if prefix == "/people" and unquote(name) in people:
            return self.answer(200, people[unquote(name)])
        return self.answer(404, {"error": "nobody"})

    def do_GET(self):
        self.handle_one(b"")

    def do_POST(self):
        self.handle_one(self.rfile.read(int(self.headers["Content-Length"])))


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
