"""What Ansible's events say to people."""

from __future__ import annotations

from playbooks.automation.runner.port import Kind
from playbooks.automation.runner.translate import counts_of, news_of
from playbooks.automation.runs import HostCount


def event(name: str, stdout: str = "", **data: object) -> dict[str, object]:
    return {"event": name, "stdout": stdout, "event_data": data}


def test_colours_stars_and_what_steers_a_terminal_are_left_out() -> None:
    news = news_of(event("playbook_on_task_start", "\r\n\x1b[0;32mTASK [Time zone] ****************\x1b[0m\x07"))
    assert news is not None
    assert (news.kind, news.text.strip()) == (Kind.TASK, "TASK [Time zone]")


def test_a_task_that_changed_something_says_where_and_what() -> None:
    result = {
        "changed": True,
        "dest": "/etc/resolv.conf",
        "diff": [
            {"before": "a\n", "after": "b\n", "after_header": "/ours/resolv.conf.j2"},
            {"before": {"mode": "0644"}, "after": {"mode": "0600"}},
            {"before": "", "after": ""},
        ],
    }
    news = news_of(event("runner_on_ok", "changed: [ps-rt1]", host="ps-rt1", task="DNS", res=result))
    assert news is not None
    assert (news.kind, news.host) == (Kind.CHANGED, "ps-rt1")
    assert [(one.place, one.before, one.after) for one in news.differences] == [
        ("/etc/resolv.conf", "a\n", "b\n"),
        ("/etc/resolv.conf", "mode: 0644\n", "mode: 0600\n"),
    ]


def test_a_failure_that_is_ignored_is_none() -> None:
    news = news_of(event("runner_on_failed", "fatal", host="a", ignore_errors=True, res={}))
    assert news is not None
    assert news.kind is Kind.OK


def test_what_check_mode_passes_over_is_told_and_what_a_condition_skips_is_not() -> None:
    passed = {"msg": "Command would have run if not in check mode"}
    condition = {"skip_reason": "Conditional result was False"}
    told = [news_of(event("runner_on_skipped", "skipping", task="x", res=res)) for res in (passed, condition)]
    assert [news is not None and news.untold for news in told] == [True, False]


def test_what_says_nothing_is_left_out() -> None:
    assert news_of(event("runner_on_start", "", host="a")) is None


def test_the_last_event_counts_tasks_for_each_host() -> None:
    counts = counts_of(
        event("playbook_on_stats", ok={"a": 3}, changed={"a": 1}, failures={}, skipped={"a": 2}, dark={"b": 1})
    )
    assert counts == {"a": HostCount(ok=3, changed=1, skipped=2), "b": HostCount(unreachable=True)}
    assert counts_of(event("runner_on_ok")) is None
