"""Slack's limits for blocks, elements and views as tables; slack_checks.py walks them.

Sources: slack_sdk.models and its reference documentation (platform-facts S5). An `open` shape lists only the
properties whose limits are known; every other shape refuses unknown properties, as Slack does.
"""

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

MESSAGE_BLOCKS: Final = 50
VIEW_BLOCKS: Final = 100
VIEW_BYTES: Final = 250_000
VIEW_STACK: Final = 3  # the root and two pushed views
MESSAGE_TEXT: Final = 40_000  # longer text is cut, not refused
UPDATE_TEXT: Final = 4_000  # chat.update refuses longer text instead
MARKDOWN_TEXT: Final = 12_000  # all markdown blocks of a message together
METADATA_BYTES: Final = 16_000
ATTACHMENTS: Final = 100
OPTIONS: Final = 100
ACTION_ID: Final = 255


@dataclass(frozen=True, slots=True)
class Field:
    """One property: `kind` names the check; `least` and `most` are characters, items or values."""

    kind: str
    most: int = 0
    least: int = 0
    required: bool = False
    among: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Shape:
    """The properties of a block, element or composition object; exactly one of `one_of`, some of `any_of`."""

    fields: MappingProxyType[str, Field]
    open: bool = False
    one_of: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()

    def exactly(self, *names: str) -> "Shape":
        """The same shape in which exactly one of these properties must be there."""
        return replace(self, one_of=names)

    def some_of(self, *names: str) -> "Shape":
        """The same shape in which at least one of these properties must be there."""
        return replace(self, any_of=names)


def _shape(**fields: Field) -> Shape:
    return Shape(MappingProxyType(fields))


def _open(**fields: Field) -> Shape:
    return Shape(MappingProxyType(fields), open=True)


def _string(most: int, *, least: int = 1, required: bool = False) -> Field:
    return Field("string", most, least, required)


def _plain(most: int, *, required: bool = False) -> Field:
    return Field("plain", most, 1, required)


def _text(most: int, *, required: bool = False) -> Field:
    return Field("text", most, 1, required)


def _number(least: int, most: int) -> Field:
    return Field("integer", most, least)


def _element(among: frozenset[str], *, required: bool = False) -> Field:
    return Field("element", required=required, among=among)


def _elements(most: int, among: frozenset[str]) -> Field:
    return Field("elements", most, 1, True, among)


def _choice(*words: str, required: bool = False) -> Field:
    return Field("choice", required=required, among=frozenset(words))


def _options(most: int, *, required: bool = False) -> Field:
    return Field("options", most, 1, required)


FLAG = Field("flag")
CONFIRM = Field("confirm")
OPTION = Field("option")
STRINGS = Field("strings", 100)
OBJECT = Field("object")
ID = _string(ACTION_ID)
PLACEHOLDER = _plain(150)
STYLE = _choice("primary", "danger")
_COMMON = MappingProxyType(
    {"action_id": ID, "focus_on_load": FLAG, "confirm": CONFIRM, "placeholder": PLACEHOLDER}
)
_TYPED = MappingProxyType(
    {"action_id": ID, "focus_on_load": FLAG, "placeholder": PLACEHOLDER, "dispatch_action_config": OBJECT}
)
_MOST_CHOSEN = _number(1, 100)

_CHOOSE_ONE = frozenset(
    {"static_select", "external_select", "users_select", "conversations_select", "channels_select"}
)
_CHOOSE_MANY = frozenset("multi_" + name for name in _CHOOSE_ONE)
_PICKERS = frozenset({"datepicker", "timepicker"})
_TICKS = frozenset({"checkboxes", "radio_buttons"})
_TYPE_IN = frozenset(
    {
        "plain_text_input",
        "email_text_input",
        "url_text_input",
        "number_input",
        "rich_text_input",
        "file_input",
    }
)
ACCESSORIES = (
    frozenset({"button", "image", "overflow", "workflow_button"})
    | _PICKERS
    | _TICKS
    | _CHOOSE_ONE
    | _CHOOSE_MANY
)
ACTIONS = (
    frozenset({"button", "overflow", "workflow_button", "datetimepicker"}) | _PICKERS | _TICKS | _CHOOSE_ONE
)
INPUTS = frozenset({"datetimepicker"}) | _PICKERS | _TICKS | _CHOOSE_ONE | _CHOOSE_MANY | _TYPE_IN
INTERACTIVE = ACCESSORIES | ACTIONS | INPUTS | {"icon_button", "feedback_buttons"}

