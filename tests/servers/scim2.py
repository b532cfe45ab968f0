"""A SCIM 2.0 service for the tests: scim2-server, in memory, with the users of a file of JSON lines.

    scim2.py USERS PORT TOKEN...     prints its port (PORT, or a free one for 0); any of the tokens is accepted; ends when its
                                     input does

Users are taken as they stand, `id` and `groups` included. The schema `urn:countersign:test:2.0:User` gives them what
the standard's schemas do not have: an integer, `employeeNumber`, and a name that is compared exactly, `login`.
"""

import datetime
import json
import sys
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

from scim2_models import Meta, ResourceType, Schema, ScimProvider
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.testserver.cli import ThreadingWSGIServer
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)

EXTENSION = "urn:countersign:test:2.0:User"


class Quiet(WSGIRequestHandler):
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass


def provider():
    extension = Schema.model_validate({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": EXTENSION,
        "name": "TestUser",
        "attributes": [
            {"name": "employeeNumber", "type": "integer", "multiValued": False, "required": False},
            {"name": "login", "type": "string", "multiValued": False, "required": False, "caseExact": True},
        ],
    })
    types = [json.loads(kind.model_dump_json()) for kind in load_default_resource_types().values()]
    for kind in types:
        if kind["name"] == "User":
            kind.setdefault("schemaExtensions", []).append({"schema": EXTENSION, "required": False})
    types = [ResourceType.model_validate(kind) for kind in types]
    schemas = [*load_default_schemas().values(), extension]
    return ScimProvider.from_discovery(schemas, types, config=load_default_service_provider_config())


def load(storage, provider, lines):
    model = provider.model_for_endpoint("/Users")
    now = datetime.datetime.now(datetime.UTC)
    users = []
    for line in lines:
        user = model.model_validate(json.loads(line))
        user.meta = Meta(resource_type="User", created=now, last_modified=now, version=storage.next_version())
        users.append(user)
    storage.resources = users


def main():
    file, port, *tokens = sys.argv[1:]
    described, storage = provider(), InMemoryStorage()
    with open(file, encoding="utf-8") as lines:
        load(storage, described, lines)
    service = ScimService(described, secret="for cursors")
    application = BearerTokenApplication(storage, described, service=service, bearer_tokens=tokens)
    server = make_server("127.0.0.1", int(port), application, ThreadingWSGIServer, Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


main()
