"""
The plan of a batch: which requests of the input must be sent, given the output so far.

Everything is checked before the first request is sent. The methods block, so the async
client calls them in worker threads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Self

from attrs import define, field, frozen

from ..._files import FilePath
from ..._models.errors import ArgumentError
from ..._protocol.batch.request_lines import (
    BatchRequest,
    custom_id_key,
    read_request,
)
from ..._protocol.batch.resume import State
from ..._protocol.batch.rows import OutputRow, is_torn, read_row
from ..._protocol.batch.summary import BatchSummary
from .index import Index
from .input_file import BatchLines, InputFile
from .output_file import OutputFile


__all__ = ["BatchPlan", "PlanOptions", "open_plan"]

_SHOWN = 5  # number of problems that an error's message names
# Limits of one call of `due`: the number of requests that it returns, their bytes, and
# the lines that it reads to find them.
_REQUESTS = 64
_SIZE = 4 * 1024 * 1024
_LINES = 2000


@frozen(kw_only=True)
class PlanOptions:
    """
    What a batch is to do.

    Attributes:
        model: The model of all requests; None for the model in each line.
        default_model: The model of a line that names none.
        retry_failed: Whether requests that failed in an earlier run are sent again.
        can_price: Whether the budget knows the price of a model, or needs no price.
    """

    model: str | None
    default_model: str
    retry_failed: bool
    can_price: Callable[[str], bool] = bool

    def read(self, line: bytes) -> BatchRequest:
        """Read one line of the input, as `read_request` does."""
        request = read_request(line, model=self.model, default_model=self.default_model)
        if not self.can_price(model := str(request.body["model"])):
            raise ValueError(
                f"has a budget in US dollars, and the price of the model {model!r:.80}"
                " is not known"
            )
        return request


@define(eq=False)
class BatchPlan:
    """
    The open files of a batch, and what is left to do.

    Attributes:
        options: What the batch is to do.
        source: The input.
        output: The output.
        index: The entry of each request.
        files: Closes `source`, `output` and `index`.
        base: The summary before the first request is sent.
        errors: The failures of earlier runs that are not sent again, by error class.
    """

    options: PlanOptions
    source: InputFile
    output: OutputFile
    index: Index
    files: ExitStack
    base: BatchSummary = field(init=False)
    errors: Counter[str] = field(init=False)
    # Whether the output has lines that `finish` may have to remove.
    _replaced: bool = field(default=False, init=False)
    _due: Iterator[BatchRequest | None] = field(init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all files; may be called twice."""
        self.files.close()

    def read_output(self, go_on: Callable[[], object]) -> None:
        """
        Read the rows of earlier runs, and remove an incomplete row at the output's end.

        *go_on* is called for each row.

        Raises:
            ArgumentError: The file has a line that no batch has written.
            OSError: The file cannot be read or mended.
        """
        end, line_end, rows = 0, False, 0
        for number, (at, line) in enumerate(self.output.lines(), 1):
            go_on()
            row = read_row(line)
            if row is not None:
                rows += self._found(row, at)
                end, line_end = at + len(line), not line.endswith(b"\n")
            elif not is_torn(line):
                raise ArgumentError(
                    f"output: {self.output.path}, line {number} was not written by a"
                    " batch; choose another file",
                    argument="output",
                )
            elif line.endswith(b"\n"):
                self._replaced = True
        self.output.mend(end, line_end=line_end)
        self._count(rows)

    def _found(self, row: OutputRow, at: int) -> bool:
        """Record a row of the output; return whether the input has its custom id."""
        key = custom_id_key(row.custom_id)
        entry = self.index.get(key)
        if entry is None:
            return False
        after = entry.found(row, at)
        if after != entry:
            error = row.error if after.state is State.FAILED else None
            self.index.put(key, after, error)
        return True

    def _count(self, rows: int) -> None:
        """
        Set `base` and `errors` to the counts of earlier runs. *rows* is the number of
        rows in the output that belong to requests of the input.
        """
        done, failed = self.index.count(State.ANSWERED), self.index.count(State.FAILED)
        total = done + failed + self.index.count(State.NEW)
        changed = self.index.changed()
        kept = 0 if self.options.retry_failed else failed
        self.errors = self.index.errors() if kept else Counter()
        self.base = BatchSummary(
            total=total,
            done=done,
            failed=kept,
            earlier=done + kept,
            changed=changed,
            errors=dict(self.errors),
        )
        self._replaced |= rows > done + failed or changed > 0 or failed > kept
        self._due = self._read_due()

    def due(self) -> list[BatchRequest] | None:
        """
        Return the next requests to be sent, in a list that may be empty; None after
        the last request.

        Raises:
            ArgumentError: The input was changed after it was checked.
            OSError: The input cannot be read.
        """
        found: list[BatchRequest] = []
        size = 0
        for _ in range(_LINES):
            request = next(self._due, self)
            if request is self:
                return found or None
            if isinstance(request, BatchRequest):
                found.append(request)
                size += request.size
            if len(found) == _REQUESTS or size > _SIZE:
                break
        return found

    def _read_due(self) -> Iterator[BatchRequest | None]:
        """Yield an item for each line: its request if it must be sent, else None."""
        for number, line in self.source.lines():
            try:
                request = self.options.read(line)
            except ValueError:
                request = None
            entry = None if request is None else self.index.get(request.key)
            if request is None or entry is None or entry.digest != request.digest:
                raise ArgumentError(
                    f"input: line {number} was changed during the batch",
                    argument="input",
                )
            due = entry.is_due(retry_failed=self.options.retry_failed)
            yield request if due else None

    def finish(self) -> None:
        """
        Remove from the output each row that a newer row replaces.

        Raises:
            OSError: There is no room for the new file; the old one has not changed.
        """
        if not self._replaced:
            return
        self.index.reset()
        for at, line in self.output.lines():
            row = read_row(line)
            if row is not None:
                self._found(row, at)
        self.output.compact(self._keeps)

    def _keeps(self, at: int, line: bytes) -> bool:
        row = read_row(line)
        if row is None:
            return False
        entry = self.index.get(custom_id_key(row.custom_id))
        return entry is None or entry.keeps(row, at)