COMPOSITIONS = {
    "option": _shape(
        text=_text(75, required=True),
        value=_string(150, required=True),
        description=_text(75),
        url=_string(3000),
    ),
    "group": _shape(label=_plain(75, required=True), options=_options(OPTIONS, required=True)),
    "confirm": _shape(
        title=_plain(100, required=True),
        text=_text(300, required=True),
        confirm=_plain(30, required=True),
        deny=_plain(30, required=True),
        style=STYLE,
    ),
}

_STATIC = {"options": _options(OPTIONS), "option_groups": Field("groups", 100, 1)}
_PEOPLE = {"initial_user": ID}
_PLACES = {
    "initial_conversation": ID,
    "default_to_current_conversation": FLAG,
    "response_url_enabled": FLAG,
    "filter": OBJECT,
}
_INITIAL = {"initial_option": OPTION}
_INITIALS = {"initial_options": _options(OPTIONS), "max_selected_items": _MOST_CHOSEN}
_SEARCH = {"min_query_length": _number(0, 3000)}

ELEMENTS = {
    "button": _shape(
        text=_plain(75, required=True),
        action_id=ID,
        url=_string(3000),
        value=_string(2000, least=0),
        style=STYLE,
        confirm=CONFIRM,
        accessibility_label=_string(75),
    ),
    "checkboxes": _shape(
        action_id=ID,
        options=_options(10, required=True),
        initial_options=_options(10),
        confirm=CONFIRM,
        focus_on_load=FLAG,
    ),
    "radio_buttons": _shape(
        action_id=ID,
        options=_options(10, required=True),
        initial_option=OPTION,
        confirm=CONFIRM,
        focus_on_load=FLAG,
    ),
    "datepicker": _shape(**_COMMON, initial_date=Field("date")),
    "timepicker": _shape(**_COMMON, initial_time=Field("time"), timezone=_string(100)),
    "datetimepicker": _shape(
        action_id=ID, initial_date_time=_number(10**9, 10**10 - 1), confirm=CONFIRM, focus_on_load=FLAG
    ),
    "plain_text_input": _shape(
        **_TYPED,
        initial_value=_string(3000, least=0),
        multiline=FLAG,
        min_length=_number(0, 3000),
        max_length=_number(1, 3000),
    ),
    "email_text_input": _shape(**_TYPED, initial_value=_string(3000, least=0)),
    "url_text_input": _shape(**_TYPED, initial_value=_string(3000, least=0)),
    "number_input": _shape(
        **_TYPED,
        is_decimal_allowed=Field("flag", required=True),
        initial_value=_string(100),
        min_value=_string(100),
        max_value=_string(100),
    ),
    "rich_text_input": _shape(**_TYPED, initial_value=OBJECT),
    "file_input": _shape(action_id=ID, filetypes=STRINGS, max_files=_number(1, 10)),
    "static_select": _shape(**_COMMON, **_STATIC, **_INITIAL).exactly("options", "option_groups"),
    "multi_static_select": _shape(**_COMMON, **_STATIC, **_INITIALS).exactly("options", "option_groups"),
    "external_select": _shape(**_COMMON, **_INITIAL, **_SEARCH),
    "multi_external_select": _shape(**_COMMON, **_INITIALS, **_SEARCH),
    "users_select": _shape(**_COMMON, **_PEOPLE),
    "multi_users_select": _shape(**_COMMON, initial_users=STRINGS, max_selected_items=_MOST_CHOSEN),
    "conversations_select": _shape(**_COMMON, **_PLACES),
    "multi_conversations_select": _shape(
        **_COMMON,
        initial_conversations=STRINGS,
        max_selected_items=_MOST_CHOSEN,
        default_to_current_conversation=FLAG,
        filter=OBJECT,
    ),
    "channels_select": _shape(**_COMMON, initial_channel=ID, response_url_enabled=FLAG),
    "multi_channels_select": _shape(**_COMMON, initial_channels=STRINGS, max_selected_items=_MOST_CHOSEN),
    "overflow": _shape(action_id=ID, options=_options(5, required=True), confirm=CONFIRM),
    "image": _shape(
        alt_text=_string(2000, required=True), image_url=_string(3000), slack_file=OBJECT
    ).exactly("image_url", "slack_file"),
    "workflow_button": _shape(
        text=_plain(75, required=True),
        action_id=ID,
        workflow=OBJECT,
        style=STYLE,
        accessibility_label=_string(75),
    ),
    "icon_button": _open(action_id=ID, text=_plain(75), value=_string(2000), confirm=CONFIRM),
    "feedback_buttons": _open(action_id=ID),
}

