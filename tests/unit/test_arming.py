"""Arming: START is refused with every setting that is off, wrong or unknown. Pure."""

from __future__ import annotations

import math

from controller.arming import FRESH_S, READ_EVERY_S, Arming
from drivers.base import LinkState
from drivers.settings import WrongSetting

OFF = WrongSetting("BELT", 5813, 0, "3", "58.14 communication loss action")
MUTE = WrongSetting("T1", 1169, None, "1 to 5", "watchdog", "exception 2, illegal address")


class Device:
    def __init__(self, name: str) -> None:
        self.name = name
        self.state = LinkState.UP
        self.wrong: tuple[WrongSetting, ...] = ()
        self.age_s = 1.0
        self.asked = 0

    def verified_s(self) -> float:
        return self.age_s

    def verify(self) -> None:
        self.asked += 1


def test_devices_that_are_set_and_were_looked_at_are_armed() -> None:
    assert Arming([Device("T1"), Device("BELT")]).against() == []


def test_every_wrong_setting_is_told_with_register_value_and_what_is_allowed() -> None:
    one, two = Device("T1"), Device("BELT")
    one.wrong, two.wrong = (MUTE,), (OFF,)
    assert Arming([one, two]).against() == [
        "T1: watchdog: register 1169 exception 2, illegal address, allowed 1 to 5",
        "BELT: 58.14 communication loss action: register 5813 is 0, allowed 3",
    ]


def test_what_is_not_known_or_not_fresh_is_not_armed() -> None:
    silent, old, never = Device("T1"), Device("T2"), Device("T3")
    silent.state = LinkState.SILENT
    old.age_s, never.age_s = FRESH_S + 0.1, math.inf
    told = Arming([silent, old, never]).against()
    assert [text.partition(":")[0] for text in told] == ["T1", "T2", "T3"]
    assert "does not answer" in told[0]
    assert "not read in the last 30 s" in told[1]


def test_the_words_and_the_edge_of_fresh() -> None:
    """Half a minute old is still fresh."""
    silent, edge, old = Device("T1"), Device("T2"), Device("T3")
    silent.state = LinkState.SILENT
    edge.age_s, old.age_s = FRESH_S, FRESH_S + 0.001
    assert Arming([silent, edge, old]).against() == [
        "T1: does not answer; its settings are unknown",
        "T3: its settings were not read in the last 30 s",
    ]


def test_settings_are_read_every_ten_seconds_to_the_scan() -> None:
    device = Device("T1")
    arming = Arming([device])
    asked = []
    for _ in range(40):
        arming.step(0.5, idle=True)
        asked.append(device.asked)
    assert asked == [0] * 19 + [1] * 20 + [2]


def test_settings_are_read_again_in_idle_only() -> None:
    device = Device("T1")
    arming = Arming([device])
    for _ in range(round(3 * READ_EVERY_S)):
        arming.step(1.0, idle=False)
    assert device.asked == 0
    for _ in range(round(2 * READ_EVERY_S)):
        arming.step(1.0, idle=True)
    assert device.asked in {2, 3}


def test_what_others_have_against_it_is_told_too() -> None:
    arming = Arming([])
    arming.more = ["the disk is full"]
    assert arming.against() == ["the disk is full"]
