"""Who looks on while attempts run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

    from runlog.executor.attempt import Attempt


class Observer(Protocol):
    """Told of the life of attempts, so that trouble can be seen. Nothing here may raise, or wait.

    Called on the event loop of the executor, but for `asked_for_stacks`, and in the context of the attempt: what is
    recorded here belongs to its run.
    """

    def begun(self, attempt: Attempt) -> None:
        """Its span is open; its function is called next."""
        ...

    def waits(self, attempt: Attempt) -> None:
        """It waits for something, and its places are free."""
        ...

    def goes_on(self, attempt: Attempt) -> None:
        """It has waited, and has its places again."""
        ...

    def ended(self, attempt: Attempt) -> Mapping[str, AttributeValue]:
        """Its span is about to end: return attributes for it."""
        ...

    def timed_out(self, attempt: Attempt) -> None:
        """Its time is up. Nothing was cancelled yet, so its stacks show where it is."""
        ...

    def stopped(self, attempt: Attempt, cause: str) -> None:
        """It is to end: "cancel", "lost" or "shutdown". Nothing was cancelled yet."""
        ...

    def asked_for_stacks(self, attempt: Attempt) -> None:
        """Somebody wants to see where it is. Called in the engine's thread, as the event loop may be blocked."""
        ...


class Unobserved:
    """The observer where nobody looks on."""

    def begun(self, attempt: Attempt) -> None: ...

    def waits(self, attempt: Attempt) -> None: ...

    def goes_on(self, attempt: Attempt) -> None: ...

    def ended(self, _: Attempt) -> Mapping[str, AttributeValue]:
        return {}

    def timed_out(self, attempt: Attempt) -> None: ...

    def stopped(self, attempt: Attempt, cause: str) -> None: ...

    def asked_for_stacks(self, attempt: Attempt) -> None: ...
