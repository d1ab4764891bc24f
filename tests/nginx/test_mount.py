"""The host below a prefix: the two words that fcgi-host-location.conf marks."""

import json
import os

from lib.host import Host
from lib.nginx import Nginx


def test_handlers_see_the_path_below_the_prefix():
    """Breaks when: the prefix reaches the router, or is cut within a name."""
    with Host(handlers=["hello", "echo"]) as host:
        nginx = Nginx(host, start=False)
        path = os.path.join(nginx.conf, "fcgi-host-location.conf")
        with open(path) as file:
            text = file.read()
        changed = text.replace("location / {", "location /app/ {").replace(
            'SCRIPT_NAME "";', "SCRIPT_NAME /app;")
        with open(path, "w") as file:
            file.write(changed)
        nginx.start()
        with nginx:
            assert nginx.get("/app/hello").status == 200
            heard = json.loads(nginx.get("/app/echo?a=b").body)
            assert heard["path"] == "/echo"
            assert heard["params"]["SCRIPT_NAME"] == "/app"
            assert heard["params"]["REQUEST_URI"] == "/app/echo?a=b"
            assert nginx.get("/app/app/hello").status == 404
            # Not the host's: nginx has no such file.
            outside = nginx.get("/hello")
            assert outside.status == 404
            assert outside.header("X-Request-ID") is None
