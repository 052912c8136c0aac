"""OS users behind the socket, beside a user book: the line file decides what they may."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from config.models import Line, Role
from controller.operating.people import actor_of, beside_the_book, user_name
from tests.core_rig import make_line

SERVICE, ROOT = os.getuid(), 0
ME = user_name(SERVICE)


def line(**roles: str) -> Line:
    made = make_line()
    named = {name: Role(role) for name, role in roles.items()}
    return made.model_copy(update={"line": made.line.model_copy(update={"roles": named})})


def test_who_runs_the_service_is_an_engineer_and_root_is_not_for_being_root() -> None:
    assert actor_of(SERVICE, line(), SERVICE).role is Role.ENGINEER
    assert actor_of(ROOT, line(), owner_uid=12345).role is Role.VIEWER
    assert actor_of(ROOT, line(root="operator"), owner_uid=12345).role is Role.OPERATOR


def test_a_line_that_names_its_service_user_a_viewer_obliges_to_log_in() -> None:
    assert actor_of(SERVICE, line(**{ME: "viewer"}), SERVICE).role is Role.VIEWER


@pytest.mark.parametrize(
    ("roles", "told"),
    [
        ({}, (ME,)),
        ({ME: "viewer"}, ()),
        ({ME: "viewer", "ann": "operator", "bob": "viewer"}, ("ann",)),
        ({ME: "operator"}, (ME,)),
    ],
)
def test_the_service_says_who_commands_without_a_log_in(
    tmp_path: Path, roles: dict[str, str], told: tuple[str, ...]
) -> None:
    book = tmp_path / "users.json"
    assert beside_the_book(line(**roles), SERVICE, book) == "", "without a book all is as it reads"
    book.write_text("{}")
    said = beside_the_book(line(**roles), SERVICE, book)
    assert (f"command: {', '.join(told)};" in said) is bool(told)
    assert bool(said) is bool(told)
