"""What other parts may call of playbooks."""

from inventory.public import PLAYBOOKS_READ, PLAYBOOKS_RUN
from kernel.actors import Actor
from playbooks.automation.cancel import cancel
from playbooks.automation.catalog import (
    Argument,
    ArgumentType,
    Catalog,
    Misfit,
    PlaybookView,
    Risk,
    Words,
    bundled_catalog,
    load_catalog,
    load_site_variables,
    playbook_of,
)
from playbooks.automation.errors import BadArgument, BadCatalog, OfficeBusy, RoomInSession
from playbooks.automation.events import PlaybookEnded, PlaybookLaunched
from playbooks.automation.execute import Parts, playbook_work
from playbooks.automation.guards import SessionNotice, may_decide
from playbooks.automation.launch import RUN_PLAYBOOK, LaunchRequest, RoomsInSession, ask_override, launch
from playbooks.automation.override import MOST_REASON, override
from playbooks.automation.prospect import Prospect, prospect
from playbooks.automation.queries import (
    HostView,
    LineView,
    RunPage,
    RunView,
    TallyView,
    audited_runs,
    run_for,
    run_hosts,
    run_lines,
    run_tally,
    runs,
)
from playbooks.automation.runner.port import Difference, Kind
from playbooks.automation.runs import Coverage, RunState, Why
from playbooks.automation.targets import LeftOut, WhyLeftOut

__all__ = [
    "MOST_REASON",
    "PLAYBOOKS_READ",
    "PLAYBOOKS_RUN",
    "RUN_PLAYBOOK",
    "Argument",
    "ArgumentType",
    "BadArgument",
    "BadCatalog",
    "Catalog",
    "Coverage",
    "Difference",
    "HostView",
    "Kind",
    "LaunchRequest",
    "LeftOut",
    "LineView",
    "Misfit",
    "OfficeBusy",
    "Parts",
    "PlaybookEnded",
    "PlaybookLaunched",
    "PlaybookView",
    "Prospect",
    "Risk",
    "RoomInSession",
    "RoomsInSession",
    "RunPage",
    "RunState",
    "RunView",
    "SessionNotice",
    "TallyView",
    "Why",
    "WhyLeftOut",
    "Words",
    "ask_override",
    "audited_runs",
    "bundled_catalog",
    "cancel",
    "catalog",
    "launch",
    "load_catalog",
    "load_site_variables",
    "may_decide",
    "override",
    "playbook_of",
    "playbook_work",
    "prospect",
    "run_for",
    "run_hosts",
    "run_lines",
    "run_tally",
    "runs",
]


def catalog(actor: Actor) -> list[PlaybookView]:
    """Return the playbooks by name. Raises Refused if `actor` may not see playbooks."""
    actor.require(PLAYBOOKS_READ)
    return list(bundled_catalog().values())
