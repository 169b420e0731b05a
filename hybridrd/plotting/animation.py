"""Movie, drawn when it is shown or saved."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from hybridrd.arguments import path_of
from hybridrd.errors import ResultError

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure
    from PIL.Image import Image

SUFFIXES = (".gif", ".html")
SLOWEST = 0.01  # frames per second; a gif stores the duration of a frame in 16 bits of 1/100 s


class Movie:
    """Frames of a figure, drawn one at a time.

    Parameters
    ----------
    figure
        The figure to draw into.
    draw
        Function that draws a frame, given its number.
    frames
        Number of frames.
    fps
        Frames per second.
    owned
        Whether the figure was made for the movie: it is closed when the movie is shown.
    """

    def __init__(
        self, figure: Figure, draw: Callable[[int], None], frames: int, fps: float,
        owned: bool = True,
    ) -> None:  # fmt: skip
        self.figure, self.frames, self.fps = figure, frames, fps
        self._draw, self._owned, self._settled = draw, owned, False

    @property
    def seconds(self) -> float:
        """Duration (s)."""
        return self.frames / self.fps

    @property
    def delay(self) -> int:
        """Duration of a frame of a gif (1/100 s), rounded to a whole number."""
        return round(100.0 / self.fps)

    def draw(self, frame: int) -> Figure:
        """Draw one frame, by its number, and return the figure."""
        self._draw(frame)
        if self._owned and not self._settled:
            # Laid out once, so that later frames do not move the axes.
            self.figure.draw_without_rendering()
            self.figure.set_layout_engine("none")
        self._settled = True
        return self.figure

    def save(self, path: str | Path, dpi: float = 100.0) -> None:
        """Write the movie: ``NAME.gif``, or ``NAME.html``, a page with controls.

        No external program is needed. An existing file is replaced when all frames are drawn.

        Raises
        ------
        ResultError
            If the suffix is not one of these, or the file cannot be written.
        """
        path = path_of(path, "path", ResultError)
        if path.suffix.lower() not in SUFFIXES:
            raise ResultError(
                f"{path}: movies are written as NAME.gif or NAME.html; for another format use "
                f".animation().save(...), which needs ffmpeg"
            )
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            if path.suffix.lower() == ".html":
                part.write_text(self.to_jshtml(), encoding="utf-8")
            else:
                self._write_gif(part, dpi)
            os.replace(part, path)
        except OSError as error:
            raise ResultError(f"{path}: cannot be written: {error.strerror or error}") from error
        finally:
            part.unlink(missing_ok=True)

    def animation(self) -> FuncAnimation:
        """A Matplotlib animation, for ``plt.show()`` and its writers; keep a reference to it."""
        from matplotlib.animation import FuncAnimation

        def draw(frame: int) -> list[Artist]:
            self.draw(frame)
            return []

        return FuncAnimation(
            self.figure, draw, frames=self.frames, interval=1000.0 / self.fps,
            init_func=list, cache_frame_data=False,
        )  # fmt: skip

    def to_jshtml(self) -> str:
        """The movie as HTML with controls and its frames."""
        self.draw(0)
        text: str = self.animation().to_jshtml(default_mode="loop")
        return text

    def _repr_html_(self) -> str:
        text = self.to_jshtml()
        self.close()  # otherwise the notebook shows its last frame again
        return text

    def close(self) -> None:
        """Close the figure, if it was made for the movie."""
        if self._owned:
            from matplotlib import pyplot

            pyplot.close(self.figure)

    def _write_gif(self, path: Path, dpi: float) -> None:
        # Pillow takes the frames from the generator and stores only the changes of each, in
        # 256 colours; Matplotlib's PillowWriter would hold all complete frames.
        frames = self._images(dpi)
        first = next(frames)
        first.save(
            path, format="GIF", save_all=True, append_images=frames, loop=0,
            duration=10 * self.delay,
        )  # fmt: skip

    def _images(self, dpi: float) -> Iterator[Image]:
        import matplotlib as mpl
        from PIL import Image as images

        for frame in range(self.frames):
            self.draw(frame)
            buffer = BytesIO()
            with mpl.rc_context({"savefig.bbox": None}):  # all frames of one size
                self.figure.savefig(buffer, format="png", dpi=dpi)
            yield images.open(buffer).convert("RGB").quantize(256, dither=images.Dither.NONE)
