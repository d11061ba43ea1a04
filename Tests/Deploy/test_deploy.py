"""The files in deploy/, held against the programs that read them and the real server."""

import base64
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVER = os.environ.get("MEDSTREAM_SERVER", str(ROOT / ".build/debug/medstream-server"))
ORIGIN = "https://chat.example.org"
# Before a command: ends it with the process that runs these tests, if that is killed.
WITH_US = ["setpriv", "--pdeathsig", "TERM"]


def need(program: str) -> str:
    path = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin")
    return path or pytest.skip(f"{program} is not installed")


def setting(text: str, name: str) -> str:
    return re.search(rf"^{name}=(.*)$", text, re.M).group(1)


UNITS = {"medstream": "medstream-server", "medstream-worker": "medstream-worker"}
PRODUCTS = ["medstream-server", "medstream-worker", "medstream"]
BUILT = Path(SERVER).parent


def unit(name: str) -> str:
    return (ROOT / f"deploy/{name}.service").read_text()


@pytest.mark.parametrize(("name", "program"), UNITS.items())
def test_a_unit_is_one_that_systemd_understands(name, program, tmp_path):
    verify = need("systemd-analyze")
    file = tmp_path / f"{name}.service"
    installed = f"/opt/medstream/bin/{program}"
    assert installed in unit(name)
    file.write_text(unit(name).replace(installed, str(BUILT / program)))
    result = subprocess.run([verify, "verify", str(file)], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")


# What each takes after its drain when its disk hangs, in seconds: API/Application.swift with Apps/Server/Server.swift;
# Apps/Worker/WorkerProgram.swift.
@pytest.mark.parametrize(("name", "section", "rest"), [("medstream", "server", 11), ("medstream-worker", "worker", 5)])
def test_a_unit_waits_for_the_drain_and_gives_up_on_wrong_settings(name, section, rest, tmp_path):
    settings = (ROOT / "config/medstream.yaml").read_text()
    drain = re.search(rf"^{section}:.*?^ +drain: (\d+)s", settings, re.M | re.S).group(1)
    assert int(setting(unit(name), "TimeoutStopSec").removesuffix("s")) > int(drain) + rest
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("server: { prot: 1 }\n")
    command = [str(BUILT / UNITS[name]), "--config", str(wrong)]
    code = subprocess.run(command, capture_output=True, timeout=30).returncode
    assert str(code) in setting(unit(name), "RestartPreventExitStatus").split()


def test_the_worker_reaches_what_the_server_keeps_and_nothing_else():
    def lines(name: str) -> set[str]:
        service = unit(name).split("[Service]")[1].split("[Install]")[0]
        return {line for line in service.splitlines() if re.match(r"#?\w+=", line)}

    server, worker = lines("medstream"), lines("medstream-worker")
    own = {"ExecStart", "TimeoutStopSec", "LimitNOFILE"}
    assert {line.split("=")[0] for line in server ^ worker} <= own
    assert {"DynamicUser=yes", "User=medstream", "StateDirectory=medstream"} <= server & worker


def test_all_products_are_built_and_installed_with_what_they_need():
    container = (ROOT / "deploy/Containerfile").read_text()
    page = (ROOT / "docs/operations.md").read_text().split("## Installing it")[1].split("\n## ")[0]
    for text in (container, page):
        assert re.search("for product in ([^;]*); do", text).group(1).split() == PRODUCTS
    dpkg = need("dpkg-query")
    needed = {"ca-certificates"}
    for product in PRODUCTS:
        linked = subprocess.run(["ldd", BUILT / product], capture_output=True, text=True, check=True, timeout=60).stdout
        where = dict(re.findall(r"(\S+) => (/\S+)", linked))
        names = subprocess.run(
            ["readelf", "-d", BUILT / product], capture_output=True, text=True, check=True, timeout=60).stdout
        for name in re.findall(r"\(NEEDED\).*\[(.*)\]", names):
            path = os.path.realpath(where.get(name, name))
            # Debian names a file by the folder it was packed in, which may be a link by now.
            found = [
                subprocess.run([dpkg, "--search", each], capture_output=True, text=True, timeout=60).stdout.split(":")[0]
                for each in (path, path.removeprefix("/usr"))]
            # Swift's own libraries are of no package, and are linked in for good in what is installed.
            needed |= {package for package in found if package}
    # Every Debian has these.
    needed -= {"libc6", "libgcc-s1"}
    listed = re.search(r"--no-install-recommends((?:\s+\\|\s+[a-z][\w.+-]+)+)\s+&&", container).group(1)
    assert set(listed.replace("\\", " ").split()) == needed
    assert set(re.search(r"these packages:\n`(.*)`", page).group(1).split()) == needed


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def front(tmp_path):
    """nginx with deploy/nginx.conf before a server; only paths and ports are others."""
    nginx = need("nginx")
    need("openssl")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"], check=True, capture_output=True, timeout=60)
    (tmp_path / "passwords").write_text("nurse:{PLAIN}secret\n")
    # A pipe, so that a line can be waited for; open for both, so that nginx need not wait for its reader.
    os.mkfifo(tmp_path / "access.log")
    log = open(os.open(tmp_path / "access.log", os.O_RDWR), encoding="utf-8")
    server = subprocess.Popen(
        [*WITH_US, SERVER, "--set", "server.port=0", "--set", "logs.level=error", "--set", f"server.cors.origins=[{ORIGIN}]",
         "--set", "providers.demo.words_per_second=60", "--set", f"data_directory={tmp_path}/data"],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    proxy = None
    try:
        upstream = re.search(r"[\w.]+:\d+$", server.stdout.readline().strip()).group(0)
        port = free_port()
        text = (ROOT / "deploy/nginx.conf").read_text()
        for old, new in {
            "/etc/ssl/chat.example.org/fullchain.pem": tmp_path / "cert.pem",
            "/etc/ssl/chat.example.org/privkey.pem": tmp_path / "key.pem",
            "/etc/nginx/medstream.passwords": tmp_path / "passwords",
            "/var/log/nginx/medstream.log": tmp_path / "access.log",
            "/run/nginx.pid": tmp_path / "nginx.pid",
            "        listen [::]:80;\n": "", "        listen [::]:443 ssl http2;\n": "",
            "listen 80": f"listen 127.0.0.1:{free_port()}", "listen 443": f"listen 127.0.0.1:{port}",
            "127.0.0.1:8080": upstream,
        }.items():
            assert old in text, f"{old} is no longer in deploy/nginx.conf"
            text = text.replace(old, str(new))
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
            text = text.replace("http {\n", f"http {{\n    {kind}_temp_path {tmp_path}/{kind};\n", 1)
        (tmp_path / "nginx.conf").write_text(text)
        arguments = [nginx, "-c", tmp_path / "nginx.conf", "-e", tmp_path / "error.log"]
        checked = subprocess.run([*arguments, "-t"], capture_output=True, text=True, timeout=30)
        assert checked.returncode == 0, checked.stderr
        # Workers of another user could not read this test's files.
        user = " user root;" if os.geteuid() == 0 else ""
        proxy = subprocess.Popen(
            [*WITH_US, *arguments, "-g", "daemon off; error_log stderr notice;" + user], stderr=subprocess.PIPE, text=True)
        told = []
        while not told or "start worker process " not in told[-1]:
            told.append(proxy.stderr.readline())
            assert told[-1], "".join(told)
        yield f"https://127.0.0.1:{port}", log
    finally:
        log.close()
        if proxy:
            proxy.terminate()
            proxy.wait(30)
        server.terminate()
        server.wait(30)


def call(url: str, password: str = "secret", **options):
    request = urllib.request.Request(url, **options)
    request.add_header("Authorization", "Basic " + base64.b64encode(f"nurse:{password}".encode()).decode())
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        return urllib.request.urlopen(request, context=context, timeout=60)
    except urllib.error.HTTPError as error:
        return error


def test_the_front_lets_events_through_as_they_come_and_nobody_without_a_password(front):
    address, log = front
    assert call(address, password="guess").status == 401
    assert call(address).status == 200
    assert call(address + "/metrics").status == 404

    question = {"data": b'{"message": "hello"}', "headers": {"Content-Type": "application/json", "Origin": ORIGIN}}
    assert call(address + "/api/v1/chat/messages", **question).status in (200, 201, 202)
    question["headers"]["Origin"] = "https://elsewhere.example.org"
    assert call(address + "/api/v1/chat/messages", **question).status == 403

    with call(address + "/api/v1/chat/stream?message=I%20have%20chest%20pain") as answer:
        assert answer.status == 200
        times = [time.monotonic() for line in answer if line.startswith(b"data:")]
    # The demo takes its time for an answer; a buffer in between would hand it over at once.
    assert len(times) > 20 and times[-1] - times[0] > 1
    for line in log:
        assert "chest" not in line
        if "/api/v1/chat/stream" in line:
            break
