"""An installation, its operator, and people who talk meanwhile."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Torture"))
from house import House, Model  # noqa: E402


@pytest.fixture(scope="session")
def model():
    model = Model()
    yield model
    model.stop()


@pytest.fixture
def make_house(folder, model):
    """Makes installations, and ends all of their processes with the test."""
    made: list[House] = []

    def make(name: str = "house", **options) -> House:
        made.append(House(folder / name, model, **options))
        return made[-1]

    yield make
    for house in made:
        house.kill()


@pytest.fixture
def house(make_house):
    return make_house()
