"""What is forbidden in code, as functions from a source to the lines that offend.

Ruff, mypy and import-linter keep what they can; these are the rules that none of them knows.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from tests.house.source import Source

Rule = Callable[[Source], Iterator[tuple[int, str]]]

_PLATFORM_WORD = re.compile(
    r"(?<![a-z])(?:blocks|modal|(?<!\bpg_stat_)activity|trigger_id)(?![a-z])", re.IGNORECASE
)
_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f]")
_UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
_CLOCKS = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {"time", "time_ns", "localtime", "gmtime"},
}
_CLIENTS = {
    "ClientSession", "AsyncWebClient", "WebClient", "AsyncApp", "App", "Application", "create_engine",
    "create_async_engine", "Engine", "Session", "sessionmaker", "Database", "Lock", "RLock", "Event",
    "Condition", "Semaphore", "Queue", "SimpleQueue", "AsyncIOScheduler", "ThreadPoolExecutor",
    "ProcessPoolExecutor", "Environment", "SMTP", "connect", "defaultdict", "OrderedDict", "deque",
    "WeakValueDictionary", "TTLCache",
}  # fmt: skip
_SHOWN = {
    "Card",
    "Form",
    "Paragraph",
    "Note",
    "Facts",
    "Entry",
    "Button",
    "Field",
    "Option",
    "Picture",
    "Link",
}


def platform_words(source: Source) -> Iterator[tuple[int, str]]:
    """Slack's and Teams' own words, as names or inside strings."""
    for node in source.nodes:
        for word in _names(node):
            if _PLATFORM_WORD.search(word):
                yield getattr(node, "lineno", 0), word
    for text in source.strings():
        if _PLATFORM_WORD.search(str(text.value)):
            yield text.lineno, str(text.value)


def environment(source: Source) -> Iterator[tuple[int, str]]:
    """`os.environ` and `os.getenv`, however they were imported."""
    for node in source.nodes:
        for word in _names(node):
            if word.rpartition(".")[2] in {"environ", "environb", "getenv", "getenvb"}:
                yield getattr(node, "lineno", 0), word


def system_time(source: Source) -> Iterator[tuple[int, str]]:
    """The time of the machine: `datetime.now` and its sisters, called or handed on."""
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and node.attr in _CLOCKS.get(_last(node.value), ()):
            yield node.lineno, f"{_last(node.value)}.{node.attr}"
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name in _CLOCKS["time"])


def blind_except(source: Source) -> Iterator[tuple[int, str]]:
    """An `except` or `suppress` that takes every error, bugs included."""
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        elif isinstance(node, ast.Call) and _last(node.func) == "suppress":
            kinds = list(node.args)
        else:
            continue
        if any(kind is None or _last(kind) in {"Exception", "BaseException"} for kind in kinds):
            yield node.lineno, "takes every error"


def commit(source: Source) -> Iterator[tuple[int, str]]:
    """A commit; letting go of a savepoint inside a transaction is none."""
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and node.attr == "commit" and _last(node.value) != "savepoint":
            yield node.lineno, "commit"


def mock(source: Source) -> Iterator[tuple[int, str]]:
    """The standard library's mocks, however they were imported."""
    for node in source.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [f"{getattr(node, 'module', '') or ''}.{alias.name}" for alias in node.names]
            yield from ((node.lineno, name) for name in names if "unittest.mock" in name)


def unfinished(source: Source) -> Iterator[tuple[int, str]]:
    """A note to do something later."""
    for number, line in enumerate(source.text.splitlines(), 1):
        if _UNFINISHED.search(line):
            yield number, line.strip()


def shared_state(source: Source) -> Iterator[tuple[int, str]]:
    """Clients, locks and empty containers at module level: state that every user of the module shares."""
    for node in source.tree.body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        match value:
            case ast.Call(func=maker) if _last(maker) in _CLIENTS:
                yield node.lineno, f"{_last(maker)}(…)"
            case ast.Call(func=maker, args=[], keywords=[]) if _last(maker) in {"dict", "list", "set"}:
                yield node.lineno, f"{_last(maker)}()"
            case ast.List(elts=[]) | ast.Set(elts=[]) | ast.Dict(keys=[]):
                yield node.lineno, "an empty container"


def japanese(source: Source) -> Iterator[tuple[int, str]]:
    """Japanese inside a string: it belongs in a catalogue."""
    for text in source.strings():
        if _JAPANESE.search(str(text.value)):
            yield text.lineno, str(text.value)


def sentences(source: Source) -> Iterator[tuple[int, str]]:
    """Words handed straight to something that people see, instead of `t("key")`."""
    for node in source.nodes:
        if isinstance(node, ast.Call) and _last(node.func) in _SHOWN:
            for value in [*node.args, *(keyword.value for keyword in node.keywords)]:
                if isinstance(value, ast.Constant) and " " in str(value.value):
                    yield value.lineno, str(value.value)
                if isinstance(value, ast.JoinedStr) and " " in ast.unparse(value).strip():
                    yield value.lineno, ast.unparse(value)


def _names(node: ast.AST) -> list[str]:
    """The names that a node brings in or speaks."""
    match node:
        case ast.Name(id=word) | ast.Attribute(attr=word):
            return [word]
        case ast.FunctionDef(name=word) | ast.AsyncFunctionDef(name=word) | ast.ClassDef(name=word):
            return [word]
        case ast.arg(arg=word) | ast.alias(name=word):
            return [word]
        case ast.keyword(arg=str(word)):
            return [word]
    return []


def _last(node: ast.AST | None) -> str:
    """`datetime` of `dt.datetime`; "" for what is no name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
