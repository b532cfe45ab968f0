"""The fixture of docs/security.md behind Envoy: clients call Envoy, which asks the gateway and forwards the call itself."""

import atexit
import functools

from attacks.base import Attack
from attacks.world import RESERVED, World
from harness import ports
from harness.envoy import HTTP2, Envoy, cluster, route

# Which base goes where, as Envoy's routes say it; the gateway's endpoints are not used.
REWRITTEN = {"orders": "orders", "open": "open", "opt": "opt", "apia": "a", "apib": "b", "narrow": "narrow", "live": "live"}


class EnvoyWorld(World):
    """As its parent; `gateway.plain` and `gateway.secure` are Envoy's addresses."""

    def __init__(self, change=None):
        self.port = ports.lease()
        super().__init__(change)
        routes = [
            route({"path_separated_prefix": base + version}, cluster="backend", prefix_rewrite=f"/{service}-svc")
            for base, service in ((f"/{base}", service) for base, service in REWRITTEN.items())
            for version in ("/1.0", "")
        ]
        routes += [route({"prefix": "/grpc.shop."}, cluster="grpc"), route({"prefix": "/"}, cluster="backend")]
        backends = [
            cluster("backend", self.backend.port),
            cluster("grpc", self.grpc_backend.port, typed_extension_protocol_options=HTTP2),
        ]
        self.envoy = Envoy([self.port], routes, backends, self.gateway.path / "tls", RESERVED)
        self.direct = (self.gateway.plain, self.gateway.secure)
        self.gateway.plain, self.gateway.secure = self.envoy.plain, self.envoy.secure

    def operator(self):
        return super().operator() | {"envoy": {"address": f"127.0.0.1:{self.port}"}}

    def stop(self):
        self.envoy.stop()
        self.gateway.plain, self.gateway.secure = self.direct
        super().stop()
        ports.give_back(self.port)


@functools.cache
def world():
    """The one world, started when the first test needs it and stopped with the process."""
    made = EnvoyWorld()
    atexit.register(made.stop)
    return made


class ThroughEnvoy(Attack):
    """Runs the rows of the class beside it through Envoy."""

    make_world = EnvoyWorld
    the_world = staticmethod(world)
