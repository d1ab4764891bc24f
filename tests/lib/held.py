"""A host whose handler waits in a hook where a test wants it to, and
subcommands that run beside the test.

	with Held() as host:
		host.vary("2")
		host.hold("preload")
		asked = Asked(host, "reload")
		pid = host.at("preload")	# who waits there
		host.go("preload")
		assert asked.result().returncode == 0
"""

import os
import threading

from . import build
from .fcgi import wait_until
from .host import Host

# Waits while the file FOLDER/hold-WHERE is there, and says so with at-WHERE.
WAIT = r"""
static void
wait_at(const char *where)
{
	char hold[300], at[300];
	FILE *file;

	snprintf(hold, sizeof(hold), "@FOLDER@/hold-%s", where);
	snprintf(at, sizeof(at), "@FOLDER@/at-%s", where);
	if (access(hold, F_OK) != 0)
		return;
	if ((file = fopen(at, "w")) != NULL) {
		fprintf(file, "%d\n", (int)getpid());
		fclose(file);
	}
	while (access(hold, F_OK) == 0)
		usleep(2000);
	unlink(at);
}

static int
is_role(const char *role)
{
	char name[32] = "";
	FILE *file = fopen("/proc/self/comm", "r");

	if (file != NULL && fgets(name, sizeof(name), file) != NULL)
		name[strcspn(name, "\n")] = '\0';
	if (file != NULL)
		fclose(file);
	return strcmp(name, role) == 0;
}

static void __attribute__((constructor))
on_load(void)
{
	wait_at("load");
}
"""
HOOKS = {
    "preload": 'wait_at("preload");',
    "worker_init": 'wait_at(is_role("fh-front") ? "front" : '
                   'is_role("fh-worker") ? "worker" : "probe");',
    "self_test": 'wait_at("self_test");',
}


class Held(Host):
    """A host whose vary.so waits where a test wants it to."""

    def __init__(self, **options):
        super().__init__(start=False, **dict({"watch": False}, **options))
        self.vary("1", start=True)

    def vary(self, version, start=False, **more):
        hooks = dict(HOOKS)
        top = more.pop("top", "")
        for name, text in more.pop("after", {}).items():
            hooks[name] = hooks.get(name, "") + text
        self.put("vary.so", build.handler(
            "vary", version, top=WAIT.replace("@FOLDER@", self.folder) + top,
            **hooks, **more))
        if start:
            try:
                self.start()
            except BaseException:
                self.clean()
                raise

    def hold(self, where):
        os.chmod(self.folder, 0o777)
        self.write("hold-" + where, b"")

    def at(self, where):
        """The process that waits there."""
        def there():
            try:
                with open(os.path.join(self.folder, "at-" + where)) as file:
                    return int(file.read() or 0)
            except FileNotFoundError:
                return 0
        return wait_until(there, what="at " + where)

    def go(self, where):
        os.unlink(os.path.join(self.folder, "hold-" + where))

    def serves(self, version):
        assert build.whole(self.get("/vary")) == version
        assert build.whole(self.get("/vary-async")) == version


class Asked:
    """A subcommand that runs beside the test."""

    def __init__(self, host, *words):
        self.done = None

        def ask():
            self.done = host.command(*words)
        self.thread = threading.Thread(target=ask, daemon=True)
        self.thread.start()

    def result(self, seconds=20):
        self.thread.join(seconds)
        assert not self.thread.is_alive(), "never answered"
        return self.done

    def waits(self):
        return self.thread.is_alive()
