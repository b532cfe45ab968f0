"""User stores behind the running gateway: real servers, real requests."""
