"""What other parts may call of playbooks."""

from inventory.public import PLAYBOOKS_READ, PLAYBOOKS_RUN
from kernel.actors import Actor
from playbooks.automation.advance import run_rollouts
from playbooks.automation.best_hours import Busy, GoodHour
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
from playbooks.automation.errors import (
    BadArgument,
    BadCatalog,
    NoTargetsAtAll,
    NotForYourRole,
    NothingMeant,
    OfficeBusy,
    OwnerGone,
    RoomInSession,
)
from playbooks.automation.events import (
    PlaybookEnded,
    PlaybookLaunched,
    PlaybookProposed,
    RolloutStopped,
    ScheduleMissed,
    WaveEnded,
)
from playbooks.automation.execute import playbook_work
from playbooks.automation.guards import Hindrance, HindranceKind, SessionNotice, may_decide
from playbooks.automation.hooks.errors import CallNotSigned, CallRepeated
from playbooks.automation.hooks.incoming import (
    CallPage,
    CallView,
    HookView,
    end_hook,
    hook_calls,
    hook_for,
    hooks,
    make_hook,
    take_call,
)
from playbooks.automation.hooks.outgoing import (
    TELLABLE,
    USUALLY_TOLD,
    DeliveryPage,
    DeliveryView,
    ReceiverView,
    add_receiver,
    end_receiver,
    receiver_deliveries,
    receivers,
    run_teller,
)
from playbooks.automation.host_queries import (
    HostPage,
    HostView,
    LineView,
    TaskTime,
    host_differences,
    hosts_of_run,
    run_hosts,
    run_lines,
    task_times,
)
from playbooks.automation.host_secrets import host_secrets
from playbooks.automation.lane import seen_again
from playbooks.automation.launch import RUN_PLAYBOOK, LaunchRequest, ask_override, launch
from playbooks.automation.orders import Order
from playbooks.automation.outside import Outside, RoomsInSession
from playbooks.automation.override import MOST_REASON, override
from playbooks.automation.own_folder import OfferedPlaybooks
from playbooks.automation.parts import HostsGiven, Parts
from playbooks.automation.prospect import Prospect, prospect
from playbooks.automation.prove import Prover
from playbooks.automation.queries import RunFilter, RunPage, RunView, WaveView, audited_runs, run_for, runs
from playbooks.automation.reports import take_report
from playbooks.automation.roll_out import (
    RolloutProspect,
    RolloutRequest,
    TargetView,
    TargetWish,
    best_hours,
    roll_out,
    rollout_prospect,
)
from playbooks.automation.runner.port import Difference, Kind
from playbooks.automation.runs import Coverage, HostState, Priority, RunState, Why
from playbooks.automation.schedules.fire import Launching, fire_due, run_schedules
from playbooks.automation.schedules.queries import FireView, SchedulePage, ScheduleView, fires, schedule_for, schedules
from playbooks.automation.schedules.schedule import (
    ScheduleRequest,
    end_schedule,
    make_schedule,
    pause_schedule,
    resume_schedule,
)
from playbooks.automation.schedules.schedule import preview as preview_schedule
from playbooks.automation.schedules.schedule import view_timing as timing_of_schedule
from playbooks.automation.schedules.times import DaysOff, Due, OnHoliday, next_times
from playbooks.automation.steer import approve, may_steer, pause, refuse, resume, retry_failed, undo
from playbooks.automation.stops import Alarm
from playbooks.automation.targets import LeftOut, WhyLeftOut
from playbooks.automation.waves import PlannedWave, WaveKind, WaveState, WaveWish


def catalog(actor: Actor) -> list[PlaybookView]:
    """Return the playbooks by name. Raises Refused if `actor` may not see playbooks."""
    actor.require(PLAYBOOKS_READ)
    return list(bundled_catalog().values())
