#!/usr/bin/env python3
"""Breaks the core in one place at a time and sees which tests notice.

Each mutant weakens or deletes one atomic order, wake, line of recovery or retry. The tests run in layers, the cheapest
first, until one notices. A mutant that none notices is a survivor: either a test is missing, or the list below says why
nothing can notice it on this machine.

  mutants.py [--build FOLDER] [--only WORD] [--skip A,B] [--layers A,B] [--list] [--minutes N]
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SETTINGS = ["-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1", "-DCAROM_DEMO=OFF",
            "-DCAROM_BENCH=OFF"]
# What the re-check is for (docs/design/waiting.md, "How watching fellows and the re-check close it"): without it these
# tests hang on sound code.
NEED_RECHECK = {
    "*killed_when_woken*": "dies with the one wake that it got; who looked around before it came does not watch it",
    "*a_party_killed_as_it_waits*": "the first to sleep at a barrier found nobody there, so it watches nobody",
    "*a_party_killed_in_its_action*": "nobody is woken when the action begins, so nobody watches whose it is",
    "*EventDescriptor*": "its thread may be between its look and its sleep when it is told to stop",
    "*lock_is_overwritten*": "whatever wrote over the word woke nobody",
    "EventDeath.event_set": "dies before it has woken the sleeper, which cannot know who will set the event",
    "LatchDeath.latch_opened": "the same, of who counts down",
    "PermitDeath.permit_given": "the same, of who gives a permit that it does not hold",
    "TurnDeath.turn_notified": "the same, of who notifies",
    "BarrierDeath.barrier_completed": "dies before it has woken the first to sleep there, which watches nobody",
    "BarrierDeath.barrier_broken": "the same",
    "BarrierDeath.barrier_reset": "the same",
    "BarrierDeath.barrier_noted": "arrives, or enrols, after the first has begun to sleep, and dies",
    "BarrierDeath.barrier_acting": "the same",
    "BarrierDeath.barrier_enrolled": "the same",
    "LatchDeath.latch_promised": "promises after the other has begun to sleep, and dies",
    "LatchDeath.latch_counted": "the same",
}
# Sleepers that look again after 100 s only: a lost wake is a hang, and the watchdog need not wait long for it.
NO_RECHECK = {"CAROM_TEST_RECHECK_MS": "100000", "CAROM_TEST_WATCHDOG_S": "10"}
FILTER = "--gtest_filter=-" + ":".join(NEED_RECHECK)
# (layer, target, program and arguments, environment, seconds)
LAYERS = [
    ("unit", "carom_unit", ["tests/unit/carom_unit"], {"CAROM_TEST_WATCHDOG_S": "20"}, 60),
    ("unit at steps", "carom_unit_stepped", ["tests/unit/carom_unit_stepped"], {"CAROM_TEST_WATCHDOG_S": "20"}, 60),
    ("death", "carom_death", ["tests/crash/carom_death"], {"CAROM_TEST_WATCHDOG_S": "20"}, 90),
    ("death no re-check", "carom_death", ["tests/crash/carom_death", FILTER], NO_RECHECK, 90),
    ("no re-check", "carom_primitives", ["tests/conformance/carom_primitives", FILTER], NO_RECHECK, 240),
    ("locks no re-check", "carom_conformance", ["tests/conformance/carom_conformance", FILTER], NO_RECHECK, 180),
    ("primitives", "carom_primitives", ["tests/conformance/carom_primitives"], {}, 240),
    ("wakes", "carom_conformance_threads",
     ["tests/conformance/carom_conformance_threads", "--gtest_filter=*Wakes*"], {}, 60),
    ("locks", "carom_conformance", ["tests/conformance/carom_conformance"], {}, 180),
    ("crash", "carom_crash", ["tests/crash/carom-crash", "--quick"], {}, 300),
    ("storm", "carom_storm", ["tests/stress/carom-storm", "--seconds", "20"], {}, 90),
]


def run(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def copy_sources(to):
    for folder in ("cmake", "examples", "include", "src", "tests"):
        shutil.copytree(ROOT / folder, to / folder, dirs_exist_ok=True, copy_function=copy_if_other)
    for file in ROOT.iterdir():
        if file.is_file():
            copy_if_other(file, to / file.name)


def copy_if_other(source, to):
    """Keeps the time of what has not changed, so that it is not built again."""
    source, to = pathlib.Path(source), pathlib.Path(to)
    if not to.exists() or source.read_bytes() != to.read_bytes():
        shutil.copyfile(source, to)


def build(at, target):
    return run(["cmake", "--build", str(at), "--target", target])


def try_program(command, environment, seconds):
    """What the program returned, None if it did not end in time, and what it said. Ends what it leaves behind."""
    with tempfile.TemporaryFile("w+") as said:
        program = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
                                   env={**os.environ, "GTEST_BRIEF": "1", "GTEST_FAIL_FAST": "1", **environment})
        try:
            code = program.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        try:
            os.killpg(program.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        program.wait()
        said.seek(0)
        return code, said.read()


def noticed_by(at, layers):
    """The first layer that notices, with what it said; or None."""
    for layer, target, command, environment, seconds in LAYERS:
        if layer not in layers:
            continue
        built = build(at, target)
        if built.returncode != 0:
            if "unknown target" in built.stdout:
                continue
            return "compiler", re.search(r"error: .*|$", built.stdout)[0]
        code, said = try_program([str(at / command[0])] + command[1:], environment, seconds)
        if code is None:
            return layer, f"still running after {seconds} s"
        if code != 0:
            return layer, in_short(said)
    return None


def in_short(said):
    """The first failure's name, or the last words."""
    named = re.search(r"(this test hung: \S+)|\[  FAILED  \] (\S+)", said)
    return named[0] if named else " ".join(said.split()[-12:])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--build", default=str(ROOT / "build" / "mutants"), help="where to build (a folder of its own)")
    arguments.add_argument("--only", default="", help="mutants whose name contains this")
    arguments.add_argument("--skip", default="", help="leave out those whose name begins with one of these: A,B")
    arguments.add_argument("--list", action="store_true", help="name them, and which are stale, and stop")
    arguments.add_argument("--minutes", type=float, default=0, help="stop after so long; what was left out is said")
    arguments.add_argument("--layers", default=",".join(layer[0] for layer in LAYERS), help="only these (%(default)s)")
    options = arguments.parse_args()
    layers = options.layers.split(",")

    skipped = tuple(word for word in options.skip.split(",") if word)
    mutants = [m for m in json.loads((ROOT / "tests/mutation/mutants.json").read_text())
               if options.only in m["name"] and not m["name"].startswith(skipped)]
    if options.list:
        stale = 0
        for mutant in mutants:
            there = (ROOT / mutant["file"]).read_text().count(mutant["old"]) == 1
            print(f"{mutant['name']:44} {mutant['file']}{'' if there else ' STALE: its line is not there, or not once'}")
            stale += not there
        return 1 if stale else 0

    base = pathlib.Path(options.build)
    sources, binaries = base / "source", base / "build"
    sources.mkdir(parents=True, exist_ok=True)
    copy_sources(sources)
    print("building the tests of the code as it is ...", flush=True)
    configured = run(["cmake", "-S", str(sources), "-B", str(binaries), "-G", "Ninja"] + SETTINGS)
    if configured.returncode != 0:
        sys.exit(configured.stdout)
    blamed = noticed_by(binaries, layers)
    if blamed:
        sys.exit(f"the code as it is fails already in {blamed[0]}: {blamed[1]}")

    began = time.monotonic()
    counts = {}
    survivors, stale, left = [], [], 0
    for mutant in mutants:
        if options.minutes and time.monotonic() - began > options.minutes * 60:
            left += 1
            continue
        path = sources / mutant["file"]
        whole = path.read_text()
        if whole.count(mutant["old"]) < 1:
            stale.append(mutant["name"])
            print(f"{mutant['name']:44} STALE: its line is not there any more", flush=True)
            continue
        path.write_text(whole.replace(mutant["old"], mutant["new"], 1))
        try:
            blamed = noticed_by(binaries, layers)
        finally:
            path.write_text(whole)
        if blamed and blamed[0] == "compiler":
            stale.append(mutant["name"])
            print(f"{mutant['name']:44} STALE: {blamed[1]}", flush=True)
        elif blamed:
            counts[blamed[0]] = counts.get(blamed[0], 0) + 1
            print(f"{mutant['name']:44} {blamed[0]:12} {blamed[1]}", flush=True)
        elif "why" in mutant:
            counts["explained"] = counts.get("explained", 0) + 1
            print(f"{mutant['name']:44} explained    {mutant['why']}", flush=True)
        else:
            survivors.append(mutant["name"])
            print(f"{mutant['name']:44} SURVIVED", flush=True)

    print("\n" + ", ".join(f"{layer}: {count}" for layer, count in sorted(counts.items())))
    if left:
        print(f"{left} not tried: the time was over")
    if stale:
        print("stale: " + ", ".join(stale))
    if survivors:
        print("survivors: " + ", ".join(survivors))
    return 1 if survivors or stale else 0


if __name__ == "__main__":
    os.environ.setdefault("CTEST_OUTPUT_ON_FAILURE", "1")
    sys.exit(main())
