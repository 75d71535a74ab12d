from tests.docs.copilot_session import END, PAGE, START, record, without_chance, written


def test_the_recorded_session_is_what_happens() -> None:
    page = PAGE.read_text(encoding="utf-8")
    recorded = f"{START}{page.partition(START)[2].partition(END)[0]}{END}"
    assert without_chance(written(record())) == without_chance(recorded), "run: make picture"