def open_plan(
    source: BatchLines,
    path: FilePath,
    options: PlanOptions,
    go_on: Callable[[], object] = lambda: None,
) -> BatchPlan:
    """
    Check the input *source*, and open and read the output file at *path*.

    *go_on* is called for each line; its exception ends the work.

    Raises:
        ArgumentError: The input or the output is not valid for a batch, or another
            batch is writing to the output. Neither file has changed.
        OSError: A file cannot be read or written.
    """
    with ExitStack() as files:
        given = files.enter_context(InputFile(source, go_on))
        if given.is_file(path):
            raise ArgumentError(
                "output: is the same file as the input", argument="output"
            )
        index = files.enter_context(Index())
        _check_input(given, index, options, go_on)
        output = files.enter_context(OutputFile(path))
        plan = BatchPlan(options, given, output, index, files)
        plan.read_output(go_on)
        plan.files = files.pop_all()
        return plan


def _check_input(
    source: InputFile,
    index: Index,
    options: PlanOptions,
    go_on: Callable[[], object],
) -> None:
    """
    Read the whole input, and fill the index.

    Raises:
        ArgumentError: A line is not a request, or has the custom id of another line.
            The message names the first such lines.
        OSError: The input cannot be read.
    """
    problems: list[str] = []
    for number, line in source.lines():
        go_on()
        problem = _add(index, options, number, line)
        if problem is not None:
            problems.append(f"line {number} {problem}")
            if len(problems) == _SHOWN:
                problems.append("perhaps more lines are wrong")
                break
    if problems:
        raise ArgumentError(
            f"input: {'; '.join(problems)}; nothing was sent", argument="input"
        )


def _add(index: Index, options: PlanOptions, number: int, line: bytes) -> str | None:
    """Add the request of *line* to *index*; return what is wrong with it, or None."""
    try:
        request = options.read(line)
    except ValueError as error:
        return str(error)
    earlier = index.add(request.key, request.digest, number)
    if earlier is None:
        return None
    return f"has the custom_id of line {earlier}, {request.custom_id!r:.80}"
