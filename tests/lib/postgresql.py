"""A real PostgreSQL server in a scratch folder, on a Unix socket only.

	with PostgreSQL() as server:
		server.run("CREATE TABLE ...")
		... server.uri ...
		server.stop(); server.start()

It does not run as root; as root it runs as `nobody`.
"""

import glob
import os
import shutil
import subprocess
import tempfile

USER = "nobody"


def folder_of_programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    assert found, "initdb is missing: apt-get install postgresql"
    return os.path.dirname(found[-1])


class PostgreSQL:
    def __init__(self):
        self.programs = folder_of_programs()
        # Short: a Unix socket's path has a limit of about 100 bytes.
        self.folder = tempfile.mkdtemp(prefix="fh-pg-", dir="/tmp")
        self.data = os.path.join(self.folder, "data")
        self.running = False
        self.as_user = {}
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER, "nogroup")
            self.as_user = {"user": USER, "group": "nogroup",
                            "extra_groups": []}
        os.chmod(self.folder, 0o755)
        self.uri = "postgresql://tester@/postgres?host=" + self.folder
        try:
            self.call("initdb", "-D", self.data, "-U", "tester", "-A",
                      "trust", "-N", "-E", "UTF8", "--locale=C")
            self.start()
        except BaseException:
            self.clean()
            raise

    def call(self, program, *arguments, **keywords):
        done = subprocess.run(
            [os.path.join(self.programs, program), *arguments],
            stdin=keywords.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            cwd="/", timeout=60, **self.as_user, **keywords)
        assert done.returncode == 0, "%s: %s" % (program, done.stdout)
        return done.stdout

    def start(self):
        # pg_ctl's server would keep a pipe of ours open: give it a log file.
        options = ("-c listen_addresses='' -c fsync=off -c shared_buffers=8MB "
                   "-c max_connections=20 -k " + self.folder)
        log = os.path.join(self.folder, "log")
        self.call("pg_ctl", "-D", self.data, "-l", log, "-w", "-t", "30",
                  "-o", options, "start")
        self.running = True

    def stop(self, mode="fast"):
        self.call("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")
        self.running = False

    def restart(self):
        self.stop()
        self.start()

    def run(self, sql):
        """What psql says, a row a line."""
        done = subprocess.run(
            [os.path.join(self.programs, "psql"), "-X", "-A", "-t", "-q",
             "-v", "ON_ERROR_STOP=1", self.uri], input=sql,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            cwd="/", timeout=60)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def hold(self, sql):
        """A session in a transaction that has run this; ends with kill()."""
        session = subprocess.Popen(
            [os.path.join(self.programs, "psql"), "-X", "-A", "-t", "-q",
             self.uri], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, cwd="/")
        session.stdin.write("BEGIN; %s; SELECT 'held';\n" % sql)
        session.stdin.flush()
        assert session.stdout.readline() == "held\n"
        return session

    def waiting(self):
        """How many sessions wait for a lock."""
        return int(self.run("SELECT count(*) FROM pg_locks WHERE "
                            "NOT granted;"))

    def connections(self):
        """Of the handler, not ours."""
        return int(self.run("SELECT count(*) FROM pg_stat_activity WHERE "
                            "application_name = 'fcgi-host train';"))

    def clean(self):
        if self.running:
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clean()
