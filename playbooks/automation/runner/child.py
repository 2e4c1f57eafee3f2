"""The child process that runs one playbook: `python -m playbooks.automation.runner.child`.

It reads one line of JSON from standard input, the job with its keys, and writes a line of JSON for each piece of news.
It is the subreaper of everything that it starts (prctl(2)): Ansible's workers and SSH's masters leave their process
group, so that nothing else would find them again. When it ends, by itself, by SIGTERM from the worker or because the
worker died, it ends all of them first and removes the private folder.

ansible-runner is not left to end anything: its own way, SIGKILL to the process group, misses every worker process.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any, NoReturn

from playbooks.automation.runner.leftovers import children_of, descendants_of
from playbooks.automation.runner.port import Kind, News
from playbooks.automation.runner.sandbox import sandbox
from playbooks.automation.runner.translate import counts_of, news_of, plain

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
ORDERLY_S = 5
"""What ansible-playbook gets to end by itself."""

PYTHONS = ["/usr/bin/python3", "/usr/local/bin/python3", "python3"]
"""The system's Python before what the account's PATH finds first. It is a variable: ansible.cfg has no word for it."""

AGENT_STARTS_WITHIN_S = 10.0
KEY_LASTS_LONGER_S = 120

BY_KEY = ("BatchMode=yes", "PreferredAuthentications=publickey")
BY_PASSWORD = (
    "PreferredAuthentications=password,keyboard-interactive", "PubkeyAuthentication=no", "NumberOfPasswordPrompts=1",
)  # fmt: skip
"""How ssh may let itself in: a device that locks accounts is not asked with a wrong password more often than needed."""


class Child:
    """One job, from its line of input to an empty process tree.

    Args:
        job: As `runner/ansible.py` sends it.
        out: Where news goes.
    """

    def __init__(self, job: Mapping[str, Any], out: IO[str]) -> None:
        self._job = job
        self._out = out
        self._folder = Path(job["folder"])
        self._agent: subprocess.Popen[bytes] | None = None
        self._stopping = False
        # A template is shown by where we put what it gave; the device's own file is named beside it.
        self._our_copies = re.compile(re.escape(job["folder"]) + r"/[^/]+/ansible-local-[^/]+/[^/]+/")

    def run(self) -> None:
        """Run the job, and leave nothing behind."""
        code: int | None = None
        try:
            self._listen_to_signals()
            environment = self._environment()
            self._start_agent(environment)
            self._write_inventory()
            code = self._play(environment)
        finally:
            signal.alarm(0)
            self._end_everything()
            shutil.rmtree(self._folder, ignore_errors=True)
        self._say({"ended": code})

    def _listen_to_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGALRM, lambda *_: self._kill_descendants())

    def _stop(self, *_: object) -> None:
        self._stopping = True
        keep = None if self._agent is None else self._agent.pid
        for pid in children_of(os.getpid()):
            if pid != keep:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
        signal.alarm(ORDERLY_S)

    def _environment(self) -> dict[str, str]:
        """Return what Ansible sees: nothing of the platform's, and no secret."""
        folder = self._folder
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "HOME": str(folder),
            "TMPDIR": str(folder / "tmp"),
            "SSH_AUTH_SOCK": str(folder / "agent"),
            "ANSIBLE_CONFIG": self._job["config"],
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
            # Without this ansible-runner sets it to False, which is stronger than ansible.cfg.
            "ANSIBLE_HOST_KEY_CHECKING": "True",
            "ANSIBLE_NOCOLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _start_agent(self, environment: Mapping[str, str]) -> None:
        # Not tied to us by pdeathsig: Debian's ssh-agent is set-group-ID, for which the kernel clears it.
        self._agent = subprocess.Popen(
            ["ssh-agent", "-D", "-a", environment["SSH_AUTH_SOCK"]],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + AGENT_STARTS_WITHIN_S
        while not Path(environment["SSH_AUTH_SOCK"]).exists():
            if self._agent.poll() is not None or time.monotonic() > end:
                raise RuntimeError("ssh-agent does not start")
            time.sleep(0.01)
        for name, key in self._job["keys"].items():
            added = subprocess.run(
                ["ssh-add", "-q", "-t", str(self._job["limit_s"] + KEY_LASTS_LONGER_S), "-"],
                env={**environment, "SSH_ASKPASS_REQUIRE": "never"},
                input=key["private"].encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                check=False,
            )
            if added.returncode:
                raise RuntimeError(f"the key {name} is not taken: {added.stderr.decode(errors='replace').strip()}")
            (self._folder / f"{name}.pub").write_text(key["public"] + "\n")

    def _write_inventory(self) -> None:
        folder = self._folder
        (folder / "known_hosts").write_text("".join(f"{line}\n" for line in self._job["known_hosts"]))
        common = (
            f"UserKnownHostsFile={folder}/known_hosts",
            "GlobalKnownHostsFile=/dev/null",
            "StrictHostKeyChecking=yes",
            "IdentitiesOnly=yes",
            "UpdateHostKeys=no",
            "CheckHostIP=no",
            "ForwardAgent=no",
        )
        hosts = {
            host["name"]: {
                "ansible_host": host["address"],
                "ansible_port": host["port"],
                "ansible_user": host["user"],
                # The public half: ssh finds the private one in the agent.
                **({"ansible_ssh_private_key_file": str(folder / f"{host['key']}.pub")} if host["key"] else {}),
                "ansible_ssh_common_args": " ".join(
                    (
                        "-F /dev/null",
                        *(f"-o {option}" for option in (*common, *(BY_KEY if host["key"] else BY_PASSWORD))),
                    )
                ),
                # Ansible hands a password to ssh by shared memory (SSH_ASKPASS): it is in no command line, and in no
                # environment. This file lies in the private folder.
                **host["variables"],
            }
            for host in self._job["hosts"]
        }
        everywhere = {"ansible_interpreter_python_fallback": PYTHONS}
        (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": everywhere}}))
        (folder / "variables.json").write_text(json.dumps(self._job["variables"]))

    def _play(self, environment: dict[str, str]) -> int | None:
        if self._stopping:
            return None
        from ansible_runner import Runner, RunnerConfig  # noqa: PLC0415 - 0.3 s that a stopped job does not need

        words = ["--diff", "-e", f"@{self._folder / 'variables.json'}"]
        if self._job["check"]:
            words.append("--check")
        os.environ.clear()  # ansible-runner gives its own environment on
        os.environ.update(environment)
        configuration = RunnerConfig(
            private_data_dir=str(self._folder),
            project_dir=self._job["project"],
            playbook=f"{self._job['playbook']}.yml",
            inventory=str(self._folder / "hosts.json"),
            cmdline=" ".join(words),
            ident="run",
            quiet=True,
            suppress_env_files=True,
        )
        configuration.prepare()
        configuration.command = [
            *sandbox(self._folder, self._job["project"], self._job["hidden"]),
            *configuration.command,
        ]
        configuration.suppress_output_file = True
        configuration.cwd = self._job["project"]
        runner = Runner(configuration, event_handler=self._on_event)
        runner.run()
        code: int | None = runner.rc
        return code

    # Called for every event of Ansible, some 2 for a host and task. A false answer: no file is written for it.
    def _on_event(self, event: dict[str, Any]) -> bool:
        news = news_of(event)
        if news is not None:
            news = replace(
                news,
                text=self._our_copies.sub("", news.text),
                differences=tuple(replace(one, place=self._our_copies.sub("", one.place)) for one in news.differences),
            )
            self._say({"news": asdict(news)})
        counts = counts_of(event)
        if counts is not None:
            self._say({"hosts": {host: asdict(count) for host, count in counts.items()}})
        return False

    def _say(self, what: Mapping[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):  # the worker died: SIGTERM is on its way to us
            self._out.write(json.dumps(what) + "\n")
            self._out.flush()

    def fail(self, error: Exception) -> None:
        """Tell why the job could not be run at all."""
        text = plain(f"{type(error).__name__}: {error}")
        self._say({"news": asdict(News(Kind.FAILED, text=text))})

    def _end_everything(self) -> None:
        """Kill what is left of the tree until nothing is; each that is orphaned becomes our child, and is found."""
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        while True:
            self._kill_descendants()
            try:
                while os.waitpid(-1, os.WNOHANG) != (0, 0):
                    pass
            except ChildProcessError:
                return
            time.sleep(0.01)

    @staticmethod
    def _kill_descendants() -> None:
        for pid in descendants_of(os.getpid()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def main() -> NoReturn:
    """Run the job that standard input brings."""
    # Until the job has begun there is nothing to clean up but the folder, and the worker does that too.
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    job = json.loads(sys.stdin.readline())
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what libraries print is no news
    child = Child(job, out)
    try:
        child.run()
    except Exception as error:  # noqa: BLE001 - the edge of this process
        child.fail(error)
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
