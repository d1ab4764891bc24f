"""A file system that has ceased to answer: who waits for it cannot be killed.

	with Hung() as hung:
		open(hung.file)		# hangs until the end of the `with`
"""

import ctypes
import os
import shutil
import struct
import tempfile
import threading

import pytest

INIT = 26
MS_NOSUID, MS_NODEV, MNT_DETACH = 2, 4, 2
libc = ctypes.CDLL(None, use_errno=True)


class Hung:
    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="fh-hung-")
        self.file = os.path.join(self.folder, "file")
        try:
            self.fuse = os.open("/dev/fuse", os.O_RDWR)
        except OSError as error:
            pytest.skip("no FUSE: %s" % error)
        options = ("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other"
                   % self.fuse).encode()
        if libc.mount(b"test", self.folder.encode(), b"fuse",
                      MS_NOSUID | MS_NODEV, options) != 0:
            os.close(self.fuse)
            os.rmdir(self.folder)
            pytest.skip("FUSE cannot be mounted")
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def serve(self):
        """Says that it is there; takes one request more, and is silent."""
        opcode = INIT
        while opcode == INIT:
            request = os.read(self.fuse, 65536)
            _, opcode, unique = struct.unpack_from("=IIQ", request)
            if opcode == INIT:
                reply = struct.pack("=IIIIHHI", 7, 31, 0, 0, 0, 0, 4096)
                reply += bytes(64 - len(reply))
                os.write(self.fuse, struct.pack(
                    "=IiQ", 16 + len(reply), 0, unique) + reply)

    def __exit__(self, *_):
        os.close(self.fuse)		# who waits is told so
        libc.umount2(self.folder.encode(), MNT_DETACH)
        shutil.rmtree(self.folder, ignore_errors=True)
