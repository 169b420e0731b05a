"""Parameter studies: an ensemble at each point of a grid or table, in one labelled Dataset."""

from __future__ import annotations

import hashlib
import inspect
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd._version import __version__
from hybridrd.arguments import answer, named_arguments, path_of, shown, truth, whole_number
from hybridrd.ensembles.blocks import EnsembleSetup, Outcome, Sums, make_blocks
from hybridrd.ensembles.points import Points, key_of, label
from hybridrd.ensembles.preparation import Prepared, check_engine
from hybridrd.ensembles.processes import Done, check_importable, check_main, in_processes
from hybridrd.ensembles.processes import in_this_process as in_here
from hybridrd.ensembles.store import BlockStore, remove
from hybridrd.ensembles.summary import summary
from hybridrd.ensembles.variation import Variation
from hybridrd.errors import HybridrdError, ModelError, ResultError
from hybridrd.model.quantity import in_time
from hybridrd.model.system import System
from hybridrd.results.lock import locked
from hybridrd.results.study import ROW, Study
from hybridrd.run.provenance import describe
from hybridrd.run.system_identity import fingerprint, first_difference, portrait

if TYPE_CHECKING:
    import xarray as xr
    from distributed import Client

    from hybridrd.model.plane import Plane

Shape = Mapping[str, Any]  # the arguments that all points share


@named_arguments
def sweep(
    make_system: Callable[..., System] | System,
    parameters: Any,
    replicas: int = 1,
    dt: float | str | Callable[..., Any] | None = None,
    until: float | str | None = None,
    every: float | str | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    workers: int | None = None,
    record: Sequence[str] | None = None,
    threads: int | None = None,
    progress: bool | None = None,
    client: Client | str | None = None,
    covariance: Sequence[str] = (),
    quantiles: Sequence[float] = (),
    keep: Sequence[str] = (),
    independent: bool = False,
    planes: Mapping[str, Plane] | None = None,
) -> xr.Dataset:
    """Run an ensemble at each point of a grid or table of parameters.

    Each point is ``ensemble(make_system(**point), replicas, dt, until, ...)``, bit for bit. By
    default all points have the same seed and thus common random numbers: differences between
    neighbouring points are less noisy than the points themselves, and a curve through them is
    smooth. For errors that are independent from point to point give ``independent=True``.

    Parameters
    ----------
    make_system
        A function of the parameters that returns the `System`; or a System, if the parameters are
        keys of its TOML file: ``"reactions[0].k"``, ``"species[A].D"``,
        ``"system.cells"``. The function is called here only, not by workers.
    parameters
        Lists by name: all combinations, each name a dimension of the result. Or a table, a list of
        dicts or a pandas data frame: its rows are the dimension ``point``. Values are numbers,
        text or booleans.
    replicas, until, every, record, threads, progress, covariance, quantiles, keep, planes
        See `ensemble`.
    dt
        Time step, or a function of some of the parameters that returns it.
    seed
        Seed of all points; None draws one, or continues with that of ``out``. With
        ``independent=True`` the seed of a point follows from this one and its parameters.
    out
        ``NAME.zarr``, a directory that is written point by point (a chunk each) and can be read at
        any time; missing points are NaN there. After an interruption the same call continues, with
        the same result bit for bit; a call with more values runs only the new points. Finished
        replicas of unfinished points are kept in ``NAME.zarr.checkpoints``.
    workers, client
        See `ensemble`: processes of this machine, or a Dask cluster; they work on all points at
        once.
    independent
        Whether points have independent random numbers.

    Returns
    -------
    xarray.Dataset
        Variables of `ensemble` with the parameters as first dimensions, and ``attributes``, the
        attributes of each point as JSON: its system, seed, dt, parameters, timings. `point` returns
        one point as the result of its ensemble; `compare`, plots and `export` accept a
        selection of one point directly, ``study.sel(k=1.0)``. `load` reads ``out`` again.

    Raises
    ------
    ModelError, StepError, CapacityError
        See `ensemble`, with the point in the message; before anything runs.
    ResultError
        If ``out`` holds something else, or points with other arguments or systems.
    HybridrdError
        See `ensemble`.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> def decay(k):
    ...     A, line = hrd.Species("A", D=1.0), hrd.Box(x=(0, 1))
    ...     return hrd.System(
    ...         species=[A], domain=line, particles=line, cells=4, initial={A: hrd.Copies(100)},
    ...         reactions=[hrd.Reaction("A -> 0", k=k)],
    ...     )
    >>> study = hrd.sweep(decay, {"k": [0.5, 2.0]}, replicas=10, dt=0.1, until=1.0, seed=1)
    >>> study["copy_number_mean"].dims
    ('k', 'time', 'species')
    >>> left = study["copy_number_mean"].sel(time=1.0, species="A").values
    >>> bool((abs(left - [60.7, 13.5]) < 4 * 5 / 10**0.5).all())
    True
    """
    from hybridrd.run.interrupt import sigterm_raises

    points = Points.of(parameters)
    seed = None if seed is None else whole_number(seed, "seed", 0)
    progress = None if progress is None else truth(progress, "progress")
    independent = truth(independent, "independent")
    processes = check_engine(workers, client)
    shared = {
        "replicas": replicas, "until": until, "every": every, "record": record,
        "threads": threads, "covariance": covariance, "quantiles": quantiles, "keep": keep,
        "planes": planes,
    }  # fmt: skip
    if dt is None or until is None:
        raise ModelError(f"{'dt' if dt is None else 'until'}: missing; give dt= and until=")
    jobs = [
        _Job(label(row), row, system, in_time(_step(dt, row), system.units, "dt"))
        for row, system in _systems(make_system, points)
    ]
    shared |= _times(jobs, until=until, every=every)
    place = None if out is None else _place(out)
    if processes > 1:
        check_main()
        for job in jobs:
            check_importable(job.system)
    with locked(place), sigterm_raises():
        first = jobs[0].prepared(shared, processes, client is not None)
        about = _about(first, points, shared, seed, independent)
        study = _opened(place, points, about)
        seed = study.data.attrs["seed"]
        jobs = [job.seeded(seed, independent) for job in jobs]
        run = _Run(study, points, jobs, shared, first.replicas)
        run.check(processes, client is not None)
        run.run(processes, client, progress)
        return run.result()


