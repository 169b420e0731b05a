"""The command line: ``hybridrd run``, ``examples``, ``schema``, ``warm``, ``info``, ``plot``, ...

The commands are implemented in `hybridrd.cli.commands` and `hybridrd.cli.pictures`, which are
loaded when one runs, so that help is fast. Errors become a message on the error stream and exit
code 2.
"""

from __future__ import annotations

import gc
import logging
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from hybridrd._version import __version__
from hybridrd.cli import loading
from hybridrd.errors import AccuracyWarning, HybridrdError

app = typer.Typer(
    name="hybridrd",
    help="Open reaction-diffusion systems: Brownian particles coupled to a PDE.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line."""
    app()


@contextmanager
def messages() -> Iterator[None]:
    """Report of each warning once, as one line, and of errors as a message with exit code 2."""

    shown: set[str] = set()

    def show(message: Warning | str, *_: object, **__: object) -> None:
        text = " ".join(str(message).split())
        if text not in shown:
            typer.echo(f"Warning: {text}", err=True)
        shown.add(text)

    from hybridrd.run.interrupt import Terminated, sigterm_raises

    gc.enable()
    with warnings.catch_warnings(), sigterm_raises(), _heard(show):
        warnings.simplefilter("always", AccuracyWarning)
        warnings.showwarning = show
        try:
            yield
        except HybridrdError as error:
            reason = str(error)
        except OSError as error:
            reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        except MemoryError as error:
            reason = f"not enough memory {error}".strip()
        except KeyboardInterrupt as error:
            typer.echo(str(error) or "Interrupted.", err=True)
            number = signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT
            raise typer.Exit(128 + number) from None  # as a shell reports it
        else:
            return
    typer.echo(f"Error: {reason}", err=True)
    raise typer.Exit(2)


class _Heard(logging.Handler):
    """Log handler that passes warnings of the package to a function."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        self._show(record.getMessage())


@contextmanager
def _heard(show: Callable[[str], None]) -> Iterator[None]:
    """Show warnings of the package's log while a command runs."""
    logger, handler = logging.getLogger("hybridrd"), _Heard(show)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hybridrd {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Open reaction-diffusion systems: Brownian particles coupled to a PDE."""


SpeciesNames = Annotated[
    list[str] | None, typer.Option(help="A species; may be repeated. By default all.")
]
Reference = Annotated[
    str | None,
    typer.Option(
        help="Another saved result to draw with it, or the word pde: the PDE of its system."
    ),
]
ColourMap = Annotated[str | None, typer.Option(help="Colour map of Matplotlib.")]
Norm = Annotated[str | None, typer.Option(help="Colour scale, linear or log.")]
VMin = Annotated[float | None, typer.Option(help="Lower end of the colours.")]
VMax = Annotated[float | None, typer.Option(help="Upper end of the colours.")]
Levels = Annotated[str | None, typer.Option(help="Contour lines: their number, or 10,20,40.")]
Limits = Annotated[str | None, typer.Option(help="Range to show, LOWER,UPPER.")]
SliceAt = Annotated[
    float | None, typer.Option(help="Position of the slice across this axis, in three dimensions.")
]
Axis = Annotated[str | None, typer.Option(help="Axis of profiles and kymographs: x, y or z.")]
Bins = Annotated[int | None, typer.Option(min=1, help="Cells per side that are averaged.")]
ColourBar = Annotated[
    bool | None, typer.Option("--colorbar/--no-colorbar", show_default=False, help="The bar.")
]
OtherUnits = Annotated[
    str | None, typer.Option(help="Units to draw in: nM, or length=nm,time=min.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]


Events = Annotated[
    str | None, typer.Option(help="log: record each reaction, arrival and exit of a particle.")
]
Planes = Annotated[
    str | None,
    typer.Option(
        metavar="NAME:AXIS=PLACE,...", help="Record the net flux through planes, middle:x=0.5."
    ),
]
Method = Annotated[
    str | None,
    typer.Option(
        help="Run the description as particles everywhere, hybrid, pde (mean field), rdme "
        "(discrete copies in cells) or spde (the PDE with noise). By default as described."
    ),
]
Positions = Annotated[
    bool | None,
    typer.Option(
        "--positions/--no-positions",
        help="Record all particles of a single replica, for snapshots and exports.",
        show_default=False,
    ),
]
TimeStep = Annotated[
    str | None, typer.Option(metavar="TIME", help="Time step: a number, or with units, '1 ms'.")
]
End = Annotated[str | None, typer.Option(metavar="TIME", help="End, a multiple of dt.")]
Every = Annotated[str | None, typer.Option(metavar="TIME", help="Time between records.")]
Progress = Annotated[
    bool | None,
    typer.Option(
        "--progress/--no-progress",
        help="Report progress, in lines if there is no terminal. By default a bar on a terminal.",
        show_default=False,
    ),
]
Resumed = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Resume from the checkpoints beside --out; --resume=auto starts if there are "
        "none, for jobs that are requeued.",
    ),
]
AUTO = "--resume-auto"


class _Run(TyperCommand):
    """The command ``run``, whose flag ``--resume`` may have the value ``auto``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [AUTO if a == "--resume=auto" else a for a in args])


@app.command(cls=_Run)
def run(
    what: Annotated[
        str,
        typer.Argument(metavar="NAME|FILE.toml", help="A name of `hybridrd examples`, or a file."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Where to save: NAME.zarr (a directory) or NAME.nc (netCDF); by "
            "default the name of the file or case with .zarr.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="By default a new one; it is saved.")
    ] = None,
    dt: TimeStep = None,
    until: End = None,
    every: Every = None,
    replicas: Annotated[
        int | None, typer.Option(min=1, help="Independent runs to average.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes for the replicas.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of each replica.")] = None,
    positions: Positions = None,
    events: Events = None,
    planes: Planes = None,
    progress: Progress = None,
    method: Method = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the result and its PDE: FILE.png, .pdf or .svg.")
    ] = None,
    overwrite: Overwrite = False,
    resume: Resumed = False,
    resume_auto: Annotated[bool, typer.Option(AUTO, hidden=True)] = False,
    checkpoint_minutes: Annotated[
        float, typer.Option(min=0.0, help="Wall time between checkpoints of one replica.")
    ] = 10.0,
) -> None:
    """Run a published case, or the system of a file, and save the result.

    By default dt, until and so on are the published ones, or those of the file's
    [run] table. An interrupted run can be resumed; a single replica can be read while it runs.
    """
    given: dict[str, Any] = {"dt": dt, "until": until, "every": every, "seed": seed}
    given |= {"replicas": replicas, "workers": workers, "threads": threads}
    given |= {"positions": positions, "events": events, "progress": progress}
    given |= {"method": method}
    with messages():
        with loading():
            from hybridrd.cli import commands

            given |= {"planes": commands.read_planes(planes)}
            out = commands.named_after(what) if out is None else out
            kept: commands.Resume = "auto" if resume_auto else "yes" if resume else "no"
            commands.check_output(out, commands.RESULTS, overwrite or kept != "no")
            if plot is not None:
                from hybridrd.cli.pictures import PICTURES

                commands.check_output(plot, PICTURES, overwrite, any_case=True)
            job = commands.find_job(what, given)
        for text in commands.run_job(job, out, plot, overwrite, kept, checkpoint_minutes):
            typer.echo(text)


@app.command()
def sweep(
    what: Annotated[
        str,
        typer.Argument(metavar="NAME|FILE.toml", help="A name of `hybridrd examples`, or a file."),
    ],
    over: Annotated[
        list[str],
        typer.Option(
            help="A key of the file and its values, reactions[0].k=1,2,4 or run.dt=1e-3,5e-4; "
            "repeat it for all combinations."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="NAME.zarr, a directory; by default the name of the file with -sweep.zarr.",
        ),
    ] = None,
    replicas: Annotated[
        int | None, typer.Option(min=1, help="Independent runs at each point.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="By default a new one; it is saved.")
    ] = None,
    dt: TimeStep = None,
    until: End = None,
    every: Every = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes for all points.")] = None,
    independent: Annotated[
        bool,
        typer.Option(
            "--independent", help="Independent random numbers at each point, not common ones."
        ),
    ] = False,
    planes: Planes = None,
    progress: Progress = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the points: FILE.png, .pdf or .svg.")
    ] = None,
) -> None:
    """Run a file at all combinations of some values, and save the points in one result.

    After an interruption the same command continues; with more values it runs only the new
    points.
    """
    given: dict[str, Any] = {"dt": dt, "until": until, "every": every, "seed": seed}
    given |= {"replicas": replicas, "workers": workers, "progress": progress}
    with messages():
        from hybridrd.cli import commands, sweeps

        given |= {"planes": commands.read_planes(planes)}
        if plot is not None:
            from hybridrd.cli.pictures import PICTURES

            commands.check_output(plot, PICTURES, overwrite=True, any_case=True)
        for text in sweeps.run(what, over, given, out, independent, plot):
            typer.echo(text)


@app.command()
def suggest(
    what: Annotated[
        str,
        typer.Argument(metavar="NAME|FILE.toml", help="A name of `hybridrd examples`, or a file."),
    ],
    error: Annotated[float, typer.Option(help="Relative error of means.")] = 0.01,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="End of the time over which functions of time are evaluated."
        ),
    ] = None,
    check: Annotated[
        int | None,
        typer.Option(
            min=2, help="Compare dt to dt/2 with this many replicas of each, up to --until."
        ),
    ] = None,
) -> None:
    """Suggest a time step, cells and layers, with the reason for each, and measure the cost."""
    with messages():
        from hybridrd.cli import commands

        for text in commands.suggest_steps(what, error, until, check):
            typer.echo(text)


