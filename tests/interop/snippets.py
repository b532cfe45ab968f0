"""The examples of docs/verify.md, taken from the page itself, and a Node process that runs two of them."""

import json
import os
import pathlib
import re
import subprocess
import types

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parents[1] / "docs/verify.md"


def snippet(name):
    """The fenced block after `<!-- run: name -->`."""
    pattern = rf"<!-- run: {name} -->\n```\w+\n(.*?)^```$"
    found = re.findall(pattern, PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(found) == 1, f"docs/verify.md has {len(found)} examples called {name}"
    return found[0]


def python_snippet(issuer, audience, algorithms):
    """The Python example as a module, configured as a service would configure it."""
    os.environ.update(ISSUER=issuer, AUDIENCE=audience, ALGORITHMS=" ".join(algorithms))
    module = types.ModuleType("verify_example")
    exec(compile(snippet("python"), str(PAGE), "exec"), module.__dict__)  # the page's own text
    return module


def without_token_place(express):
    """The express-jwt example as the page has it for the no-code way: `getToken` is left out."""
    changed, count = re.subn(r"^ *getToken: .*\n", "", express, flags=re.MULTILINE)
    assert count == 1, f"the example has {count} lines with `getToken`"
    return changed


class NodeBackend:
    """A Node process with the page's jose and express-jwt examples, asked line by line."""

    def __init__(self, issuer, audience, algorithms):
        folder = HERE / "node_modules/.snippets"
        folder.mkdir(exist_ok=True)
        (folder / "jose.mjs").write_text(snippet("jose"), encoding="utf-8")
        (folder / "express.mjs").write_text(snippet("express"), encoding="utf-8")
        (folder / "express-nocode.mjs").write_text(without_token_place(snippet("express")), encoding="utf-8")
        environment = dict(os.environ, ISSUER=issuer, AUDIENCE=audience, ALGORITHMS=" ".join(algorithms))
        self.process = subprocess.Popen(
            ["node", str(HERE / "backend.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def ask(self, library, token):
        """{"claims": …} when the library accepts the token, {"error": …} when it does not."""
        self.process.stdin.write(json.dumps({"library": library, "token": token}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the Node backend ended"
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
