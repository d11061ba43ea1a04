"""Waiting for what happens in other processes."""

import time

# Seconds: longer than anything these tests wait for, on a busy machine.
PATIENCE = 30


def await_(what, seconds: float = PATIENCE):
    """Polls until `what` answers something true; fails with what it answered last."""
    ends = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < ends, f"{what.__doc__ or what.__name__} did not happen: {answer}"
        time.sleep(0.1)
    return answer


def await_saved(crowd, count: int = 1):
    """Returns once a crowd, which talks on, was told of so many answers that they are kept."""
    await_(lambda: sum(turn.saved is not None for turn in crowd.turns) >= count)
