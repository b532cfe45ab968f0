"""Desired state in PostgreSQL: two gateways on one database, changed at either, and on their own while it is down."""

import json
import pathlib
import tempfile
import threading
import unittest

from admin.client import ORDERS, POLICY, Client, quoted
from harness import client, jws
from harness.backend import Backend
from harness.database import PASSWORD, PostgreSql
from harness.gateway import Folder, Gateway, run
from operations.test_files import operator

POLICIES = f"/apis/{quoted('orders:1.0')}/policies"
FIXED = {"name": "Fixed", "clientIds": ["fixed"]}


def without_folder():
    """An operator's file that names no folder of API definitions."""
    written = operator()
    del written["apis"]
    return written


class SharedState(unittest.TestCase):
    """One database, two gateways."""

    @classmethod
    def setUpClass(cls):
        cls.database = PostgreSql()
        cls.addClassCleanup(cls.database.stop)
        cls.database.execute("GRANT CREATE ON DATABASE staff TO gateway")
        cls.backend = Backend()
        cls.addClassCleanup(cls.backend.close)
        cls.key = jws.Key("ES256", "idp-1")
        cls.files = {"idp.json": jws.jwks(cls.key), **cls.database.files()}
        cls.written = {**without_folder(), "applications": [FIXED], "state": cls.state()}
        cls.apis = {"orders": ORDERS.format(backend=cls.backend.url)}
        cls.first = cls.start(prepare=lambda gateway: cls.command(gateway, "push"))
        cls.second = cls.start()
        cls.gateways = (cls.first, cls.second)
        cls.clients = tuple(Client(gateway.admin) for gateway in cls.gateways)

    @classmethod
    def state(cls, **more):
        secret = {"password": {"file": "secrets/database"}, "ca": "tls/databases.pem"}
        return {"url": cls.database.url, **secret, **more}

    @classmethod
    def start(cls, **more):
        gateway = Gateway(cls.written, cls.apis, cls.files, **more)
        cls.addClassCleanup(gateway.stop)
        return gateway

    @classmethod
    def command(cls, gateway, name, *arguments, code=0):
        done = run("state", name, "--config", gateway.operator_file, *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def header(self, gateway, name="X-JWT-Assertion"):
        """A call's field at the backend."""
        fields = [("Authorization", f"Bearer {self.key.token(jws.claims())}")]
        response = client.request(gateway.plain, "GET", "/orders/items", fields)
        self.assertEqual(response.status, 200, response)
        return self.backend.last().value(name)

    def attach(self, asked, header, code=200):
        """Makes a policy for this header the only one."""
        wanted = {"api": {"request": [dict(POLICY, parameters={"header": header})]}, "note": f"for {header}"}
        answer = asked.change("PUT", POLICIES, wanted, asked.get(POLICIES).etag)
        self.assertEqual(answer.status, code, answer.text)
        return answer

    def wait_everywhere(self, header):
        for gateway in self.gateways:
            gateway.wait_until(lambda it=gateway: self.header(it, header), f"{header} is not live everywhere")

    def readiness(self, gateway):
        return json.loads(gateway.admin_get("/readyz")[1])["state"]

    def test_a_change_at_one_gateway_is_live_at_all_and_in_the_history_of_all(self):
        first, second = self.clients
        self.attach(first, "X-One")
        self.assertIsNotNone(self.header(self.first, "X-One"))
        self.wait_everywhere("X-One")
        self.assertEqual(first.get(POLICIES).etag, second.get(POLICIES).etag)
        [newest, *_] = second.get("/history").json["items"]
        self.assertEqual((newest["author"], newest["action"], newest["note"]), ("local operator", "policies changed", "for X-One"))
        self.assertEqual((newest["target"], newest["file"]), ("api orders:1.0", "orders.yaml"))
        self.assertIn("+        header: X-One\n", newest["diff"])
        self.assertGreater(newest["at"], 1_700_000_000)
        # An earlier state, had back at the other gateway.
        revisions = second.get(f"/apis/{quoted('orders:1.0')}/revisions").json["items"]
        self.attach(second, "X-Two")
        self.wait_everywhere("X-Two")
        path = f"/apis/{quoted('orders:1.0')}/revisions/{revisions[0]['n']}/restore"
        self.assertEqual(second.change("POST", path, {}, second.get(POLICIES).etag).status, 200)
        self.wait_everywhere("X-One")

    def test_nobodys_work_is_lost_whichever_gateway_they_ask(self):
        first, second = self.clients
        seen = second.get(POLICIES).etag
        changed = self.attach(first, "X-Seen")
        late = second.change("PUT", POLICIES, {"api": {"request": []}}, seen)
        self.assertEqual((late.status, late.etag), (412, changed.etag))
        lost = []

        def author(asked, header):
            while True:
                seen = asked.get(POLICIES)
                mine = dict(POLICY, parameters={"header": header})
                answer = asked.change("PUT", POLICIES, {"api": {"request": [*seen.json["api"]["request"], mine]}}, seen.etag)
                if answer.status != 412:
                    lost.extend([] if answer.status == 200 else [answer.text])
                    return

        names = [f"X-Author-{number}" for number in range(6)]
        threads = [threading.Thread(target=author, args=(self.clients[at % 2], name)) for at, name in enumerate(names)]
        [thread.start() for thread in threads]
        [thread.join(60) for thread in threads]
        self.assertEqual(lost, [])
        [self.wait_everywhere(name) for name in ("X-Seen", *names)]

    def test_what_would_break_anything_is_refused_and_what_is_new_is_for_all(self):
        first, second = self.clients
        before = self.readiness(self.first)["revision"]
        self.attach(first, "Content-Type", code=422)
        # Both would have the same path.
        double = self.apis["orders"].replace("name: orders ", "name: double ")
        self.assertEqual(second.ask("POST", "/apis", {"document": double}).status, 422)
        self.assertEqual(self.readiness(self.second)["revision"], before)
        other = double.replace("/orders", "/parcels")
        made = second.ask("POST", "/apis", {"document": other})
        self.assertEqual((made.status, made.json["file"]), (201, "double-1.0.yaml"), made.text)
        parcels = lambda: client.request(self.first.plain, "GET", "/parcels/items", []).status
        self.first.wait_until(lambda: parcels() == 401, "the new API does not answer")
        path = f"/apis/{quoted('double:1.0')}"
        self.assertEqual(first.change("DELETE", path, None, first.get(path).etag).status, 204)
        self.second.wait_until(lambda: second.get(path).status == 404, "the API is still there")

    def test_applications_are_shared_but_for_those_of_the_operators_file(self):
        first, second = self.clients
        names = lambda asked: [application["name"] for application in asked.get("/applications").json["items"]]
        made = first.ask("POST", "/applications", {"name": "Mobile", "clientIds": ["mobile"]})
        self.assertEqual(made.status, 201, made.text)
        key = first.ask("POST", "/api-keys", {"application": "Mobile"})
        self.assertEqual(key.status, 201, key.text)
        has_key = lambda: "apiKeys" in second.get("/applications/Mobile").json
        self.second.wait_until(has_key, "the application is not there")
        self.assertEqual(names(second), ["Fixed", "Mobile"])
        fixed = second.change("PUT", "/applications/Fixed", FIXED, "*")
        self.assertEqual((fixed.status, "operator's file" in fixed.json["detail"]), (409, True))
        gone = second.change("DELETE", "/applications/Mobile", None, "*")
        self.assertEqual(gone.status, 204, gone.text)
        self.first.wait_until(lambda: names(first) == ["Fixed"], "the application is still there")

    def test_a_folder_is_pulled_changed_and_pushed(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            self.command(self.first, "pull", folder)
            self.attach(self.clients[1], "X-Meanwhile")
            path = folder / "apis" / "orders.yaml"
            self.assertIn("pull it and repeat your changes", self.command(self.first, "push", folder, code=1))
            self.command(self.first, "pull", folder)
            path.write_text(path.read_text().replace("X-Meanwhile", "X-Pushed"))
            self.assertIn("+        header: X-Pushed\n", self.command(self.first, "push", folder, "--dry-run"))
            self.command(self.first, "push", folder)
            self.wait_everywhere("X-Pushed")
            newest = self.clients[0].get("/history").json["items"][0]
            self.assertEqual((newest["action"], newest["target"]), ("changed by state push", "api orders:1.0"))
            path.write_text(path.read_text().replace("X-Pushed", "Content-Type"))
            self.assertIn("Content-Type", self.command(self.first, "push", folder, code=1))
            path.rename(path.with_name("renamed.yaml"))
            self.assertIn("orders.yaml", self.command(self.first, "push", folder, code=1))
        # What stands in the database is checked like files.
        self.assertEqual(self.first.check()[0], 0)
        named = run("check", "--config", self.first.operator_file, "--format", "json").stdout
        self.assertIn("database:/apis/orders.yaml", named)

    def test_a_change_that_waits_too_long_is_refused_and_leaves_no_doubt(self):
        release = self.database.hold("LOCK TABLE countersign.revision IN EXCLUSIVE MODE")
        try:
            self.attach(self.clients[0], "X-Held", code=503)
            # It was only busy: that is found out without anybody asking again.
            self.first.wait_until(lambda: self.readiness(self.first)["isReachable"], "it is still in doubt")
        finally:
            release()
        self.attach(self.clients[0], "X-Free")
        self.wait_everywhere("X-Free")

    def test_gateways_go_on_without_the_database_and_follow_it_again(self):
        self.attach(self.clients[0], "X-Before")
        self.wait_everywhere("X-Before")
        self.database.kill()
        try:
            for gateway, asked in zip(self.gateways, self.clients):
                gateway.wait_until(lambda it=gateway: not self.readiness(it)["isReachable"], "nobody noticed")
                self.assertEqual(gateway.metric("countersign_state_reachable"), 0)
                self.assertIsNotNone(self.header(gateway, "X-Before"))
                self.assertEqual(asked.get("/apis").json["total"], 1)
                refused = self.attach(asked, "X-Never", code=503)
                self.assertEqual(refused.json["code"], "database_unavailable")
                self.assertIsNotNone(self.header(gateway, "X-Before"))
            self.assertIn("what runs goes on", self.first.log_text())
            self.assertNotIn(PASSWORD, self.first.log_text())
            started = run("serve", "--config", self.first.operator_file)
            self.assertEqual(started.returncode, 2)
            self.assertRegex(started.stderr, r"countersign\.yaml:\d+:\d+.*cannot read the API definitions in the database")
        finally:
            self.database.start()
        self.first.wait_until(lambda: self.readiness(self.first)["isReachable"], "it is not found again")
        # The other one may not listen yet: it reads what it has missed.
        self.attach(self.clients[0], "X-After")
        self.wait_everywhere("X-After")
        for gateway in self.gateways:
            gateway.wait_until(lambda it=gateway: it.metric("countersign_state_reachable") == 1, "it is not found again")
            self.assertEqual(json.loads(gateway.admin_get("/readyz")[1])["refusedConfiguration"]["isPending"], False)


class WrittenState(unittest.TestCase):
    """What `check` says of `state`."""

    def check(self, expected, state, **more):
        written = {**without_folder(), "state": state, **more}
        folder = Folder(written, {}, {"idp.json": jws.jwks(jws.Key("ES256", "idp-1"))})
        self.addCleanup(folder.remove)
        _, found = folder.check()
        self.assertTrue(any(expected in each["message"] for each in found), found)

    def test_mistakes_are_named(self):
        here = "postgres://gateway@127.0.0.1:1/state"
        self.check("must begin with `postgres://`", {"url": "mysql://gateway@127.0.0.1/state"})
        self.check("exclude one another", {"url": here}, apis={"directory": "apis/"})
        self.check("`url` holds the password", {"url": here.replace("gateway@", "gateway:pw@")}, apis={"directory": "apis/"})
        self.check("cannot read `", {"url": here, "ca": "nowhere.pem"})
        self.check("cannot read the API definitions in the database `127.0.0.1:1/state`", {"url": here, "tls": "off"})
