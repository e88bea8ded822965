"""Stages whose results depend on which source goes first: by the setting `source_order`, or an order of their own."""

from __future__ import annotations

from collections.abc import Sequence

from ..engine.batches import Doc
from ..engine.stage import Stage


class SourceOrdered(Stage):
    """A stage that knows the order of the sources, whatever its way of selecting; stands before that among its bases.

    Parameters
    ----------
    order
        Names of sources; the setting `source_order` when None.
    """

    def __init__(self, order: Sequence[str] | None = None, share: Doc | None = None) -> None:
        self.order = None if order is None else tuple(order)
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Order of the sources."""
        return {"order": None if self.order is None else list(self.order)}

    def before_run(self) -> None:
        """Take the order from the settings of the database where none was given."""
        if self.order is None:
            self.order = self.db.settings.source_order

    def place(self, source: str) -> tuple[int, str]:
        """Where a source stands; those that are not in the order come last, by name."""
        order = self.order or ()
        return order.index(source) if source in order else len(order), source
