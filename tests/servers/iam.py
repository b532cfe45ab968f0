"""An OpenID provider for the tests: Canaille, as pytest-iam starts it, with one user and three clients.

    iam.py      prints its port and, in JSON, the user's `sub` and access tokens by client; ends when its input does

The client `plain` gets JSON from UserInfo, the client `signing` a JWT. The client `gateway` may ask about the tokens
`introspected` and `ended` of the client `plain`. Everybody's secret is `secret`.
"""

import datetime
import json
import os
import sys
import threading
import uuid

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import portpicker
from canaille import create_app
from canaille.backends import Backend
from joserfc.jwk import JWKRegistry
from pytest_iam import Server

port = portpicker.pick_unused_port()
key = JWKRegistry.generate_key("RSA", 2048)
key.ensure_kid()
app = create_app(
    config={
        "TESTING": True,
        "ENV_FILE": None,
        "SECRET_KEY": str(uuid.uuid4()),
        "PREFERRED_URL_SCHEME": "http",
        "SERVER_NAME": f"localhost:{port}",
        "CANAILLE": {
            "DATABASE": "memory",
            "ACL": {"DEFAULT": {"PERMISSIONS": ["use_oidc"]}},
            "LOGGING": {"version": 1, "handlers": {}, "loggers": {}},
        },
        "CANAILLE_OIDC": {"ACTIVE_JWKS": [key.as_dict(private=True)]},
    },
    env_file=".none",
    env_prefix="NONE_",
)
server = Server(app, port, Backend.instance)
with app.app_context():
    user = server.models.User(
        user_name="alice", family_name="Liddell", given_name="Alice", formatted_name="Alice Liddell",
        emails=["alice@example.com"],
    )
    server.backend.save(user)
    group = server.models.Group(display_name="staff", members=[user])
    server.backend.save(group)

    def client(client_id, **more):
        client = server.models.Client(
            client_id=client_id, client_name=client_id, client_secret="secret", scope=["openid", "profile", "email", "groups"],
            grant_types=["authorization_code"], response_types=["code"], redirect_uris=["http://localhost/"], **more,
        )
        server.backend.save(client)
        return client

    def token(client, **more):
        return server.random_token(user, client, **more).access_token

    plain, gateway = client("plain"), client("gateway")
    long_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    tokens = {
        "plain": token(plain),
        "signing": token(client("signing", userinfo_signed_response_alg="RS256")),
        "introspected": token(plain, audience=[plain, gateway]),
        "ended": token(plain, audience=[plain, gateway], issue_date=long_ago),
    }

threading.Thread(target=server.httpd.serve_forever, daemon=True).start()
print(port, json.dumps({"sub": "alice", "tokens": tokens}), flush=True)
sys.stdin.read()