@dataclass(frozen=True)
class _Job:
    """One point: its label, parameters, system, time step and seed."""

    label: str
    row: Mapping[str, Any]
    system: System
    dt: float
    seed: int = 0

    def seeded(self, seed: int, independent: bool) -> _Job:
        """The point with its seed."""
        if independent:
            digest = hashlib.sha256(f"{seed} {key_of(self.row)}".encode()).digest()
            seed = int.from_bytes(digest[:8], "big") >> 1
        return _Job(self.label, self.row, self.system, self.dt, seed)

    def prepared(self, shared: Shape, processes: int = 0, elsewhere: bool = False) -> Prepared:
        """The ensemble of the point. Raises what `ensemble` raises, with the point."""
        with _at(self.label):
            return Prepared.checked(
                system=self.system, dt=self.dt, processes=processes, elsewhere=elsewhere, **shared
            )

    @property
    def identity(self) -> dict[str, Any]:
        """Identity of the point, which differs from that of equal parameters in another study."""
        return {"dt": self.dt, "system": fingerprint(portrait(self.system))}


@dataclass(frozen=True)
class SweepSetup:
    """All replicas of all points, numbered one point after another."""

    jobs: Sequence[_Job]
    shared: Shape
    replicas: int
    covariance: tuple[str, ...]
    kept: tuple[str, ...]
    _last: dict[int, EnsembleSetup] = field(default_factory=dict, compare=False)

    def named(self, block: range) -> str:
        """A block in words, for messages."""
        point, first = divmod(block[0], self.replicas)
        return f"at {self.jobs[point].label}: replicas {first} to {first + len(block) - 1}"

    def run(self, replica: int) -> Outcome:
        """One replica. Raises HybridrdError that names its point."""
        point, number = divmod(replica, self.replicas)
        job = self.jobs[point]
        with _at(job.label):
            if point not in self._last:
                prepared = job.prepared(self.shared)
                self._last.clear()  # blocks are ordered by point
                self._last[point] = prepared.setup(job.seed, prepared.window())
            return self._last[point].run(number)