@app.command()
def examples() -> None:
    """List the published cases and their commands."""
    from hybridrd.examples import CASES

    columns = ["name", "dt", "until", "every", "what"]
    rows = [
        [name, *(f"{v:g}" for v in (c.dt, c.until, c.every)), c.summary]
        for name, c in CASES.items()
    ]
    widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
    for row in [columns, *rows]:
        line = "  ".join(f"{word:<{width}}" for word, width in zip(row, widths, strict=True))
        typer.echo(line.rstrip())


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option("--out", "-o", help="FILE.json to write.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Print the JSON schema of the files of `run`: editors complete and check keys with it."""
    with messages():
        from hybridrd.cli import commands

        typer.echo(commands.schema(out, overwrite), nl=out is not None)


@app.command()
def warm(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME|FILE.toml ...",
            help="Names of examples or files, as for `run`; by default all examples.",
        ),
    ] = None,
) -> None:
    """Compile what systems need in their first 200 steps, so that later runs start at once.

    Kernels are cached where hybridrd is installed, or in the directory NUMBA_CACHE_DIR.
    """
    with messages():
        from hybridrd.cli.warm import compile_for

        for text in compile_for(what or []):
            typer.echo(text)


@app.command()
def compare(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH PATH ...", help="Saved results.")],
    time: Annotated[
        float | None, typer.Option(help="Time of a record. By default the last.")
    ] = None,
) -> None:
    """Compare results side by side, for example of one description run by several methods.

    For each species: the total, with its standard error, variance over mean and difference from
    the first result in standard errors (z) if there are replicas; the distance of the profiles in
    the particle region (l2); and the duration in seconds.
    """
    with messages(), loading():
        from hybridrd.cli.methods import compare_files

        for text in compare_files(paths, time):
            typer.echo(text)


