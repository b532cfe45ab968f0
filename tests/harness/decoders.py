"""What three kinds of backend would see as identity in the fields that reached a raw backend.

Each collapses names in its own way (CGI upper-cases and turns `-` into `_`; PHP also `.` and space; Node joins repeats).
"""


def wsgi(fields):
    """The WSGI environ: the last of equal names wins or is joined with a comma, as common servers do."""
    environ = {}
    for name, value in fields:
        key = "HTTP_" + name.upper().replace("-", "_")
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def php(fields):
    """PHP's $_SERVER under FastCGI: later wins."""
    server = {}
    for name, value in fields:
        key = "HTTP_" + "".join(c if c.isalnum() else "_" for c in name.upper())
        server[key] = value
    return server


def node(fields):
    """Node's request.headers: lower case, repeats joined."""
    headers = {}
    for name, value in fields:
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def identities(fields, header):
    """Every value that one of the three would take for `header`."""
    cgi = "HTTP_" + header.upper().replace("-", "_")
    seen = [wsgi(fields).get(cgi), php(fields).get(cgi), node(fields).get(header.lower())]
    return [value for value in seen if value is not None]
