"""Runs the programs of this folder for somebody who needs them often: the interpreter starts, and loads its packages, once.

    python serve.py

Prints the path of a Unix socket, and listens there. Each connection asks for one program by a line, a JSON array of its
name and its arguments: ["audit", "--namespace", …]. The program runs in a process of its own, a fork of one that has run
none, so that nothing of one can be in another. The answer is a JSON object: its exit code, and what it printed.

Ends once its own input ends, as it does when whoever started it is gone.
"""

from __future__ import annotations

import io
import json
import select
import socketserver
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import audit
import check_manifest
import check_proof
import check_statements
from guard import guarded

PROGRAMS = {
    "audit": (audit.main, audit.NOT_MADE),
    "check_manifest": (check_manifest.main, check_manifest.NOT_CHECKED),
    "check_proof": (check_proof.main, check_proof.NOT_CHECKED),
    "check_statements": (check_statements.main, check_statements.NOT_CHECKED),
}


def run(program: str, arguments: list[str]) -> dict[str, object]:
    """Runs a program in this process; how it ended and what it printed."""
    main, failed = PROGRAMS[program]
    sys.argv = [f"{program}.py", *arguments]
    printed, complained = io.StringIO(), io.StringIO()
    with redirect_stdout(printed), redirect_stderr(complained):
        try:
            code: object = guarded(main, failed)
        except SystemExit as wrong_arguments:
            code = wrong_arguments.code
    return {"code": code, "stdout": printed.getvalue(), "stderr": complained.getvalue()}


class _Request(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        program, *arguments = json.loads(self.rfile.readline())
        self.wfile.write(json.dumps(run(program, arguments)).encode())


class _Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    request_queue_size = 128
    max_children = 128

    def service_actions(self) -> None:
        """Called between requests, and twice a second."""
        super().service_actions()
        if select.select([sys.stdin], [], [], 0)[0]:
            sys.exit()


def main() -> None:
    """The program."""
    with tempfile.TemporaryDirectory(prefix="chancery-independent-audit-") as folder:
        socket = Path(folder) / "socket"
        with _Server(str(socket), _Request) as server:
            print(socket, flush=True)
            server.serve_forever()


if __name__ == "__main__":
    main()
