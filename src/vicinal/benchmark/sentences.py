"""What a study says, in sentences that its numbers bear out."""

from __future__ import annotations

from collections.abc import Sequence

from vicinal.benchmark.summary import Study
from vicinal.evaluation.texts import gain_words

OURS = ({"sampler": "PMFSampler"}, {"sampler": "LocalSampler"})  # with all parameters at their defaults
NOT_TESTED = "The novelty test was not run in this study. So no sampler is called new, ranked, better or worse."


def introduction(study: Study) -> str:
    """Return what all numbers rest on."""
    facts, config = study.facts, study.config
    sizes = {"latent_dim": "latent dimensions", "width": "channels in the first stage", "n_epochs": "epochs"}
    training = ", ".join(f"{config.training[key]} {text}" for key, text in sizes.items() if key in config.training)
    trainings = _count(len({row["training_seed"] for row in study.rows}), "training")
    samplings = _count(len(config.sampling_seeds), "sampling")
    said = [] if study.is_tested else [NOT_TESTED]
    if "overlap" in facts:
        said.append(facts["overlap"])
    if config.max_searched is not None:
        said.append(f"At most {config.max_searched:,} rows of a set have their neighbours searched.")
    return (
        f"{facts['n_train']:,} training and {facts['n_held_out']:,} held-out images of "
        f"{' x '.join(map(str, facts['image_shape']))}; autoencoders: {training}; "
        f"{trainings} of each autoencoder, {samplings} of each sampler, "
        f"{config.n_samples or facts['n_held_out']:,} samples. "
        f"{' '.join([study.distance, *said])} "
        f"Measured on {study.machine['cores']} cores of an {study.machine['processor']}."
    )


def summary(study: Study) -> str:
    """Return one sentence over several autoencoders: which sampler is best most often, how clearly, and how new."""
    known = {name: study.ranking(name) for name in study.autoencoders}
    first = [ranks[0] for ranks in known.values() if ranks]
    if len(study.autoencoders) < 2 or not study.is_tested or not first:
        return ""
    best = max(dict.fromkeys(first), key=first.count)
    won = [name for name, ranks in known.items() if ranks and ranks[0] == best]
    next_best = {name: known[name][1] for name in won if len(known[name]) > 1}
    clear = [name for name, other in next_best.items() if _is_better(study, name, best, other)]
    ratios = _range([found.mean for name in won if (found := study.estimate(name, best, "nn_ratio"))])
    return (
        f"{best} has the lowest {study.facts['distance']} of the samplers that are new on {len(won)} of "
        f"{len(study.autoencoders)} autoencoders, clearly lower than the next one on {len(clear) or 'none'} of them "
        f"(95 % intervals), with an nn ratio of {ratios}, where fresh data have 1."
    )


def _is_better(study: Study, autoencoder: str, sampler: str, other: str) -> bool:
    verdict = study.verdict(autoencoder, sampler, other)
    return verdict is not None and verdict.word == "better"


def conclusions(study: Study) -> list[str]:
    """Return sentences that the numbers bear out."""
    samplers = study.config.samplers
    mixtures = [name for name, settings in samplers.items() if settings["sampler"] == "GMMSampler"]
    ours = [name for name, settings in samplers.items() if settings in OURS]
    doubts = {name: why for name in study.autoencoders if (why := study.doubt(name)) is not None}
    lines = [
        f"No verdict on {', '.join(name for name in doubts if doubts[name] == why)}: {why}."
        for why in dict.fromkeys(doubts.values())
    ]
    lines += [line for name in ours for mixture in mixtures for line in [_compare(study, name, mixture)] if line]
    first = [ranks[0] for ranks in map(study.ranking, study.autoencoders) if ranks]
    if first:
        wins = sorted(((first.count(name), name) for name in set(first)), reverse=True)
        listed = ", ".join(f"{name} on {count}" for count, name in wins)
        lines.append(f"Lowest distance of the samplers that pass the novelty test: {listed} of {len(first)}.")
    return lines


def _compare(study: Study, sampler: str, other: str) -> str | None:
    """Return how a sampler does against another over all autoencoders."""
    trusted = [name for name in study.autoencoders if study.doubt(name) is None]
    verdicts = {name: study.verdict(name, sampler, other) for name in trusted}
    known = {name: verdict for name, verdict in verdicts.items() if verdict is not None}
    gains = {name: verdict.gain for name, verdict in known.items() if verdict.word != "not compared"}
    if not known:
        return None
    if not study.is_tested:
        return None
    if not gains:
        return f"{sampler} against {other}: not compared, since not both pass the novelty test."
    words = [verdict.word for verdict in known.values()]
    best, worst = (choose(gains, key=lambda name: gains[name].mean) for choose in (max, min))
    ratios = _range([verdict.ratio for verdict in known.values()])
    others = _range([verdict.other_ratio for verdict in known.values()])
    text = (
        f"{sampler} against {other}: lower distance on {sum(gain.mean > 0 for gain in gains.values())} of {len(known)} "
        f"autoencoders, clearly on {words.count('better')}, clearly higher on "
        f"{words.count('worse')}; nn ratios {ratios} against {others}. Its distance is "
        f"{gain_words(gains[best], 'lower', 'higher')} ({best}) at best, "
        f"{gain_words(gains[worst], 'lower', 'higher')} ({worst}) at worst"
    )
    refused = len(known) - len(gains)
    return text + (f"; {refused} not compared, since not both pass the novelty test." if refused else ".")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}"


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return low if low == high else f"{low} to {high}"
