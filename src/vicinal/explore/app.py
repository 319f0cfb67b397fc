"""Widgets of the live explorer, and what they call. Every call draws anew: nothing is kept for a reader of the page."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vicinal._errors import InvalidInputError, VicinalError, import_extra
from vicinal._version import __version__
from vicinal.explore import pictures
from vicinal.explore.studio import Card, Choice, Studio

CSS = """
.gradio-container { max-width: 1280px !important; margin: 0 auto !important; }
.pictures img { image-rendering: pixelated; }
.pictures .grid-wrap { max-height: none !important; }
.pictures .grid-container {
  grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)) !important; padding-top: 2.2rem;
}
.pictures .thumbnail-item { aspect-ratio: 2.4; }
"""
_LEAD = (
    "Each sample stands beside the training latent nearest to it, decoded, and beside the image of that latent where "
    "images were given. The number below says how far the two latents are apart: 0 is a copy, and 1 is as far as a "
    "fresh image would be."
)
_ALL, _MOST_SAMPLES, _MOST_SEED = "all", 64, 2**31 - 1


class App:
    """The page of a studio; ``folder`` is for the files that a reader saves."""

    def __init__(self, studio: Studio, folder: Path) -> None:
        self.studio, self.folder, self.gr = studio, folder, import_extra("gradio", "explore")

    def blocks(self) -> Any:
        """Return the page as gradio's blocks."""
        gr = self.gr
        with gr.Blocks(title="vicinal explore", analytics_enabled=False) as page:
            gr.Markdown(f"# vicinal explore\n{_LEAD}")
            novelty, names = gr.State(None), list(self.studio.samplers)
            with gr.Row():
                sampler = gr.Dropdown(names, value=names[0], label="Sampler")
                label = gr.Dropdown([_ALL], value=_ALL, label="Class")
                seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=_MOST_SEED)
                n_samples = gr.Slider(1, _MOST_SAMPLES, 12, step=1, label="Samples")
            with gr.Row():
                asked = gr.Slider(0.25, 2.0, 1.0, step=0.05, label="Novelty (0 = copies, 1 = as new as fresh data)")
                refit = gr.Button("Refit to this novelty")
                temperature = gr.Slider(0.05, 3.0, 1.0, step=0.05, label="Temperature (below 1: likelier samples)")
            said, samples = gr.Markdown(), self._gallery("Samples")
            save = gr.DownloadButton("Save the samples as PNG files, with the seed that makes them")
            with gr.Row(visible=False) as of_map:
                look = {"interactive": False, "buttons": [], "elem_classes": "pictures", "min_width": 320}
                chart = gr.Image(label="Map: click near a dot", **look)
                near = self._gallery("The chosen training latent, and samples near it")
            with gr.Column(visible=False) as of_path:
                with gr.Row():
                    first = gr.Number(1, label="Path from sample", precision=0, minimum=1, maximum=_MOST_SAMPLES)
                    last = gr.Number(2, label="to sample", precision=0, minimum=1, maximum=_MOST_SAMPLES)
                    go = gr.Button("Show the path")
                path = self._gallery("The path, along the neighbourhoods of the sampler")
        chosen = [sampler, seed, n_samples, label, novelty, temperature]
        drawn, hidden = [samples, said, chart, save, near, path], {"api_visibility": "private"}

        def click(sampler: Any, seed: Any, n: Any, label: Any, novelty: Any, t: Any, event: Any) -> Any:
            return self.near(sampler, seed, n, label, novelty, t, pixel=event.index)

        click.__annotations__["event"] = gr.SelectData  # what gradio passes an event by

        with page:
            adapt = {"fn": self.adapt, "inputs": sampler, **hidden}
            adapt["outputs"] = [label, novelty, asked, refit, temperature, of_map, of_path]
            gr.on([page.load, sampler.input], **adapt).then(self.draw, chosen, drawn, **hidden)
            changed = [each.input for each in (seed, n_samples, label, temperature)]
            gr.on(changed, self.draw, chosen, drawn, trigger_mode="always_last", **hidden)
            refit.click(self.refit, [sampler, asked, temperature], novelty, **hidden).success(
                self.draw, chosen, drawn, **hidden
            )
            chart.select(click, chosen, [chart, near], **hidden)
            go.click(self.path, [*chosen, first, last], path, **hidden)
        return page

    def adapt(self, name: str) -> tuple[Any, ...]:
        """Return what the widgets of a sampler are to be: classes, novelty, temperature, map, path."""
        studio, update = self.studio, self.gr.update
        reason, classes = studio.why_no_refit(name), studio.classes(name)
        temperature = studio.samplers[name].get_params().get("temperature")
        return (
            update(choices=[_ALL, *classes], value=_ALL, visible=bool(classes)),
            None,
            update(value=1.0, interactive=reason is None, info=reason or ""),
            update(interactive=reason is None),
            update(value=1.0 if temperature is None else temperature, visible=temperature is not None),
            update(visible=studio.has_training(name)),
            update(visible=studio.has_paths(name)),
        )

    def draw(self, *chosen: Any) -> tuple[Any, ...]:
        """Return samples, how new they are, the map, a file of the samples, and empty galleries of the rest."""
        with self._told():
            choice = self._choice(*chosen)
            latents, cards = self.studio.sample(choice), self.studio.cards(choice)
            said = self.studio.how_new(choice.sampler, choice.novelty, choice.temperature)
            chart = self._map(choice, latents) if self.studio.has_training(choice.sampler) else None
        return _shown(cards), said, chart, str(self._saved(choice, cards)), [], []

    def refit(self, name: str, asked: float, temperature: float) -> float:
        """Refit a sampler, and return the novelty that it then has."""
        with self._told():
            self.studio.fitted(name, asked, temperature if self.studio.has_temperature(name) else None)
        return asked

    def near(self, *chosen: Any, pixel: Sequence[float]) -> tuple[Any, Any]:
        """Return the map with the training latent nearest to a pixel, and the samples near that latent."""
        with self._told():
            choice = self._choice(*chosen)
            latents = self.studio.sample(choice)
            places = self.studio.points(choice.sampler), self.studio.points(choice.sampler, latents)
            row = self.studio.nearest_on_map(choice.sampler, pictures.Frame.of(*places).point(pixel))
            return self._map(choice, latents, row), _shown(self.studio.around(choice, row))

    def path(self, *chosen: Any) -> Any:
        """Return the pictures of the path between two samples."""
        *others, first, last = chosen
        with self._told():
            return _shown(self.studio.path(self._choice(*others), int(first or 0), int(last or 0)))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Have errors shown on the page."""
        try:
            yield
        except VicinalError as error:
            raise self.gr.Error(str(error)) from error

    def _gallery(self, label: str) -> Any:
        return self.gr.Gallery(
            label=label,
            min_width=320,
            object_fit="contain",
            height="auto",
            format="png",
            buttons=[],
            interactive=False,
            elem_classes="pictures",
        )

    def _choice(self, name: str, seed: Any, n: Any, label: Any, novelty: Any, temperature: Any) -> Choice:
        """Return what the widgets say; a page may send anything, so it is checked where it can do harm."""
        if not (0 <= (seed or 0) <= _MOST_SEED and 1 <= n <= _MOST_SAMPLES):
            raise InvalidInputError(f"seed must be from 0 to {_MOST_SEED}, samples from 1 to {_MOST_SAMPLES}")
        of_class = None if label in (None, _ALL) else str(label)
        given = temperature if self.studio.has_temperature(name) else None
        return Choice(name, int(seed or 0), int(n), of_class, novelty, given)

    def _map(self, choice: Choice, latents: Any, chosen: int | None = None) -> Any:
        name = choice.sampler
        places = self.studio.points(name), self.studio.points(name, latents)
        return pictures.map_of(*places, self.studio.labels(name), chosen)

    def _saved(self, choice: Choice, cards: Sequence[Card]) -> Path:
        """Return a new ZIP file of samples and of what makes them."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        path = folder / f"samples-seed-{choice.seed}.zip"
        facts = {**choice._asdict(), "vicinal": __version__}
        path.write_bytes(pictures.archive([card.pictures["sample"] for card in cards], facts))
        return path


def _shown(cards: Sequence[Card]) -> list[tuple[Any, str]]:
    """Return cards as a gallery takes them."""
    return [(pictures.beside(list(card.pictures.values())), card.caption) for card in cards]
