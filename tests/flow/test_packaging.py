"""What is shipped for systems and containers, as their own tools see it.  The
packages themselves: tests/packages."""

import json
import os
import re
import shutil
import subprocess

import pytest

from lib import npm
from lib.host import BINARY, SOURCE
from lib.installed import PREFIX, install

DOCKER = os.path.join(SOURCE, "packaging", "docker")


def read(*names):
    with open(os.path.join(SOURCE, *names)) as file:
        return file.read()


def need(program):
    found = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin")
    if found is None:
        pytest.skip("%s is not installed" % program)
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return install(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def files():
    return {"dockerfile": read("packaging", "docker", "Dockerfile"),
            "compose": read("packaging", "docker", "compose.yaml"),
            "yaml": read("packaging", "kubernetes.yaml")}


@pytest.fixture(scope="module")
def said(files):
    return npm.run("packaging.mjs", files)


# ------------------------------------------------------------- containers

def test_the_docker_files_have_no_faults(said):
    """Breaks when: Docker or Compose would refuse one, or warn."""
    assert said["dockerfile"] == []
    assert said["compose"] == []


def test_faults_would_be_seen(files):
    """Breaks when: the tools look at nothing."""
    wrong = npm.run("packaging.mjs", {
        **files,
        "dockerfile": files["dockerfile"].replace("USER 990:33", "USR 990"),
        "compose": files["compose"].replace("restart:", "restrt:")})
    assert any("USR" in one for one in wrong["dockerfile"])
    assert any("additional properties" in one for one in wrong["compose"])


def test_compose_names_what_there_is(said, files):
    """Breaks when: a file, a folder or a stage is renamed."""
    stages = re.findall(r"^FROM \S+ AS (\w+)$", files["dockerfile"], re.M)
    host = said["service"]["services"]["host"]
    assert host["build"]["target"] in stages
    context = os.path.join(DOCKER, host["build"]["context"])
    assert os.path.samefile(
        os.path.join(context, host["build"]["dockerfile"]),
        os.path.join(DOCKER, "Dockerfile"))
    bound = [volume.split(":")[0]
             for service in said["service"]["services"].values()
             for volume in service["volumes"] if volume.startswith(".")]
    assert len(bound) == 2
    for path in bound:
        assert os.path.exists(os.path.join(DOCKER, path)), path
    for stage in re.findall(r"from=(\w+)|^FROM (\w+) AS", files["dockerfile"],
                            re.M):
        assert "".join(stage) in stages


def test_the_configurations_are_valid(said, tmp_path):
    """Breaks when: an option is renamed."""
    pod = tmp_path / "pod.conf"
    pod.write_text(said["documents"][0]["data"]["fcgi-host.conf"])
    for path in ("packaging/docker/fcgi-host.conf", "debian/examples.conf",
                 pod):
        done = subprocess.run([BINARY, "nginx", "--no-handlers", "-c",
                               os.path.join(SOURCE, path)], text=True,
                              capture_output=True)
        assert (done.returncode, done.stderr) == (0, ""), path


def pod(said):
    return next(one["spec"]["template"]["spec"] for one in said["documents"]
                if one["kind"] == "Deployment")


def test_the_pod_fits_the_image(said, files):
    """Breaks when: user, group or folders differ between the Dockerfile and
    the pod, or the pod is killed before the host has drained."""
    spec = pod(said)
    user = re.search(r"--uid (\d+) .*fcgi-host", files["dockerfile"].replace(
        "\\\n", ""))[1]
    group = re.findall(r"^USER (\d+):(\d+)$", files["dockerfile"], re.M)
    assert group and set(group) == {(user, "33")}
    context = spec["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"],
            context["fsGroup"]) == (int(user), 33, 33)
    host, nginx = spec["containers"]
    mounts = {one["mountPath"] for one in host["volumeMounts"]}
    assert {"/run/fcgi-host", "/var/lib/fcgi-host", "/etc/fcgi-host"} <= \
        mounts
    names = {one["name"] for one in spec["volumes"]}
    assert {one["name"] for c in (host, nginx)
            for one in c["volumeMounts"]} == names
    text = said["documents"][0]["data"]["fcgi-host.conf"]
    delay = int(re.search(r'^stop_delay = "(\d+)s"$', text, re.M)[1])
    assert delay > int(nginx["lifecycle"]["preStop"]["exec"]["command"][1])
    drain = re.search(r"^# drain_timeout = \"(\d+)s\"$",
                      read("fcgi-host", "fcgi-host.conf"), re.M)[1]
    assert spec["terminationGracePeriodSeconds"] >= \
        delay + int(drain) + 5
    assert nginx["readinessProbe"]["httpGet"]["path"] in text
    assert host["resources"]["requests"]["memory"] == \
        host["resources"]["limits"]["memory"]


