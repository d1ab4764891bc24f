"""`fcgi-host doctor`: beside a real nginx, as shipped and with mistakes."""

import json
import os
import re
import subprocess

from lib.host import Host
from lib.nginx import NGINX, Nginx


def print_config(nginx):
    """What nginx -T prints; the name of a file with it."""
    name = os.path.join(nginx.folder, "printed")
    with open(name, "w") as file:
        subprocess.run([NGINX, "-T", "-p", nginx.conf, "-c", os.path.join(
            nginx.conf, "nginx.conf")], stdout=file,
            stderr=subprocess.DEVNULL, check=True)
    return name


def findings(host, *arguments):
    done = host.command("doctor", "--json", *arguments)
    document = json.loads(done.stdout)
    grades = {one["grade"] for one in document["findings"]}
    assert done.returncode == (2 if "error" in grades else
                               1 if "warning" in grades else 0)
    assert document["checks"] >= 5
    return {one["about"]: one for one in document["findings"]}


def of_nginx(found):
    return {name for name in found if name.startswith(
        ("fastcgi_", "client_", "keepalive_", "nginx"))}


def change(nginx, name, pattern, text):
    path = os.path.join(nginx.conf, name)
    with open(path) as file:
        old = file.read()
    new, count = re.subn(pattern, text, old)
    assert count, "nothing to change in %s" % name
    with open(path, "w") as file:
        file.write(new)


def test_as_shipped_and_with_mistakes():
    """Breaks when: the configuration that is shipped has findings, or a limit
    of nginx's that is less than the host's has none."""
    with Host(handlers=["hello"]) as host, Nginx(host, start=False) as nginx:
        found = findings(host, "--nginx", print_config(nginx))
        assert of_nginx(found) == set(), found
        change(nginx, "fcgi-host-location.conf",
               r"(?m)^\tclient_max_body_size .*", "\tclient_max_body_size 1k;")
        change(nginx, "fcgi-host-location.conf",
               r"(?m)^\tfastcgi_read_timeout .*", "")
        found = findings(host, "--nginx", print_config(nginx))
        assert of_nginx(found) == {"client_max_body_size",
                                   "fastcgi_read_timeout"}
        assert found["client_max_body_size"]["what"].startswith("location ")
        assert "nginx -s reload" in found["client_max_body_size"]["mend"]
        done = host.command("doctor", "--nginx", print_config(nginx))
        assert done.returncode == 2
        assert re.match(r"error: .*\n    .*\n    \$ ", done.stdout)


def test_without_nginx_and_without_a_host():
    """Breaks when: doctor needs a host that runs, or an nginx; or what a killed
    host left is not seen."""
    with Host(handlers=["hello"]) as host:
        empty = host.write("empty", "")
        found = findings(host, "--nginx", empty)
        assert "nginx" in found and "socket" not in found
        os.chmod(host.dropped, 0o777)
        host.process.kill()
        host.process.wait()
        host.wait_gone()
        found = findings(host, "--nginx", empty)
        assert found["handlers"]["grade"] == "error"
        assert found["socket"]["grade"] == "note"
        host.start()
