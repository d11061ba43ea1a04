"""What the tests of this folder share; Scripts/torture sets the environment for their long forms."""

import os

import pytest
from house import House, Model

# 0 is the short form.
KILLS = int(os.environ.get("TORTURE_KILLS", "0"))
SEED = int(os.environ.get("TORTURE_SEED", "1"))
STORES = os.environ.get("TORTURE_STORE", "sqlite,postgres").split(",")


def on(store: str):
    """Marks what is about one store alone."""
    return pytest.mark.skipif(store not in STORES, reason=f"it is about {store}")


def chosen(every, few):
    """What the long form tries, and which of it the short one does."""
    return [one for one in every if KILLS or one in few]


@pytest.fixture(scope="session")
def seed() -> int:
    return SEED


@pytest.fixture(scope="session")
def is_long() -> bool:
    return KILLS > 0


@pytest.fixture
def model():
    model = Model()
    yield model
    model.stop()


@pytest.fixture
def make_house(folder, model):
    """Makes installations, and ends all of their processes with the test."""
    made: list[House] = []

    def make(**options) -> House:
        made.append(House(folder / f"house{len(made)}", model, **options))
        return made[-1]

    yield make
    for house in made:
        house.kill()


@pytest.fixture
def house_on(request, make_house):
    """An installation on one store or the other."""
    def make(store: str, **options) -> House:
        if store == "postgres":
            options["url"] = request.getfixturevalue("postgres").url(request.getfixturevalue("database"))
        return make_house(**options)

    return make