# ---------------------------------------------------------------- systemd

def units(root):
    folder = root / PREFIX / "lib" / "systemd" / "system"
    return {name: (folder / name).read_text() for name in sorted(
        os.listdir(folder))}


def test_two_pairs_of_units(root):
    """Breaks when: a word of the templates is not filled in, or host and
    instance share a folder."""
    text = units(root)
    assert sorted(text) == ["fcgi-host.service", "fcgi-host.socket",
                            "fcgi-host@.service", "fcgi-host@.socket"]
    for name, one in text.items():
        assert not re.search(r"@\w+@", one), name
    assert "ExecStart=/usr/local/bin/fcgi-host run -c " \
        "/etc/fcgi-host/fcgi-host.conf\n" in text["fcgi-host.service"]
    assert "ExecStart=/usr/local/bin/fcgi-host run -c " \
        "/etc/fcgi-host/%i.conf\n" in text["fcgi-host@.service"]
    assert "\nStateDirectory=fcgi-host@%i\n" in text["fcgi-host@.service"]
    assert "\nListenStream=/run/fcgi-host@%i/host.sock\n" in \
        text["fcgi-host@.socket"]
    example = read("debian", "examples.conf")
    for path in ("/run/fcgi-host@examples/control.sock",
                 "/var/lib/fcgi-host@examples"):
        assert path in example


def test_the_service_is_hardened(root):
    """Breaks when: a line that protects is taken away, or is misspelt, which
    systemd takes for none."""
    analyze = need("systemd-analyze")
    folder = root / PREFIX / "lib" / "systemd" / "system"
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", "--threshold=20",
         "--json=short", folder / "fcgi-host.service"], text=True,
        capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    weak = {one["json_field"] for one in json.loads(done.stdout)
            if not one["set"] and float(one["exposure"] or 0) >= 0.2}
    # What the unit says it leaves open, and why.
    assert weak == {"PrivateNetwork", "PrivateUsers", "IPAddressDeny",
                    "RestrictAddressFamilies_AF_INET_INET6",
                    "SystemCallFilter_debug", "SystemCallFilter_privileged",
                    "SystemCallFilter_resources"}, weak


# ------------------------------------------------------- user, folders, log

def test_the_user_is_made(root):
    """Breaks when: sysusers.d refuses the line."""
    systemd_sysusers = need("systemd-sysusers")
    (root / "etc").mkdir(exist_ok=True)
    done = subprocess.run(
        [systemd_sysusers, "--root=%s" % root,
         root / PREFIX / "lib/sysusers.d/fcgi-host.conf"], text=True,
        capture_output=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^fcgi-host:\w+:\d+:\d+:FastCGI application host:"
                     "/var/lib/fcgi-host:/usr/sbin/nologin$",
                     (root / "etc/passwd").read_text(), re.M)


def test_the_log_is_rotated_under_a_host(root, tmp_path):
    """Breaks when: the file that the host has open is moved away, and the host
    goes on to write where nobody looks."""
    logrotate = need("logrotate")
    log = tmp_path / "host.log"
    rules = (root / PREFIX / "etc/logrotate.d/fcgi-host").read_text()
    assert "/var/log/fcgi-host/*.log {" in rules
    (tmp_path / "rules").write_text(rules.replace("/var/log/fcgi-host",
                                                  str(tmp_path)))
    (tmp_path / "rules").chmod(0o644)
    with open(log, "ab", buffering=0) as host:	# as StandardError=append: does
        host.write(b"before\n")
        subprocess.run([logrotate, "-f", "-s", tmp_path / "state",
                        tmp_path / "rules"], check=True)
        host.write(b"after\n")
    assert log.read_bytes() == b"after\n"
    assert (tmp_path / "host.log.1").read_bytes() == b"before\n"
