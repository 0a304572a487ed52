"""Runs the emulator in this process, as the leader of a session of its own.

The functions that the emulator starts belong to the session's process group, so one signal to the group ends all.
With "watched" as first argument the group also ends when standard input closes: the kernel closes it when the parent
dies, however it dies, so a killed test leaves nothing running.
"""

import os
import signal
import sys
import threading


def end_with_parent():
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


os.setsid()
if sys.argv[1] == "watched":
    threading.Thread(target=end_with_parent, daemon=True).start()
sys.argv = ["ministack"]

from ministack.app import main  # noqa: E402

main()
