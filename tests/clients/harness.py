"""What every check stands on: the report, the processes that are started and stopped, and plain HTTP.

Nothing here knows what is being tested. Standard library only, so that the driver runs before anything is installed.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

DEADLINE = 20.0


class Report:
    """One row for each check, and the closing line."""

    def __init__(self):
        self.passed = 0
        self.failed = []

    def section(self, title):
        print(f"\n{title}", flush=True)

    def check(self, name, ok, detail=""):
        if ok:
            self.passed += 1
        else:
            self.failed.append(name)
        text = f"  {'ok  ' if ok else 'FAIL'}  {name}"
        print(f"{text:<78}  {detail}" if detail else text, flush=True)
        return ok

    def attempt(self, name, action):
        """Runs a check that raises when it fails and returns its detail when it passes."""
        try:
            detail = action()
        except Exception as fault:  # a check that breaks has failed, and the others go on
            return self.check(name, False, f"{type(fault).__name__}: {fault}")
        return self.check(name, True, detail or "")

    def close(self, seconds):
        print(f"\n{self.passed} passed, {len(self.failed)} failed ({seconds:.1f} s)")
        for name in self.failed:
            print(f"  failed: {name}")
        return 1 if self.failed else 0


class Processes:
    """Everything that was started, so that it can be stopped: each by its own handle."""

    def __init__(self, log_folder):
        self.log_folder = log_folder
        self.running = []

    def start(self, name, command, env=None, stdout=None):
        log = open(self.log_folder / f"{name}.log", "wb")
        process = subprocess.Popen(
            [str(word) for word in command], env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
            stdout=stdout or log, stderr=log,
        )
        self.running.append((name, process))
        return process

    def stop(self):
        for _, process in self.running:
            if process.poll() is None:
                process.terminate()
        for name, process in self.running:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                print(f"  {name} did not stop when asked and was killed", file=sys.stderr)
                process.kill()
                process.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until(what, probe, deadline=DEADLINE):
    """Polls until the probe gives something, and returns it."""
    end = time.monotonic() + deadline
    fault = None
    while time.monotonic() < end:
        try:
            found = probe()
            if found:
                return found
        except (OSError, ValueError, KeyError) as caught:
            fault = caught
        time.sleep(0.02)
    raise TimeoutError(f"{what}: not within {deadline:.0f} s ({fault})")


def fetch(url, body=None, headers=None, method=None):
    """A JSON request to one of the servers of the test itself; returns JSON, or text where it is none."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    if data is not None:
        request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
        text = answer.read().decode()
    try:
        return json.loads(text)
    except ValueError:
        return text


def expect(condition, message):
    if not condition:
        raise AssertionError(message)
