"""What the black-box tests share: a running gateway, raw backends, raw clients, keys and tokens.

Nothing here knows the gateway's code. It starts the real binary, sends bytes, and keeps the bytes that arrived.
"""
