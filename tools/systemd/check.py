"""The units: read by systemd, scored by it, and their sandbox against the system calls of a program that runs.

usage: check.py PARENT CLIENT
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

UNITS = pathlib.Path(__file__).resolve().parent


def main():
    parent, client = (pathlib.Path(path).resolve() for path in sys.argv[1:])
    # The greatest exposure, of 100; the unit's comment says what it is made of.
    hold("sealnote-parent", parent, calls_of_parent, most_exposure=13)
    hold("sealnote-release", client, calls_of_release, most_exposure=11)


def hold(name, program, calls_of, most_exposure):
    service = UNITS / f"{name}.service"
    with tempfile.TemporaryDirectory() as folder:
        verify(name, pathlib.Path(folder), program)
        score(service, most_exposure)
        used = calls_of(program, pathlib.Path(folder))
    forbidden = sorted(used - allowed(service))
    if forbidden:
        sys.exit(f"{name} makes system calls that its unit forbids: {' '.join(forbidden)}")
    print(f"{name}: the unit allows the {len(used)} system calls that the program made")


def verify(name, folder, program):
    """That systemd takes every line; with a program that is on this machine."""
    copies = []
    for unit in sorted(UNITS.glob(f"{name}.*")):
        text = re.sub(r"/opt/sealnote/current/[a-z-]+", str(program), unit.read_text())
        copies.append(folder / unit.name)
        copies[-1].write_text(text)
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *copies],
        capture_output=True,
        text=True,
    )
    # An unknown key is a warning, and leaves the exit code 0.
    if found.returncode or found.stderr:
        sys.exit(f"systemd has something against the units:\n{found.stderr}")


def score(service, most_exposure):
    command = ["systemd-analyze", "security", "--no-pager", "--offline=true"]
    judged = subprocess.run(
        [*command, f"--threshold={most_exposure}", service], capture_output=True, text=True
    )
    if judged.returncode:
        sys.exit(f"{judged.stdout}{judged.stderr}the unit leaves more open than {most_exposure / 10} of 10")
    print(judged.stdout.strip().splitlines()[-1])


def allowed(service):
    """What the lines SystemCallFilter= leave, by systemd's own sets."""
    listed = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter"], capture_output=True, text=True, check=True
    ).stdout
    sets, name = {}, None
    for line in listed.splitlines():
        if line.startswith("@"):
            name = line.strip()
            sets[name] = set()
        elif name and line.startswith("    ") and not line.strip().startswith("#"):
            sets[name].add(line.strip())

    def expand(entries):
        return {call for e in entries for call in (expand(sets[e]) if e in sets else {e})}

    # Allowed with any list (systemd.exec(5)).
    calls = expand(["@default"])
    for line in service.read_text().splitlines():
        if line.startswith("SystemCallFilter="):
            entries = line.removeprefix("SystemCallFilter=")
            if entries.startswith("~"):
                calls -= expand(entries[1:].split())
            else:
                calls |= expand(entries.split())
    return calls


def calls_of_parent(parent, folder):
    """Those of a parent that is started as by its unit, carries bytes, both from clients and, to a name that it resolves, from
    the enclave, is scraped, reads its settings again, and stops."""
    trace = folder / "trace"
    with listener() as enclave, listener() as clients, listener() as free, listener() as service:
        admin = free.getsockname()
        free.close()
        port = enclave.getsockname()[1]
        arguments = ["--listen", "systemd", "--enclave", f"tcp:127.0.0.1:{port}"]
        arguments += ["--metrics-listen", f"tcp:127.0.0.1:{admin[1]}", "--drain-timeout", "2"]
        egress, key_port = folder / "egress", service.getsockname()[1]
        allowlist = folder / "egress.yaml"
        allowlist.write_text(f"allowlist:\n- {{address: localhost, port: {key_port}}}\n")
        arguments += ["--egress", f"unix:{egress}=localhost:{key_port}", "--egress-allowlist", allowlist]
        start = "LISTEN_PID=$$ LISTEN_FDS=1; export LISTEN_PID LISTEN_FDS; exec \"$@\" 3<&0 </dev/null"
        with subprocess.Popen(
            ["strace", "-f", "-o", trace, "sh", "-c", start, "sh", parent, *arguments],
            stdin=clients,
            stderr=subprocess.PIPE,
            text=True,
        ) as strace:
            for line in strace.stderr:
                if "metrics on" in line:
                    break
            else:
                sys.exit("the parent does not start under strace")
            tracee = int(re.search(r"^(\d+) ", trace.read_text(), re.M).group(1))
            with socket.create_connection(clients.getsockname(), 10) as client:
                client.sendall(b"question")
                with enclave.accept()[0] as accepted:
                    accepted.recv(8, socket.MSG_WAITALL)
                    accepted.sendall(b"answer")
                    client.recv(6, socket.MSG_WAITALL)
            with socket.socket(socket.AF_UNIX) as asking:
                asking.connect(str(egress))
                asking.sendall(b"key?")
                asking.shutdown(socket.SHUT_WR)
                with service.accept()[0] as accepted:
                    accepted.recv(4, socket.MSG_WAITALL)
                    accepted.sendall(b"key")
                asking.recv(3, socket.MSG_WAITALL)
            with socket.create_connection(admin, 10) as scraper:
                scraper.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
                while scraper.recv(65536):
                    pass
            os.kill(tracee, signal.SIGHUP)
            time.sleep(0.3)
            os.kill(tracee, signal.SIGTERM)
            strace.stderr.read()
            if strace.wait():
                sys.exit("the parent does not stop in order under strace")
    return calls_in(trace, parent)


# RFC 8410, section 10.3.
SIGNING_KEY = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
"""


def calls_of_release(client, folder):
    """Those of a release service that is started as by its unit, is asked by somebody who is no enclave, and stops."""
    trace = folder / "trace"
    pcrs = {f"pcr{index}": f"{index + 1:02x}" * 48 for index in range(3)}
    policy = {"version": 1, "model_digests": ["d1" * 48], "measurements": [{"label": "none", **pcrs}]}
    contents = {"policy": json.dumps(policy), "key": "4b" * 32 + "\n", "signing-key": SIGNING_KEY}
    for name, text in contents.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    arguments = ["release", "--listen", "tcp:127.0.0.1:0", "--key-id", "one", "--anybody", "--evidence-out", folder / "evidence"]
    for name in contents:
        arguments += [f"--{name}", folder / name]
    with subprocess.Popen(
        ["strace", "-f", "-o", trace, client, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as strace:
        for line in strace.stderr:
            if found := re.search(r"listening on tcp:127\.0\.0\.1:(\d+)", line):
                break
        else:
            sys.exit("the release service does not start under strace")
        with socket.create_connection(("127.0.0.1", int(found[1])), 10) as stranger:
            stranger.recv(8, socket.MSG_WAITALL)
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
            if json.loads(strace.stdout.readline())["outcome"] != "failed":
                sys.exit("the release service took a stranger for an enclave")
        tracee = int(re.search(r"^(\d+) ", trace.read_text(), re.M).group(1))
        os.kill(tracee, signal.SIGTERM)
        if strace.wait():
            sys.exit("the release service does not stop in order under strace")
    return calls_in(trace, client)


def calls_in(trace, program):
    lines = trace.read_text()
    # Before that it is strace and the shell.
    begin = lines.index(f'"{program}"')
    return set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)[( ]", lines[begin:], re.M))


def listener():
    return socket.create_server(("127.0.0.1", 0))


main()