@app.command()
def info(
    path: Annotated[Path, typer.Argument(help="A saved result.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Verify all checksums, and name damaged files.")
    ] = False,
) -> None:
    """Summarise a result: its system, times, seed, and copy numbers."""
    with messages(), loading():
        from hybridrd.cli import commands

        if verify:
            typer.echo(commands.verify_result(path))
        typer.echo(commands.describe_result(path))


@app.command()
def plot(
    path: Annotated[Path, typer.Argument(help="A saved result.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="FILE.png, .pdf or .svg; by default PATH with .png."),
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            help="overview, profile, field, counts, kymograph, snapshot (needs a `run "
            "--positions`) or compare (needs --reference); of a sweep curve, map or times."
        ),
    ] = "overview",
    species: SpeciesNames = None,
    time: Annotated[
        list[float] | None,
        typer.Option(
            help="Time of a record (the nearest); may be repeated. By default the last; in an "
            "overview the middle, too."
        ),
    ] = None,
    reference: Reference = None,
    cmap: ColourMap = None,
    norm: Norm = None,
    vmin: VMin = None,
    vmax: VMax = None,
    levels: Levels = None,
    colorbar: ColourBar = None,
    xlim: Limits = None,
    ylim: Limits = None,
    x: SliceAt = None,
    y: SliceAt = None,
    z: SliceAt = None,
    axis: Axis = None,
    bins: Bins = None,
    units: OtherUnits = None,
    overwrite: Overwrite = False,
) -> None:
    """Draw a saved result."""
    given: dict[str, Any] = {"cmap": cmap, "norm": norm, "vmin": vmin, "vmax": vmax}
    given |= {"levels": levels, "colorbar": colorbar, "xlim": xlim, "ylim": ylim}
    given |= {"x": x, "y": y, "z": z, "axis": axis, "bins": bins, "units": units}
    with messages():
        from hybridrd.cli import commands, pictures
        from hybridrd.cli.look import look_of

        look = look_of(given)
        picture = commands.beside(path, ".png") if out is None else out
        commands.check_output(picture, pictures.PICTURES, overwrite, any_case=True)
        pictures.draw_file(path, picture, species or None, time or None, kind, reference, look)
        typer.echo(f"drawn in {picture}")


