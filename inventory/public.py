"""What other parts may call of the inventory. Everything else in this folder is its own affair."""

from inventory import located_yaml, persons
from inventory.access import (
    ACCOUNTS_MANAGE,
    ACCOUNTS_READ,
    ADMINISTRATOR,
    ALERTS_READ,
    ALERTS_TAKE,
    AUDIT_READ,
    CREDENTIALS_SET,
    INVENTORY_CHANGE,
    INVENTORY_READ,
    MEETINGS_BOOK,
    MEETINGS_MANAGE,
    MEETINGS_READ,
    PERMISSIONS,
    PLATFORM_READ,
    PLAYBOOKS_READ,
    PLAYBOOKS_RUN,
    narrow_offices,
    narrow_units,
)
from inventory.administer import (
    AccountPage,
    account_factor,
    account_for,
    account_sessions,
    account_tokens,
    audited_places,
    end_account_sessions,
    give_password,
    link_identity,
    list_accounts,
    reset_factor,
    revoke_account_token,
    set_disabled,
)
from inventory.ansible_inventory import AnsibleInventory, ansible_host, ansible_inventory
from inventory.api_tokens import (
    MadeToken,
    TokenRequest,
    TokenView,
    bearer_for,
    make_token,
    own_tokens,
    revoke_own_token,
)
from inventory.check_edit import change_check, create_check
from inventory.check_queries import check_for, checks, planned_checks
from inventory.checks import CheckKind, CheckView
from inventory.contract_edits import (
    ContractPage,
    ContractWish,
    change_contract,
    contract_cells,
    contract_for,
    contracts_ending,
    contracts_on,
    create_contract,
)
from inventory.contract_warnings import contract_teller, run_contract_warnings
from inventory.contracts import ContractKind, ContractState, ContractView
from inventory.coverage import record_fact
from inventory.coverage_queries import (
    CoveragePage,
    CoverageSum,
    CoverageWish,
    Fact,
    PastFact,
    UnitCoverage,
    coverage_of,
    coverage_on,
    coverage_sums,
    facts_over_time,
    summed,
)
from inventory.credential_kinds import (
    KEEP,
    SECRETS_OF,
    USE_OF,
    AuthProtocol,
    Credential,
    CredentialKind,
    EnableSecret,
    PrivProtocol,
    SnmpV2c,
    SnmpV3,
    SshKey,
    SshPassword,
    Token,
    Use,
    made_of,
    secret_texts,
)
from inventory.credential_places import (
    CredentialPlace,
    Held,
    PlaceKind,
    attach,
    credentials_at,
    detach,
    names_for_devices,
    require_place,
    set_at_place,
)
from inventory.credentials import (
    CredentialView,
    credential_for_use,
    credential_named,
    list_credentials,
    remove_credential,
    reseal_credentials,
    set_credential,
    used,
)
from inventory.deliveries import (
    DeliveryPage,
    DeliveryState,
    DeliveryView,
    Piece,
    PieceState,
    Waiting,
    accept_piece,
    deliveries,
    delivery_for,
    installable,
    note_arrival,
    plan_delivery,
    refuse_piece,
)
from inventory.device_facts import note_device_facts
from inventory.devices import (
    MOVES,
    POLLED,
    DeviceState,
    DeviceView,
    Ownership,
    Role,
    SnmpVersion,
    SshAccess,
    may_become,
)
from inventory.edit import (
    OfficeDetails,
    change_device,
    change_office,
    change_uplink,
    create_device,
    create_office,
    create_uplink,
    office_details,
)
from inventory.equipment_queries import (
    DevicePage,
    DeviceWish,
    OfficePage,
    OfficeWish,
    contacts_of,
    device_on,
    devices_on,
    office_on,
    offices_on,
)
from inventory.erase import Erased, erase_person
from inventory.errors import (
    BadInventoryFile,
    BadMove,
    BadName,
    BadReorganisation,
    ChangedMeanwhile,
    CodeTaken,
    ContractOverlaps,
    GrantOver,
    LastAdministrator,
    Mistake,
    NameTaken,
    ProviderNotBelieved,
    ProviderRefused,
    ProviderUnclear,
    SetupLinkOver,
    TokenTooWide,
    TripOver,
    WeakPassword,
    WrongCode,
    WrongPassword,
)
from inventory.events import ContractEnding
from inventory.exchange.apply import HasRefusals, PreviewChanged, apply_import, begin_apply
from inventory.exchange.cells import COLUMNS
from inventory.exchange.export import csv_of, yaml_of
from inventory.exchange.fault_words import WORDS as FAULT_WORDS
from inventory.exchange.fault_words import in_english
from inventory.exchange.faults import Fault
from inventory.exchange.judge import Verdict
from inventory.exchange.preview import ImportStopped, read_import
from inventory.exchange.receive import (
    APPLY_IMPORT,
    PIECE,
    READ_IMPORT,
    ImportOver,
    ImportRequest,
    add_piece,
    begin_import,
    discard_import,
    stop_import,
)
from inventory.exchange.views import (
    ImportLine,
    ImportLines,
    ImportPage,
    ImportState,
    ImportView,
    import_for,
    import_lines,
    imports,
)
from inventory.exchange.work import applying_work, reading_work, run_forgetting
from inventory.facts import VALUES, FactKind, FactWish
from inventory.following import Follower, Line, LinePage, Moved
from inventory.grants import (
    Grant,
    GrantPage,
    GrantView,
    RoleView,
    grant_role,
    grants,
    own_grants,
    require_totp,
    revoke_grant,
    role_titles,
    roles,
)
from inventory.grants_follow import Grants
from inventory.holding import RoleTitle
from inventory.keep_windows import (
    WindowPage,
    WindowPreview,
    WindowView,
    add_window,
    end_window,
    window_for,
    window_preview,
    window_times,
    windows,
)
from inventory.kits import KitItem, KitVersion, KitView, Per, change_kit, create_kit, items_of, kit_for, kits
from inventory.levels import set_level
from inventory.links import Medium, SiteState, UplinkView, site_state
from inventory.load import LoadReport, load_file, text_of
from inventory.load_vietnam import VietnamReport, load_vietnam
from inventory.needs import (
    Elsewhere,
    Gap,
    NeededDevice,
    OfficeNeeds,
    OfficeNeedsPage,
    RoleGap,
    UnitNeeds,
    needs_by_unit,
    needs_of_offices,
    needs_summed,
    office_needs,
)
from inventory.office_groups import OfficeGroup, group_members, office_groups
from inventory.offices import Contact, OfficeKind, OfficeView, mistake_in_hours
from inventory.people import (
    EXAMPLE_PASSWORD,
    AccountView,
    actor_for,
    change_password,
    choose_language,
    create_account,
    create_example_accounts,
    example_accounts,
    has_password,
    own_account,
)
from inventory.play_targets import PlayTarget, TargetWish, offices_behind, play_targets, redundancy_groups
from inventory.profiles import (
    NO_QUIRKS,
    BadProfiles,
    Column,
    Object,
    Profile,
    ProfileFolder,
    Quirks,
    Ratio,
    RowFilter,
    Scalar,
    Source,
    Table,
    bundled_profiles,
    known_profiles,
    load_profiles,
    profile_with,
)
from inventory.programme_file import FIELDS_OF, OF_EVERY_CHECK, RECORDS
from inventory.proofs import run_proofs
from inventory.provider import (
    Subject,
    Trip,
    begin_trip,
    end_trip,
    sign_in_by_provider,
)
from inventory.queries import (
    DeviceSet,
    device_for,
    device_ids,
    device_set,
    devices,
    every_device,
    holds,
    may_at,
    may_in_offices,
    named_offices,
    office_for,
    office_id,
    office_levels,
    office_names,
    offices,
    offices_of_devices,
    offices_of_other_devices,
    offices_over_ssh,
    require_offices,
    ssh_access,
    uplink_codes,
    uplink_for,
    uplinks,
    visible_devices,
    visible_offices,
)
from inventory.reorganisations import (
    ReorganisationPage,
    ReorganisationView,
    apply_due,
    lines,
    propose,
    rehearse,
    reorganisation_for,
    reorganisations,
    run_due_reorganisations,
    schedule,
)
from inventory.reorganisations import State as ReorganisationState
from inventory.reorganisations import cancel as cancel_reorganisation
from inventory.reorganise import MOST_OPERATIONS, OPERATIONS, Operation
from inventory.rotation import (
    DeviceDoors,
    Pair,
    Rotation,
    Stage,
    abandon_rotation,
    begin_rotation,
    device_doors,
    note_proof,
    pair_for_use,
    rotation,
)
from inventory.search import Found, search
from inventory.second_factor import (
    Enrolment,
    FactorView,
    begin_enrolment,
    finish_enrolment,
    give_code,
    own_factor,
    prove,
    remove_factor,
    reseal_factors,
)
from inventory.sessions import (
    Peer,
    Second,
    SessionView,
    Started,
    confirm_password,
    end_session,
    own_sessions,
    session_for,
    sign_in,
)
from inventory.setup_link import ensure_setup_link, setup_link_works, use_setup_link
from inventory.tree_changes import Rehearsal
from inventory.unit_figures import Below, Relative, below_each, relatives
from inventory.unit_queries import (
    Figure,
    UnitDetails,
    UnitPage,
    UnitPeriod,
    UnitWish,
    figures,
    levels,
    unit_for,
    units_above,
    units_on,
)
from inventory.units import LAW, PROVINCE, Level, UnitView, day_of, start_of
from inventory.who_may import Holder, who_may
from inventory.windows import Opening, WindowKind, WindowWish, next_open, now_open
