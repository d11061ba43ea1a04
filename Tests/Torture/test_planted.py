"""The mistakes that Scripts/torture plants have a place in the code as it is."""

import pytest
from planted import MISTAKES


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_can_be_planted(mistake):
    assert mistake.new in mistake.planted