@app.command()
def movie(
    path: Annotated[Path, typer.Argument(help="A saved result.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="FILE.gif or .html; by default PATH with .gif."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help="profile, field or snapshot (needs a `run --positions`). By default field; "
            "profile in one dimension."
        ),
    ] = None,
    species: SpeciesNames = None,
    fps: Annotated[float, typer.Option(help="Frames per second, 0.01 to 50.")] = 10.0,
    every: Annotated[int, typer.Option(min=1, help="Draw every n-th record.")] = 1,
    reference: Reference = None,
    cmap: ColourMap = None,
    norm: Norm = None,
    vmin: VMin = None,
    vmax: VMax = None,
    levels: Levels = None,
    colorbar: ColourBar = None,
    xlim: Limits = None,
    ylim: Limits = None,
    x: SliceAt = None,
    y: SliceAt = None,
    z: SliceAt = None,
    axis: Axis = None,
    bins: Bins = None,
    units: OtherUnits = None,
    overwrite: Overwrite = False,
) -> None:
    """Make a movie of a saved result."""
    given: dict[str, Any] = {"cmap": cmap, "norm": norm, "vmin": vmin, "vmax": vmax}
    given |= {"levels": levels, "colorbar": colorbar, "xlim": xlim, "ylim": ylim}
    given |= {"x": x, "y": y, "z": z, "axis": axis, "bins": bins, "units": units}
    with messages():
        from hybridrd.cli import commands, pictures
        from hybridrd.cli.look import look_of

        look = look_of(given)
        place = commands.beside(path, ".gif") if out is None else out
        commands.check_output(place, pictures.MOVIES, overwrite, any_case=True)
        said = pictures.film_file(path, place, species or None, kind, fps, every, reference, look)
        typer.echo(said)


@app.command()
def export(
    path: Annotated[Path, typer.Argument(help="A saved result.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="FILE.simularium, .pvd, .vtp, .vtu, .ome.zarr, .xyz, .csv or .nc: the suffix is "
            "the format.",
        ),
    ],
    time: Annotated[
        float | None,
        typer.Option(help="Time of one record. By default all; for .vtp and .vtu the last."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a saved result for another program: Simularium, ParaView, napari, OVITO, R."""
    with messages():
        from hybridrd.exporters import check_place, export
        from hybridrd.results.store import open_result

        check_place(out, overwrite)
        with open_result(path) as result:
            export(result, out, time=time, overwrite=overwrite)
        typer.echo(f"written to {out}")
