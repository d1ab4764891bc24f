"""Users with passwords, and a libcrypt that waits where a test wants it to.

	with Crypt() as crypt:
		with Host(**crypt.options, ...) as host:
			crypt.hold()
			conn.send(request with a password)
			crypt.at()		# its hash is being computed
			crypt.go()
			assert crypt.calls() == 1
"""

import base64
import os
import shutil
import tempfile
import warnings

from . import build
from .fcgi import wait_until

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt as libcrypt

# In the place of libcrypt's: a byte for each call, and a wait while the file
# "hold" is there.
SHIM = r"""
#define _GNU_SOURCE
#include <crypt.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

char *
crypt_r(const char *phrase, const char *setting, struct crypt_data *data)
{
	char *(*real)(const char *, const char *, struct crypt_data *) =
	    dlsym(RTLD_NEXT, "crypt_r");
	int fd = open("@FOLDER@/calls", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
	    0666);

	if (fd < 0 || write(fd, ".", 1) != 1)
		abort();
	close(fd);
	while (access("@FOLDER@/hold", F_OK) == 0)
		usleep(1000);
	return real(phrase, setting, data);
}
"""


class Crypt:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="fh-crypt-")
        os.chmod(self.folder, 0o777)
        self.options = {"write_paths": [self.folder], "environment": {
            "LD_PRELOAD": build.shared(SHIM.replace(
                "@FOLDER@", self.folder), "-ldl")}}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def reset(self):
        for name in os.listdir(self.folder):
            os.unlink(os.path.join(self.folder, name))

    def calls(self):
        """How many hashes were begun."""
        path = os.path.join(self.folder, "calls")
        return os.path.getsize(path) if os.path.exists(path) else 0

    def hold(self):
        with open(os.path.join(self.folder, "hold"), "w"):
            pass

    def go(self):
        os.unlink(os.path.join(self.folder, "hold"))

    def at(self, calls=1):
        wait_until(lambda: self.calls() >= calls, what="a hash begun")


def hashed(password, setting="$2b$04$" + "a" * 22):
    """As the users' file has it; by default one that takes half a ms."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return libcrypt.crypt(password, setting)


def user(name, password, scopes=None, **keywords):
    return ":".join([name, hashed(password, **keywords)] +
                    ([] if scopes is None else [scopes])) + "\n"


def basic(name, password):
    """The header of a client that knows them."""
    pair = ("%s:%s" % (name, password)).encode()
    return {"Authorization": "Basic " + base64.b64encode(pair).decode()}


def section(path, name="people"):
    return 'auth "%s" {\n type = basic\n users_file = "%s"\n}\n' % (name, path)
