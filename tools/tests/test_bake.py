"""What only this machine knows."""

import pytest

from stagecraft.bake import public_source


@pytest.mark.parametrize(
    ("remote", "source"),
    [
        ("https://token@example.com/team/stagecraft.git", "https://example.com/team/stagecraft"),
        ("https://example.com:8443/team/stagecraft", "https://example.com:8443/team/stagecraft"),
        ("git@example.com:team/stagecraft.git", "https://example.com/team/stagecraft"),
        ("/srv/git/stagecraft", None),
        ("", None),
    ],
)
def test_the_source_is_an_address_for_anyone(remote: str, source: str | None) -> None:
    """No token and no folder of this machine gets into a label."""
    assert public_source(remote) == source
