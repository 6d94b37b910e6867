"""Runs one command and reports how long it took and how much memory it had.

A program of its own because Linux counts what a process held before exec() into its peak: started from the
benches' own, larger process, every small command would seem to need as much as that.

Usage: python3 -I -S child.py FD COMMAND [ARGUMENT…]; writes `seconds peak-KiB exit-code` to the descriptor FD.
"""

import os
import sys
import time

report, command = int(sys.argv[1]), sys.argv[2:]
os.set_inheritable(report, False)
begun = time.perf_counter()
child = os.posix_spawn(command[0], command, os.environ)
_, status, usage = os.wait4(child, 0)
took = time.perf_counter() - begun
# macOS counts in bytes.
peak = usage.ru_maxrss // 1024 if sys.platform == "darwin" else usage.ru_maxrss
os.write(report, f"{took} {peak} {os.waitstatus_to_exitcode(status)}".encode())