BLOCKS = {
    "section": _shape(
        text=_text(3000), fields=Field("texts", 10, 1), accessory=_element(ACCESSORIES), expand=FLAG
    ).some_of("text", "fields"),
    "divider": _shape(),
    "header": _shape(text=_plain(150, required=True), level=_number(1, 6)),
    "context": _shape(elements=Field("context", 10, 1, True)),
    "actions": _shape(elements=_elements(25, ACTIONS)),
    "input": _shape(
        label=_plain(2000, required=True),
        element=_element(INPUTS, required=True),
        hint=_plain(2000),
        optional=FLAG,
        dispatch_action=FLAG,
    ),
    "image": _shape(
        alt_text=_string(2000, required=True), image_url=_string(3000), slack_file=OBJECT, title=_plain(2000)
    ).exactly("image_url", "slack_file"),
    "rich_text": _shape(elements=Field("rich", 1000, 1, True)),
    "markdown": _shape(text=_string(MARKDOWN_TEXT, required=True)),
    "table": _shape(rows=Field("rows", 100, 1, True), column_settings=Field("list", 20)),
    "data_table": _open(page_size=_number(1, 100)),
    "video": _open(
        title=_plain(199, required=True),
        alt_text=_string(2000, required=True),
        author_name=_string(49),
        video_url=_string(3000, required=True),
        thumbnail_url=_string(3000, required=True),
    ),
    "file": _open(external_id=_string(255, required=True), source=_string(255, required=True)),
    "alert": _open(
        text=_text(3000, required=True), level=_choice("default", "info", "warning", "error", "success")
    ),
    "card": _open(title=_text(150), subtitle=_text(150), body=_text(200), actions=Field("list", 25)).some_of(
        "hero_image", "title", "actions", "body"
    ),
    "carousel": _open(elements=Field("list", 10, 1, True)),
    "container": _open(
        title=_text(150), subtitle=_text(150), child_blocks=Field("blocks", 10, 1, True)
    ).some_of("title", "rich_text_title"),
    "context_actions": _open(elements=_elements(5, frozenset({"feedback_buttons", "icon_button"}))),
    "data_visualization": _open(),
    "plan": _open(title=_string(3000, required=True)),
    "task_card": _open(status=_choice("pending", "in_progress", "complete", "error")),
}

_MESSAGE_ONLY = frozenset(
    {
        "markdown",
        "table",
        "data_table",
        "carousel",
        "card",
        "plan",
        "task_card",
        "file",
        "context_actions",
        "data_visualization",
    }
)
ALLOWED = {
    "message": frozenset(BLOCKS),
    "modal": frozenset(BLOCKS) - _MESSAGE_ONLY,
    "home": frozenset(BLOCKS) - _MESSAGE_ONLY,
}

_VIEW = {
    "private_metadata": _string(3000, least=0),
    "callback_id": _string(255, least=0),
    "external_id": _string(255, least=0),
    "blocks": Field("list", required=True),
}
VIEWS = {
    "modal": _shape(
        **_VIEW,
        title=_plain(24, required=True),
        submit=_plain(24),
        close=_plain(24),
        clear_on_close=FLAG,
        notify_on_close=FLAG,
        submit_disabled=FLAG,
    ),
    "home": _shape(**_VIEW),
}