class _Run:
    """A study in progress: finished replicas on disk, finished points in the study."""

    def __init__(
        self, study: Study, points: Points, jobs: Sequence[_Job], shared: Shape, replicas: int
    ) -> None:
        self._study, self._jobs, self._shared, self._replicas = study, jobs, shared, replicas
        self._blocks = make_blocks(replicas)
        there = _stored(study)
        keys = there.identities()
        self._places = [there.index(keys.index(key)) for key in points.identities()]
        self._points = points
        self._todo = [
            p for p, place in enumerate(self._places) if study.attributes_at(place) is None
        ]
        self._stores: dict[int, BlockStore] = {}
        self._prepared: dict[int, Prepared] = {}

    def check(self, processes: int, elsewhere: bool) -> None:
        """Check all points before any of them runs."""
        for p, job in enumerate(self._jobs):
            if p not in self._todo:
                self._check_finished(p, job)
        records = None
        for p in self._todo:
            prepared = self._jobs[p].prepared(self._shared, processes, elsewhere)
            times = (prepared.plan.dt * prepared.stride, prepared.plan.dt * prepared.steps)
            if records is not None and not np.allclose(times, records, rtol=1e-9):
                raise ModelError(
                    f"at {self._jobs[p].label}: records every {times[0]:g}, at the first point "
                    f"every {records[0]:g}; give every="
                )
            records = records or times
        _check_alike([self._jobs[p] for p in self._todo], self._shared["record"])

    def _check_finished(self, p: int, job: _Job) -> None:
        there = self._study.attributes_at(self._places[p])
        assert there is not None
        if there["identity"] == job.identity:
            return
        changed = f"dt: {there['dt']:g}, now {job.dt:g}"
        if there["dt"] == job.dt:
            changed = (
                first_difference({"system": there["system"]}, {"system": describe(job.system)})
                or "an array or function"
            ).replace("in the checkpoint", "in the study")
        raise ResultError(
            f"{self._study.path}: at {job.label} the system has changed in {changed}; choose "
            f"another name, or remove it"
        )

    def run(self, processes: int, client: Any, progress: bool | None) -> None:
        """Run the missing replicas."""
        from hybridrd.run.progress import progress_bar

        todo, at = self._missing(), len(self._blocks)
        setup = SweepSetup(self._jobs, self._shared, self._replicas, *self._requested())
        total = self._replicas * len(self._jobs)
        with progress_bar(
            total, progress, unit="replica", done=total - sum(map(len, todo.values()))
        ) as bar:
            update = bar.update
            done: Done
            if client is not None and todo:
                from hybridrd.ensembles.dask import on_cluster

                done = on_cluster(setup, todo, client)
            elif processes > 1 and todo:
                done = in_processes(setup, todo, processes)
            else:
                done, update = in_here(setup, todo, bar.update), lambda _: None
            sums: dict[int, dict[int, Sums]] = {p: {} for p in self._todo}
            left = {p: sum(i // at == p for i in todo) for p in self._todo}
            for p in [p for p in self._todo if not left[p]]:
                self._finish(p, sums.pop(p))
            with self._interruptible():
                for index, of_block in done:
                    p, b = divmod(index, at)
                    if self._study.path is not None:
                        self._store(p).write(b, self._blocks[b], of_block)
                    sums[p][b] = of_block
                    update(len(todo[index]))
                    left[p] -= 1
                    if not left[p]:
                        self._finish(p, sums.pop(p))
        self._clear()

    def result(self) -> xr.Dataset:
        """The requested points, in order."""
        data = self._study.data
        coordinates = self._points.coordinates()
        if self._points.axes is None:
            found = data.isel({ROW: [place[0] for place in self._places]})
            return found.assign_coords({ROW: (ROW, coordinates[ROW][1])})
        dims = data["attributes"].dims
        where = {
            name: list(dict.fromkeys(place[d] for place in self._places))
            for d, name in enumerate(dims)
        }
        return data.isel(where).transpose(*self._points.axes, ...)

    def _requested(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if not self._todo:
            return (), ()
        wanted = self._of(self._todo[0]).wanted
        return wanted.covariance, wanted.sampled

    def _of(self, p: int) -> Prepared:
        if p not in self._prepared:
            self._prepared.clear()
            self._prepared[p] = self._jobs[p].prepared(self._shared, elsewhere=True)
        return self._prepared[p]

    def _missing(self) -> dict[int, range]:
        """Blocks that are neither in the study nor on disk, by number."""
        n, at = self._replicas, len(self._blocks)
        todo = {}
        for p in self._todo:
            there = []
            if self._study.path is not None and self._work(p).exists():
                there = self._store(p).whole(dict(enumerate(self._blocks)))
            for b, block in enumerate(self._blocks):
                if b not in there:
                    todo[p * at + b] = range(p * n + block.start, p * n + block.stop)
        return todo

    def _finish(self, p: int, sums: Mapping[int, Sums]) -> None:
        """Add a point to the study when its last replica is finished."""
        job, wanted = self._jobs[p], self._of(p).wanted
        total = Sums(wanted.covariance, wanted.sampled)
        for b, block in enumerate(self._blocks):
            total.merge(sums[b] if b in sums else self._store(p).read(b, block))
        timings = {name: round(t, 6) for name, t in total.timings.items()}
        result = summary(total, self._replicas, timings, wanted.quantiles, wanted.keep)
        result.attrs |= {
            "parameters": dict(job.row),
            "identity": job.identity,
        }
        with _at(job.label):
            self._study.add(self._places[p], result)
        if p in self._stores:
            remove(self._stores.pop(p).place)

    def _work(self, p: int) -> Path:
        assert self._study.path is not None
        name = hashlib.sha256(key_of(self._jobs[p].row).encode()).hexdigest()[:16]
        return _beside(self._study.path) / f"point-{name}"

    def _store(self, p: int) -> BlockStore:
        if p not in self._stores:
            place = self._work(p)
            place.parent.mkdir(exist_ok=True)
            job = self._jobs[p]
            with _at(job.label):
                self._stores[p] = BlockStore(place, job.system, self._of(p).arguments(job.seed))
        return self._stores[p]

    def _clear(self) -> None:
        if self._study.path is not None:
            with suppress(OSError):  # it stays if it is not empty
                _beside(self._study.path).rmdir()

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt as error:
            if self._study.path is None:
                raise
            raise type(error)(
                f"Interrupted; {self._study.path} holds the finished points, and the same "
                f"call continues after them."
            ) from error


def _systems(
    make_system: Callable[..., System] | System, points: Points
) -> Iterator[tuple[Mapping[str, Any], System]]:
    """Each point with its system. Raises ModelError, with the point."""
    function: Any = Variation(make_system) if isinstance(make_system, System) else make_system
    if not callable(function):
        raise ModelError(
            f"make_system = {shown(make_system)}: give a function of the parameters that returns a "
            f"System, or a System"
        )
    for row in points:
        with _at(label(row)):
            system = answer(partial(function, **row), "make_system")
            if not isinstance(system, System):
                raise ModelError(f"make_system returned {shown(system)}; it must be a System")
        yield row, system


def _times(jobs: Sequence[_Job], **given: Any) -> dict[str, Any]:
    """Times with units as numbers in those of the systems. Raises ModelError if these differ."""
    found = {name: in_time(value, jobs[0].system.units, name) for name, value in given.items()}
    labels = {str(job.system.units.get("time")) for job in jobs}
    if found != given and len(labels) > 1:
        raise ModelError(
            f"the systems of the points have several units of time, {', '.join(sorted(labels))}; "
            f"give until and every as plain numbers"
        )
    return found


def _step(dt: float | str | Callable[..., Any], row: Mapping[str, Any]) -> Any:
    """The time step of a point."""
    if not callable(dt):
        return dt
    names = inspect.signature(dt).parameters
    every = any(p.kind is p.VAR_KEYWORD for p in names.values())
    given = {name: value for name, value in row.items() if every or name in names}
    with _at(label(row)):
        return answer(partial(dt, **given), "dt")


def _about(
    first: Prepared, points: Points, shared: Shape, seed: int | None, independent: bool
) -> dict[str, Any]:
    """Attributes of the study: everything that must be the same when it is resumed."""
    return {
        "parameters": list(points.names),
        "replicas": first.replicas,
        "until": float(first.until),
        "every": None if shared["every"] is None else float(shared["every"]),
        "seed": seed,
        "independent": independent,
        "record": None if first.wanted.record is None else list(first.wanted.record),
        "covariance": list(first.wanted.covariance),
        "quantiles": list(first.wanted.quantiles),
        "keep": list(first.wanted.keep),
        "planes": first.described_planes(),
        "units": dict(first.plan.system.units),
        "hybridrd": __version__,
    }


def _opened(place: Path | None, points: Points, about: dict[str, Any]) -> Study:
    """The study at a path, with room for all points; a new one if there is none."""
    if place is None or not place.exists():
        if about["seed"] is None:
            about["seed"] = secrets.randbits(63)
        return Study.create(place, points.shape, points.coordinates(), about)
    study = Study.open(place)
    there = study.data.attrs
    about["parameters"] = there["parameters"]  # checked below, in any order
    about["seed"] = there["seed"] if about["seed"] is None else about["seed"]
    for name, value in about.items():
        if there.get(name) != value:
            raise ResultError(
                f"{place}: {name} has changed: {there.get(name)} in the study, now {value}; choose "
                f"another name, or remove it"
            )
    before = _stored(study)
    try:
        joined = points.joined(before)
    except ModelError as error:
        raise ResultError(f"{place}: {error}; choose another name") from error
    old, new = before.identities(), joined.identities()
    if joined.coordinates() != before.coordinates():
        moved = [(before.index(i), joined.index(new.index(key))) for i, key in enumerate(old)]
        study.arrange(joined.shape, joined.coordinates(), moved)
    return study


def _stored(study: Study) -> Points:
    """The points that a study has room for."""
    data, names = study.data, study.data.attrs["parameters"]
    columns = {name: data[name].values.tolist() for name in names}
    if ROW not in data.dims:
        return Points.of({name: columns[name] for name in data["attributes"].dims})
    return Points.of(
        [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    )


def _check_alike(jobs: Sequence[_Job], record: Sequence[str] | None) -> None:
    """Refuse points whose results have no dimensions in common. Raises ModelError."""
    for job in jobs[1:]:
        one, other = jobs[0].system, job.system
        differing = [
            ("species", one.names, other.names, None),
            ("cells", one.grid, other.grid, "concentration"),
            ("reactions", _labels(one), _labels(other), "events"),
        ]
        for what, a, b, variable in differing:
            if a == b or not (variable is None or record is None or variable in record):
                continue
            remedy = "make it the same for all points"
            if variable is not None:
                remedy = f"or give record= without {variable!r}, record=['copy_number', 'total']"
            raise ModelError(
                f"at {job.label}: the {what} are not those at {jobs[0].label}, and one Dataset "
                f"holds all points; {remedy}"
            )


def _labels(system: System) -> list[str]:
    return [channel.label for channel in system.channels]


def _place(out: str | Path) -> Path:
    place = path_of(out, "out")
    if place.suffix not in ("", ".zarr"):
        raise ResultError(f"{place}: a sweep writes NAME.zarr, a directory, not {place.suffix!r}")
    return place


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.checkpoints")


@contextmanager
def _at(where: str) -> Iterator[None]:
    """Name the point in errors of the package."""
    try:
        yield
    except HybridrdError as error:
        if str(error).startswith("at "):
            raise
        raise type(error)(f"at {where}: {error}") from error
