"""Faults that tests and the page put into the local Teams: error answers, delays, lost answers."""

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Final

ANY: Final = "*"
CODES: Final = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    412: "PreconditionFailed",
    429: "Throttled",
    500: "ServiceError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one call: an error answer, seconds of silence before it is handled, a lost answer."""

    status: int = 0
    code: str = ""
    retry_after: int | None = None
    hang: float = 0.0
    drop: bool = False


class Faults:
    """Queues of faults; each is used up by one call, in order.

    A queue is named by an operation (`token`, `metadata`, `keys`; `create`, `send`, `update`, `delete`,
    `members`; `install`, `installed`, `uninstall`, `chat`, `catalogue`, `invite`, `add_member`, `members_of`,
    `user`, `users`), by an area (`login`, `connector`, `graph`) or `"*"`. `delays` hold for every call, in
    seconds.
    """

    def __init__(self) -> None:
        self.delays: dict[str, float] = {}
        self._waiting: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def fail(
        self, name: str, status: int = 500, times: int = 1, *, code: str = "", retry_after: int | None = None
    ) -> None:
        """Answer `status` without doing anything; a 429 carries Retry-After, 1 second unless told."""
        wait = 1 if status == 429 and retry_after is None else retry_after
        word = code or CODES.get(status, "ServiceError")
        self._waiting[name].extend([Fault(status, word, wait)] * times)

    def hang(self, name: str, seconds: float, times: int = 1) -> None:
        """Be silent for `seconds`, then do what was asked, even when the caller has given up meanwhile."""
        self._waiting[name].extend([Fault(hang=seconds)] * times)

    def drop_after_accept(self, name: str, times: int = 1) -> None:
        """Do what was asked, then cut the connection instead of answering."""
        self._waiting[name].extend([Fault(drop=True)] * times)

    def delay(self, name: str, seconds: float) -> None:
        """Take so long over every call from now on; 0 ends it."""
        self.delays[name] = seconds

    def clear(self) -> None:
        """Take back all delays and all faults that were not used up."""
        self._waiting.clear()
        self.delays.clear()

    def next(self, area: str, operation: str) -> Fault:
        """The fault for this call, used up by it; the delays that hold for it are added to its silence."""
        names = (operation, area, ANY)
        queue = next((self._waiting[name] for name in names if self._waiting.get(name)), None)
        found = queue.popleft() if queue else Fault()
        slow = found.hang + sum(self.delays.get(name, 0.0) for name in names)
        return Fault(found.status, found.code, found.retry_after, slow, found.drop)
