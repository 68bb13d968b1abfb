"""Runs MiniStack until its standard input closes, which happens when the parent process ends for any reason.

Removes its state: TMPDIR is a folder made for this run.
"""

import os
import shutil
import signal
import sys
import threading
import time


def end_with_starter():
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)  # a request that hangs must not keep it
    clean_up()
    os._exit(1)


def clean_up():
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)


if __name__ == "__main__":
    threading.Thread(target=end_with_starter, daemon=True).start()
    sys.argv = ["ministack"]
    try:
        from ministack.app import main

        main()
    finally:
        clean_up()
