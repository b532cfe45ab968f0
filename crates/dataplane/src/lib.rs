//! Enforcement points over the gateway's decisions: the proxy, JWKS and discovery, the admin listener.
