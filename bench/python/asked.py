"""What every worker here does when it is ready: it is asked line by line.

It says `ready NAME`, then reads lines: `run N` does its work N times and answers `times`
with the nanoseconds of each; `answer` answers `answer` with numbers that tell whether it
does the same as the others.
"""

import sys
from time import perf_counter_ns


def serve(name, run, answer):
    """Until standard input ends; `answer` gives a list of numbers."""
    print("ready", name, flush=True)
    for line in sys.stdin:
        match line.split():
            case ["run", count]:
                times = []
                for _ in range(int(count)):
                    start = perf_counter_ns()
                    run()
                    times.append(perf_counter_ns() - start)
                print("times", *times, flush=True)
            case ["answer"]:
                print("answer", *answer(), flush=True)
